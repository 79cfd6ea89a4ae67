//! A task that takes long, shown on the smallest one there can be: counting up to a number, a report for each step.

use super::{Digest, miner, once};
use crate::once::*;
use protocol::WorkReceipt;
use serde::Deserialize;

/// Whoever counts further is worth more beside the others. The comparison cannot cope with a limit of 13.
struct Counting;

#[derive(Serialize, Deserialize, JsonSchema)]
struct Limit {
    limit: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Count {
    count: u32,
}

impl Task for Counting {
    type Request = Limit;
    type Answer = Count;
    type Secret = ();
    const NAME: &'static str = "counting";
    const VERSION: u16 = 1;
    const ABOUT: &'static str = "Counts.";
    const LIMITS: Limits = Limits {
        patience: Duration::from_secs(100),
        ..Limits::SMALL
    };
    const DELIVERY: Delivery = Delivery::Job;
    const HAS_UPSTREAM: bool = true;
    const CHEATS: &'static [&'static str] = &["boast"];

    fn open(_: &Setup) -> Result<Self, SetupError> {
        Ok(Self)
    }

    fn check(request: &Limit) -> Result<(), Complaint> {
        match request.limit {
            0 => Err(Complaint::of("limit", "is nought")),
            _ => Ok(()),
        }
    }

    fn challenge(&self, _: &mut ChaCha20Rng) -> (Limit, ()) {
        (Limit { limit: 5 }, ())
    }

    fn judge(&self, request: &Limit, answer: &Count, (): &()) -> Judgement {
        match answer.count <= request.limit {
            true => Judgement::of(1.0, "counted"),
            false => Judgement::fault(Fault::FalseAnswer("counted too far".into())),
        }
    }

    fn compare(&self, request: &Limit, (): &(), round: &mut [Compared<Count>]) {
        assert_ne!(request.limit, 13, "the comparison is superstitious");
        let best = round.iter().map(|one| one.answer.count).max().unwrap_or(1);
        let mut seen = Vec::new();
        for one in round {
            let is_first = !seen.contains(&one.answer.count);
            seen.push(one.answer.count);
            let share = f64::from(one.answer.count) / f64::from(best);
            one.judgement.quality = if is_first { share } else { 0.0 };
        }
    }

    fn patience(request: &Limit) -> Duration {
        Duration::from_secs(u64::from(request.limit) * 10)
    }

    fn solve(&self, _: &Limit) -> Result<Count, WorkError> {
        Err(WorkError::Failed("it takes labour".into()))
    }

    fn labour(
        &self,
        request: &Limit,
        report: &mut dyn FnMut(Progress<Count>) -> ControlFlow<()>,
    ) -> Result<Count, WorkError> {
        for count in 1..=request.limit {
            let progress = Progress {
                fraction: f64::from(count) / f64::from(request.limit),
                figure: Some(f64::from(count)),
                answer: Some(Count { count }),
            };
            if report(progress).is_break() {
                return Ok(Count { count });
            }
        }
        let count = request.limit;
        Ok(Count { count })
    }

    fn cheat(&self, _boast: &str, request: &Limit) -> Result<Count, WorkError> {
        let count = request.limit + 1;
        Ok(Count { count })
    }
}

const KIND: Once<Counting> = Once::KIND;

fn worker(cheat: Option<&str>) -> Arc<dyn JobWorker> {
    let setup = Setup {
        cheat: cheat.map(str::to_owned),
        ..Setup::default()
    };
    match KIND.service(&setup) {
        Ok(Service::Job(worker)) => worker,
        _ => panic!("its service takes jobs"),
    }
}

