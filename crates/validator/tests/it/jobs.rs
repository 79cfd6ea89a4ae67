//! A market of jobs from a seed: miners that dig deeper or less deep, and villains, each followed as a customer's job is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use primitives::{NetUid, Uid};
use protocol::{
    Code, Digest, JobReply, JobState, JobStatus, Letter, POLL_MS_MAX, Refusal, Route, TASK_HEADER,
    WorkReceipt,
};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use schemars::JsonSchema;
use scoring::{Fault, Judgement};
use serde::{Deserialize, Serialize};
use tasks::{
    Compared, Complaint, Delivery, Kind, Limits, Once, Reply, Setup, SetupError, Task, WorkError,
};
use validator::{Book, GROUP, Office, Post, Probe, Probing, Rhythm, Round, Transport};

use crate::street::{NOW_MS, metagraph, pair};

#[derive(Serialize, Deserialize, JsonSchema)]
struct Place {
    place: u32,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Hole {
    depth: f64,
}

/// Whoever digs deepest is worth most, and the same hole counts for whoever dug it first. Place 13 is haunted.
struct Digging;

impl Task for Digging {
    type Request = Place;
    type Answer = Hole;
    type Secret = ();

    const NAME: &'static str = "digging";
    const VERSION: u16 = 1;
    const ABOUT: &'static str = "A deep hole.";
    const LIMITS: Limits = Limits {
        request_bytes: 256,
        answer_bytes: 256,
        patience: Duration::from_secs(30),
    };
    const DELIVERY: Delivery = Delivery::Job;

    fn open(setup: &Setup) -> Result<Self, SetupError> {
        setup.expect_nothing(&Self::id())?;
        Ok(Self)
    }

    fn check(_: &Place) -> Result<(), Complaint> {
        Ok(())
    }

    fn challenge(&self, rng: &mut ChaCha20Rng) -> (Place, ()) {
        let place = rng.random_range(100..u32::MAX);
        (Place { place }, ())
    }

    fn judge(&self, _: &Place, answer: &Hole, (): &()) -> Judgement {
        match answer.depth < 100.0 {
            true => Judgement::of(1.0, "a hole"),
            false => Judgement::fault(Fault::FalseAnswer("through the ground".into())),
        }
    }

    fn compare(&self, request: &Place, (): &(), round: &mut [Compared<Hole>]) {
        assert_ne!(request.place, 13, "it is haunted");
        let depths = round.iter().map(|one| one.answer.depth);
        let best = depths.fold(f64::MIN, f64::max);
        let mut seen: Vec<f64> = Vec::new();
        for one in round {
            let depth = one.answer.depth;
            one.judgement = match seen.contains(&depth) {
                true => Judgement {
                    quality: 0.0,
                    reason: "another dug this hole before".into(),
                    ..one.judgement.clone()
                },
                false => Judgement {
                    quality: depth / best,
                    ..one.judgement.clone()
                },
            };
            seen.push(depth);
        }
    }

    fn patience(request: &Place) -> Duration {
        Duration::from_secs(u64::from(request.place % 20 + 1))
    }

    fn solve(&self, _: &Place) -> Result<Hole, WorkError> {
        Ok(Hole { depth: 50.0 })
    }
}

fn kind() -> &'static dyn Kind {
    &Once::<Digging>::KIND
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trade {
    Deep,
    Shallow,
    Copies,
    Boasts,
    NoReceipt,
    Partial,
    Forgets,
    GivesUp,
    Cancels,
    Away,
    OtherJob,
    Full,
    FullLater,
}

use Trade::*;

const TRADES: [Trade; 13] = [
    Copies, Deep, Shallow, Boasts, NoReceipt, Partial, Forgets, GivesUp, Cancels, Away, OtherJob,
    Full, FullLater,
];

fn uri(trade: Trade) -> String {
    format!("//{trade:?}")
}

/// The miners, without sockets. They are as far as their script says whenever they are asked.
#[derive(Default)]
struct Pit {
    /// Every request that was submitted, by its name.
    jobs: Mutex<HashMap<Digest, Bytes>>,
    /// What the deep one found at a place, once it is handed out.
    dug: Mutex<HashMap<Bytes, String>>,
    letters: Mutex<Vec<(Trade, Letter)>>,
}

impl Pit {
    fn status(&self, id: Digest, state: JobState) -> JobReply {
        let version = if state == JobState::Working { 1 } else { 2 };
        JobReply::Status(JobStatus {
            id,
            state,
            fraction: 0.5,
            figure: None,
            version,
            has_answer: state == JobState::Done,
            message: (state == JobState::Failed).then(|| "the spade broke".into()),
        })
    }

