//! What is done for every at-once task, shown on the smallest one there can be.

use super::*;
use keys::Pair;
use protocol::{Digest, SignedWorkReceipt, WorkReceipt};
use rand::{RngExt, SeedableRng};
use serde::Deserialize;

use crate::Upstream;

mod jobs;

/// Twice a number. Its judge cannot cope with 13.
struct Doubling;

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Question {
    number: u8,
    #[serde(default)]
    aloud: bool,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Double {
    double: u16,
}

impl Task for Doubling {
    type Request = Question;
    type Answer = Double;
    type Secret = u16;
    const NAME: &'static str = "doubling";
    const VERSION: u16 = 3;
    const ABOUT: &'static str = "Twice a number.";
    const LIMITS: Limits = Limits {
        request_bytes: 64,
        answer_bytes: 16,
        ..Limits::SMALL
    };
    const CHEATS: &'static [&'static str] = &["zero"];

    fn open(setup: &Setup) -> Result<Self, SetupError> {
        setup.expect_nothing(&Self::id())?;
        Ok(Self)
    }

    fn check(request: &Question) -> Result<(), Complaint> {
        match request.number {
            200.. => Err(Complaint::of("number", "is 200 or more")),
            _ => Ok(()),
        }
    }

    fn challenge(&self, rng: &mut ChaCha20Rng) -> (Question, u16) {
        let number = rng.random_range(20..200);
        let aloud = false;
        (Question { number, aloud }, 2 * u16::from(number))
    }

    fn judge(&self, request: &Question, answer: &Double, secret: &u16) -> Judgement {
        assert_ne!(request.number, 13, "the judge is superstitious");
        let quality = f64::from(u8::from(answer.double == *secret));
        Judgement::of(quality, "as it is")
    }

    fn solve(&self, request: &Question) -> Result<Double, WorkError> {
        let double = 2 * u16::from(request.number);
        Ok(Double { double })
    }

    fn cheat(&self, _zero: &str, _request: &Question) -> Result<Double, WorkError> {
        Ok(Double { double: 0 })
    }
}

const KIND: Once<Doubling> = Once::KIND;

fn miner() -> Pair {
    Pair::from_uri("//Bob").expect("a development key")
}

/// A question put to Bob, and everything he can answer.
struct Case {
    judge: Arc<dyn Judge>,
    challenge: Challenge,
    request_hash: Digest,
}

impl Case {
    fn of(number: u8) -> Self {
        let request = Question {
            number,
            aloud: false,
        };
        let challenge = Challenge {
            route: Route::Work,
            body: written(&request),
            secret: Box::new(Known::<Doubling> {
                request,
                secret: 2 * u16::from(number),
            }),
        };
        Self {
            judge: KIND.judge(&Setup::default()).expect("it needs nothing"),
            challenge,
            request_hash: Digest([7; 32]),
        }
    }

    /// An honest receipt for a body.
    fn receipt(&self, body: &[u8]) -> WorkReceipt {
        WorkReceipt {
            request_hash: self.request_hash,
            answer_hash: Digest::of(body),
            miner: miner().account(),
            task: Doubling::id(),
            queue_ms: 0,
            total_ms: 1,
        }
    }

    fn judged(&self, answered: Answered) -> Option<Judgement> {
        let put = Put {
            challenge: &self.challenge,
            request_hash: self.request_hash,
            miner: miner().account(),
        };
        let reply = Reply {
            answered,
            first_ms: 20.0,
            total_ms: 20.0,
        };
        self.judge.judge(put, &reply)
    }

    fn signed(&self, body: &'static [u8]) -> Option<Judgement> {
        let receipt = self.receipt(body).sign(&miner());
        self.judged(once(body, Some(receipt)))
    }
}

fn once(body: &'static [u8], receipt: Option<SignedWorkReceipt>) -> Answered {
    let body = Bytes::from_static(body);
    Answered::Once { body, receipt }
}