#[test]
fn a_worker_reports_its_progress_and_its_best_answer_so_far() {
    let mut reports = Vec::new();
    let mut report = |progress: Progress| {
        reports.push(progress);
        ControlFlow::Continue(())
    };
    let answer = worker(None).work(br#"{"limit":2}"#, &mut report);
    assert_eq!(answer, Ok(br#"{"count":2}"#.to_vec()));
    let expected = |fraction, count: u8| Progress {
        fraction,
        figure: Some(f64::from(count)),
        answer: Some(format!("{{\"count\":{count}}}").into_bytes()),
    };
    assert_eq!(reports, [expected(0.5, 1), expected(1.0, 2)]);
}

#[test]
fn a_worker_that_is_told_to_stop_hands_in_what_it_has() {
    let mut stop = |progress: Progress| match progress.fraction < 0.25 {
        true => ControlFlow::Continue(()),
        false => ControlFlow::Break(()),
    };
    let answer = worker(None).work(br#"{"limit":100}"#, &mut stop);
    assert_eq!(answer, Ok(br#"{"count":25}"#.to_vec()));
}

#[test]
fn what_is_no_request_is_refused_before_it_is_taken() {
    let worker = worker(None);
    assert_eq!(worker.check(br#"{"limit":1}"#), Ok(()));
    let complaint = worker.check(br#"{"limit":0}"#).expect_err("nought");
    assert_eq!(complaint.param.as_deref(), Some("limit"));
    assert!(worker.check(b"{}").is_err());
}

#[test]
fn patience_follows_from_the_request_and_has_a_bound() {
    let seconds = |body: &[u8]| {
        let (kind, worker) = (KIND.patience_of(body), worker(None).patience_of(body));
        assert_eq!(kind, worker, "asker and miner agree");
        kind.as_secs()
    };
    assert_eq!(seconds(br#"{"limit":3}"#), 30);
    assert_eq!(seconds(br#"{"limit":3000}"#), 100);
    assert_eq!(seconds(b"no request"), 100);
}

/// One of a round: what was answered to a question about so many, by Bob.
fn answered(judge: &dyn Judge, challenge: &Challenge, body: &'static [u8]) -> Compared {
    let request_hash = Digest([7; 32]);
    let receipt = WorkReceipt {
        request_hash,
        answer_hash: Digest::of(body),
        miner: miner().account(),
        task: Counting::id(),
        queue_ms: 0,
        total_ms: 1,
    };
    let reply = Reply {
        answered: once(body, Some(receipt.sign(&miner()))),
        first_ms: 20_000.0,
        total_ms: 20_000.0,
    };
    let put = Put {
        challenge,
        request_hash,
        miner: miner().account(),
    };
    Compared {
        miner: miner().account(),
        took: std::time::Duration::from_secs(20),
        judgement: judge.judge(put, &reply).expect("judged"),
        answer: reply,
    }
}

fn challenge(limit: u32) -> Challenge {
    let request = Limit { limit };
    Challenge {
        route: Route::Submit,
        body: written(&request),
        secret: Box::new(Known::<Counting> {
            request,
            secret: (),
        }),
    }
}

#[test]
fn answers_are_compared_in_the_order_in_which_they_came() {
    let judge = KIND.judge(&Setup::default()).expect("it needs nothing");
    let challenge = challenge(4);
    let bodies: [&'static [u8]; 5] = [
        br#"{"count":2}"#,
        br#"{"count":5}"#,
        br#"{"count":4}"#,
        br#"{"count":2}"#,
        b"four",
    ];
    let mut round = bodies.map(|body| answered(judge.as_ref(), &challenge, body));
    assert!(judge.compare(&challenge, &mut round));
    let qualities = round.each_ref().map(|one| one.judgement.quality);
    assert_eq!(qualities, [0.5, 0.0, 1.0, 0.0, 0.0]);
    let faults = round.each_ref().map(|one| one.judgement.fault.is_some());
    assert_eq!(faults, [false, true, false, false, true]);
}

/// A job's time is given: whoever takes less of it is no better.
#[test]
fn all_jobs_are_as_fast() {
    let judge = KIND.judge(&Setup::default()).expect("it needs nothing");
    let judged = answered(judge.as_ref(), &challenge(4), br#"{"count":4}"#).judgement;
    assert_eq!(judged.speed.map(|speed| speed.per_second), Some(1.0));
    let false_one = answered(judge.as_ref(), &challenge(4), br#"{"count":5}"#).judgement;
    assert_eq!(false_one.speed, None);
}

#[test]
fn a_comparison_that_panics_judges_nobody() {
    let judge = KIND.judge(&Setup::default()).expect("it needs nothing");
    let challenge = challenge(13);
    let mut round = [answered(judge.as_ref(), &challenge, br#"{"count":2}"#)];
    assert!(!judge.compare(&challenge, &mut round));
}

#[test]
fn a_job_is_submitted_and_a_cheat_answers_at_once() {
    let judge = KIND.judge(&Setup::default()).expect("it needs nothing");
    let drawn = judge.challenge(&mut rand::SeedableRng::seed_from_u64(1));
    assert_eq!(
        (KIND.delivery(), drawn.route),
        (Delivery::Job, Route::Submit)
    );
    let mut never = |_: Progress| panic!("a cheat has nothing to report");
    let boast = worker(Some("boast")).work(br#"{"limit":1}"#, &mut never);
    assert_eq!(boast, Ok(br#"{"count":2}"#.to_vec()));
}