    /// How a job ends.
    fn end(&self, trade: Trade, id: Digest) -> Result<JobReply, Fault> {
        let state = match trade {
            Forgets => {
                let refusal = Refusal::new(Code::UnknownJob, "no such job");
                return Err(Fault::Refused(refusal.to_string()));
            }
            GivesUp => JobState::Failed,
            Cancels => JobState::Cancelled,
            _ => JobState::Done,
        };
        Ok(self.status(id, state))
    }

    /// The answer to a job, which the copier has to wait for.
    async fn answer(&self, trade: Trade, place: &Bytes) -> String {
        let dug = |depth: f64| serde_json::json!({"depth": depth}).to_string();
        // Where, but no two miners find the same.
        let luck = f64::from(Digest::of(place).0[0]) / 1_000.0;
        match trade {
            Copies => {
                for _ in 0..1_000 {
                    if let Some(answer) = self.dug.lock().expect("no panic").get(place) {
                        return answer.clone();
                    }
                    tokio::task::yield_now().await;
                }
                "{}".into()
            }
            Shallow => dug(25.0 + luck),
            Boasts => dug(1e6),
            _ => dug(50.0 + luck),
        }
    }

    async fn hand_out(&self, trade: Trade, id: Digest) -> JobReply {
        let place = self.jobs.lock().expect("no panic")[&id].clone();
        let answer = self.answer(trade, &place).await;
        if trade == Deep {
            let mut dug = self.dug.lock().expect("no panic");
            dug.insert(place, answer.clone());
        }
        let signer = pair(&uri(trade));
        let receipt = WorkReceipt {
            request_hash: id,
            answer_hash: Digest::of(answer.as_bytes()),
            miner: signer.account(),
            task: Digging::id(),
            queue_ms: 0,
            total_ms: 1,
        };
        let receipt = (trade != NoReceipt).then(|| receipt.sign(&signer));
        JobReply::Answer {
            state: JobState::Done,
            body: answer.into(),
            receipt,
        }
    }
}

impl Transport for Pit {
    fn ask(&self, _: Post) -> BoxFuture<'_, Result<Reply, Fault>> {
        unreachable!("a hole is not dug at once")
    }

    fn tell(&self, post: Post, letter: Letter) -> BoxFuture<'_, Result<JobReply, Fault>> {
        let trade = TRADES[usize::from(post.address.port() - 9_001)];
        self.letters.lock().expect("no panic").push((trade, letter));
        let miner = pair(&uri(trade)).account();
        assert_eq!(post.envelope.check_terms(miner, NetUid(1), NOW_MS), Ok(()));
        let signed = post.envelope.check_signature(post.route, &post.body);
        assert!(post.headers().contains(&(TASK_HEADER, "digging/1".into())));
        assert_eq!(letter.route(), post.route);
        async move {
            match letter {
                _ if trade == Away => Err(Fault::Unreachable("connection refused".into())),
                Letter::Submit if trade == Full => Err(Fault::Busy("no spade is free".into())),
                Letter::Poll(_) if trade == FullLater => {
                    Err(Fault::Busy("no spade is free".into()))
                }
                Letter::Submit if trade == OtherJob => {
                    Ok(self.status(Digest([9; 32]), JobState::Working))
                }
                Letter::Submit => {
                    let id = signed.expect("signed by Alice");
                    self.jobs.lock().expect("no panic").insert(id, post.body);
                    Ok(self.status(id, JobState::Working))
                }
                Letter::Poll(poll) if poll.answer && trade == Partial => Ok(JobReply::Answer {
                    state: JobState::Working,
                    body: Bytes::from_static(b"{\"depth\":50.5}"),
                    receipt: None,
                }),
                Letter::Poll(poll) if poll.answer => Ok(self.hand_out(trade, poll.id).await),
                Letter::Poll(poll) => self.end(trade, poll.id),
                Letter::Cancel(_) => panic!("a probe never cancels"),
            }
        }
        .boxed()
    }
}

fn probing(pit: Arc<Pit>) -> Arc<Probing> {
    let uris: Vec<String> = TRADES.map(uri).into();
    let seats: Vec<_> = (9_001..)
        .zip(&uris)
        .map(|(port, uri)| (uri.as_str(), Some(port)))
        .collect();
    let alice = pair("//Alice");
    let mut book = Book::default();
    book.follow(&metagraph(&seats), &alice.account());
    let judge = kind().judge(&Setup::default()).expect("it needs nothing");
    let office = Office::new(alice.account(), NetUid(1), kind(), judge, book);
    Arc::new(Probing {
        office: Arc::new(office),
        pair: alice,
        transport: pit,
        rhythm: Rhythm::new(Duration::from_secs(1)),
        probes_max: 16,
        clock: Arc::new(|| NOW_MS),
    })
}