#[test]
fn an_answer_under_the_miners_receipt_is_judged_and_timed() {
    let judgement = Case::of(21).signed(br#"{"double":42}"#).expect("judged");
    assert_eq!((judgement.quality, judgement.fault), (1.0, None));
    let speed = judgement.speed.expect("timed");
    assert_eq!((speed.per_second, speed.first_ms), (50.0, 20.0));
    let wrong = Case::of(21).signed(br#"{"double":43}"#).expect("judged");
    assert_eq!((wrong.quality, wrong.fault), (0.0, None));
}

#[test]
fn a_receipt_for_anything_else_is_false() {
    let case = Case::of(21);
    let body = br#"{"double":42}"#;
    let honest = case.receipt(body);
    let other = |change: fn(&mut WorkReceipt)| {
        let mut receipt = honest.clone();
        change(&mut receipt);
        Some(receipt.sign(&miner()))
    };
    let by_alice = Pair::from_uri("//Alice").expect("a development key");
    let receipts = [
        None,
        Some(honest.clone().sign(&by_alice)),
        other(|receipt| receipt.request_hash = Digest([8; 32])),
        other(|receipt| receipt.answer_hash = Digest([8; 32])),
        other(|receipt| receipt.task = "doubling/2".parse().expect("a task")),
    ];
    for receipt in receipts {
        let judgement = case.judged(once(body, receipt)).expect("judged");
        let is_false = matches!(judgement.fault, Some(Fault::FalseReceipt(_)));
        assert!(is_false && judgement.speed.is_none(), "{judgement:?}");
    }
}

#[test]
fn what_is_not_of_the_answers_form_is_unreadable() {
    let case = Case::of(21);
    let oversized = br#"{"double":        42}"#;
    for body in [&b"forty-two"[..], br#"{"double":-1}"#, oversized] {
        let fault = case.signed(body).expect("judged").fault;
        assert!(matches!(fault, Some(Fault::Unreadable(_))), "{fault:?}");
    }
    let stream = case.judged(Answered::Stream(protocol::Answer::default()));
    let fault = stream.expect("judged").fault;
    assert!(matches!(fault, Some(Fault::Unreadable(_))), "{fault:?}");
}

/// The miner of an answer that the judge stumbles over neither gains nor loses.
#[test]
fn a_judge_that_panics_judges_nothing() {
    assert_eq!(Case::of(13).signed(br#"{"double":26}"#), None);
}

#[test]
fn a_challenge_of_another_task_is_not_judged() {
    let mut case = Case::of(21);
    case.challenge.secret = Box::new("a secret of something else");
    assert_eq!(case.signed(br#"{"double":42}"#), None);
}

#[test]
fn every_asker_sends_the_same_bytes_for_the_same_request() {
    let canonical = |body: &str| {
        KIND.canonical(body.as_bytes())
            .map_err(|complaint| complaint.to_string())
    };
    let plain = Ok(Bytes::from_static(br#"{"number":21,"aloud":false}"#));
    assert_eq!(canonical(r#"{"number": 21}"#), plain);
    assert_eq!(canonical(r#"{ "aloud": false, "number": 21 }"#), plain);
    assert_eq!(
        canonical(r#"{"number": 200}"#),
        Err("`number` is 200 or more".into())
    );
    for bad in ["", "21", r#"{"number": 21, "hint": 42}"#] {
        let complaint = canonical(bad).expect_err(bad);
        assert!(complaint.contains("not as its schema says"), "{complaint}");
    }
    let long = format!(r#"{{"number": {:>60}}}"#, 21);
    assert_eq!(
        canonical(&long),
        Err("the request is larger than 64 bytes".into())
    );
}

#[test]
fn a_worker_solves_or_plays_its_cheat_and_refuses_what_is_no_request() {
    let worker = |cheat: Option<&str>| {
        let cheat = cheat.map(str::to_owned);
        let setup = Setup {
            cheat,
            ..Setup::default()
        };
        match KIND.service(&setup) {
            Ok(Service::Once(worker)) => Ok(worker),
            Ok(Service::Stream(_) | Service::Job(_)) => panic!("it answers at once"),
            Err(error) => Err(error.to_string()),
        }
    };
    let honest = worker(None).expect("a worker");
    assert_eq!(
        honest.work(br#"{"number":21}"#),
        Ok(br#"{"double":42}"#.to_vec())
    );
    let complaint = honest
        .work(br#"{"number":255}"#)
        .expect_err("too large a number");
    assert!(matches!(complaint, WorkError::Complaint(_)), "{complaint}");
    let villain = worker(Some("zero")).expect("a villain");
    assert_eq!(
        villain.work(br#"{"number":21}"#),
        Ok(br#"{"double":0}"#.to_vec())
    );
    let unknown = worker(Some("one")).err().expect("no such cheat");
    assert_eq!(unknown, r#"doubling/3 has no cheat "one"; it has ["zero"]"#);
}

#[test]
fn an_option_without_use_is_refused_by_name() {
    let upstream = Upstream {
        url: "http://127.0.0.1:9/v1".into(),
        api_key: None,
        model: None,
    };
    let setups = [
        (
            "--upstream",
            Setup {
                upstream: Some(upstream),
                ..Setup::default()
            },
        ),
        (
            "--model",
            Setup {
                model: Some("m".into()),
                ..Setup::default()
            },
        ),
        (
            "--challenges",
            Setup {
                challenges: Some("c".into()),
                ..Setup::default()
            },
        ),
    ];
    for (option, setup) in setups {
        let error = KIND.judge(&setup).err().expect("no use for it").to_string();
        assert!(error.contains(option), "{error}");
    }
}

#[test]
fn challenges_follow_from_the_seed_and_are_requests() {
    let drawn = |seed| {
        let judge = KIND.judge(&Setup::default()).expect("it needs nothing");
        judge.challenge(&mut ChaCha20Rng::seed_from_u64(seed)).body
    };
    assert_eq!(drawn(1), drawn(1));
    assert_ne!(drawn(1), drawn(2));
    assert_eq!(KIND.canonical(&drawn(1)).as_ref(), Ok(&drawn(1)));
}

#[test]
fn sooner_than_soon_enough_is_no_faster() {
    let told = |total_ms| {
        let Speed {
            per_second,
            first_ms,
        } = speed(total_ms, Duration::from_millis(100));
        (per_second, first_ms)
    };
    assert_eq!(told(3.0), (10.0, 100.0));
    assert_eq!(told(100.0), (10.0, 100.0));
    assert_eq!(told(250.0), (4.0, 250.0));
    let Speed { per_second, .. } = speed(0.0, Duration::ZERO);
    assert_eq!(per_second, 1_000.0);
}