/// Asks the same of a few at once, again and again, as the loop would.
async fn market(seed: u64, rounds: u64) -> (Arc<Probing>, Arc<Pit>) {
    let pit = Arc::new(Pit::default());
    let probing = probing(pit.clone());
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    for number in 0..rounds {
        let challenge = Arc::new(probing.office.judge().challenge(&mut rng));
        assert_eq!(challenge.route, Route::Submit);
        let mut seats = probing.office.book().seats().to_vec();
        seats.shuffle(&mut rng);
        let round = Arc::new(Round::new(probing.office.clone(), challenge.clone()));
        let probes: Vec<_> = seats
            .into_iter()
            .take(GROUP)
            .map(|seat| {
                let challenge = (number, challenge.clone());
                let alice = &probing.pair;
                let probe = Probe::new(challenge, seat, NetUid(1), alice, NOW_MS, &mut rng);
                probing.clone().carry_out(probe, round.clone())
            })
            .collect();
        drop(round);
        join_all(probes).await;
    }
    (probing, pit)
}

fn uid(trade: Trade) -> Uid {
    let place = TRADES.iter().position(|it| *it == trade);
    Uid(place.expect("there") as u16)
}

#[tokio::test]
async fn in_a_market_of_jobs_only_ones_own_depth_weighs() {
    let (probing, _) = market(1, 120).await;
    let book = probing.office.book();
    let weights: HashMap<Uid, u16> = book.weights().into_iter().collect();
    let weight = |trade| weights[&uid(trade)];
    assert_eq!(weight(Deep), u16::MAX, "{weights:?}");
    // Beside the deep one it is worth half; they meet in one round of four.
    assert!((20_000..64_000).contains(&weight(Shallow)), "{weights:?}");
    for trade in TRADES {
        if !matches!(trade, Deep | Shallow) {
            assert_eq!(weight(trade), 0, "{trade:?}");
        }
    }
}

#[tokio::test]
async fn each_miner_of_jobs_is_told_what_to_improve() {
    let (probing, _) = market(2, 60).await;
    let alice = probing.pair.account();
    let told = probing
        .office
        .book()
        .standings(alice, NetUid(1), kind(), None);
    let said = |trade| {
        let miner = &told.miners[usize::from(uid(trade).0)];
        miner.last.clone().expect("graded").reason
    };
    for (trade, words) in [
        (Boasts, "through the ground"),
        (NoReceipt, "the header stoa-receipt is missing"),
        (Partial, "the header stoa-receipt is missing"),
        (Forgets, "unknown_job"),
        (GivesUp, "the spade broke"),
        (Cancels, "cancelled"),
        (Away, "connection refused"),
        (OtherJob, "the status of another job"),
        (Full, "busy: no spade is free"),
        (FullLater, "refused: busy after it took the job"),
    ] {
        assert!(said(trade).contains(words), "{trade:?}: {}", said(trade));
    }
}

/// Else a miner could take a job, look how hard it is, and then be full.
#[tokio::test]
async fn only_who_says_so_at_once_is_on_record_as_full() {
    let (probing, _) = market(5, 60).await;
    let book = probing.office.book();
    let is_full = |trade| {
        let mut record = book.entries()[&uid(trade)].record.clone();
        record.window().iter().all(|seen| seen.is_busy)
    };
    assert!(is_full(Full) && !is_full(FullLater) && !is_full(Deep) && !is_full(Away));
}

/// Whoever hands in what another found comes after it.
#[tokio::test]
async fn a_copy_is_worth_nothing_and_costs_the_copied_nothing() {
    let (probing, _) = market(3, 120).await;
    let value = |trade| probing.office.book().value(uid(trade)).expect("seated");
    assert_eq!(value(Copies), 0.0);
    assert!(0.9 < value(Deep), "{}", value(Deep));
}

/// The same letters as a customer's job: submitted, followed, fetched, never cancelled.
#[tokio::test]
async fn a_probe_of_a_job_is_followed_to_its_end() {
    let (_, pit) = market(4, 40).await;
    let letters = pit.letters.lock().expect("no panic");
    let of_deep: Vec<_> = letters
        .iter()
        .filter(|(trade, _)| *trade == Deep)
        .map(|(_, letter)| *letter)
        .collect();
    assert!(!of_deep.is_empty());
    for job in of_deep.chunks(3) {
        let [Letter::Submit, Letter::Poll(follow), Letter::Poll(fetch)] = job else {
            panic!("{job:?}")
        };
        assert!(!follow.answer && fetch.answer && follow.id == fetch.id);
        assert_eq!((follow.seen, follow.wait_ms), (1, POLL_MS_MAX));
    }
}
