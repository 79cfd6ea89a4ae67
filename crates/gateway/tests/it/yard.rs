//! Miners whose work takes minutes: a test says when what happens.
//!
//! A yard takes jobs as the protocol says, and holds polls back until there is news; the test makes the news.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use gateway::signer::Signed;
use gateway::transport::MinerError;
use keys::Pair;
use primitives::{Hotkey, TaskId};
use protocol::{
    Code, Digest, JobReply, JobState, JobStatus, Letter, Poll, Refusal, Route, WorkReceipt,
};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::villains::Character;

/// So many times as fast as outside goes the clock of jobs in these tests.
pub const TEMPO: u32 = 10;

/// All jobs at all miners.
#[derive(Default)]
pub struct Yard {
    labours: Mutex<HashMap<Digest, Labour>>,
    /// Every submission that was taken, in order.
    taken: watch::Sender<Vec<Taken>>,
    /// Letters other than submissions that came, in order: who sent them, and what they were.
    pub letters: Mutex<Vec<(Hotkey, Route, bool)>>,
    /// Who lets jobs stand in line.
    full: Mutex<HashSet<Hotkey>>,
}

/// A submission that a miner took.
#[derive(Clone, Debug)]
pub struct Taken {
    pub miner: Hotkey,
    pub id: Digest,
    pub asker: Hotkey,
    pub request: String,
}

struct Labour {
    miner: Hotkey,
    asker: Hotkey,
    task: TaskId,
    /// `None` once the miner is dead.
    status: watch::Sender<Option<JobStatus>>,
    answer: Option<String>,
}

impl Yard {
    /// The submission with this number, once a miner has taken it.
    pub async fn taken(&self, number: usize) -> Taken {
        let mut taken = self.taken.subscribe();
        let waiting = taken.wait_for(|taken| number < taken.len());
        let waited = timeout(Duration::from_secs(20), waiting).await;
        let taken = waited.expect("a miner takes the job").expect("not closed");
        taken[number].clone()
    }

    /// How many submissions were taken.
    pub fn count(&self) -> usize {
        self.taken.borrow().len()
    }

    /// The miner reports progress.
    pub fn report(&self, id: Digest, fraction: f64, figure: f64, answer: Option<&str>) {
        self.change(id, answer, |status| {
            status.fraction = fraction;
            status.figure = Some(figure);
        });
    }

    /// From now on the miner lets what it takes stand in line, or no longer.
    pub fn line(&self, miner: Hotkey, has_line: bool) {
        let mut full = self.full.lock().expect("not poisoned");
        match has_line {
            true => full.insert(miner),
            false => full.remove(&miner),
        };
    }

    /// The miner begins with a job that stood in line.
    pub fn begin(&self, id: Digest) {
        self.change(id, None, |status| status.state = JobState::Working);
    }

    /// The miner is done.
    pub fn finish(&self, id: Digest, answer: &str) {
        self.change(id, Some(answer), |status| {
            status.state = JobState::Done;
            status.fraction = 1.0;
        });
    }

    /// The miner gives up.
    pub fn fail(&self, id: Digest, message: &str) {
        self.change(id, None, |status| {
            status.state = JobState::Failed;
            status.message = Some(message.into());
        });
    }

    /// The miner forgets all about its jobs, as one that started again.
    pub fn forget(&self, miner: Hotkey) {
        self.lock().retain(|_, labour| {
            if labour.miner == miner {
                labour.status.send_replace(None);
            }
            labour.miner != miner
        });
    }

    /// How far the miner is with a job; `None` if it knows none.
    pub fn state(&self, id: Digest) -> Option<JobState> {
        let labours = self.lock();
        let status = labours.get(&id)?.status.borrow();
        status.as_ref().map(|status| status.state)
    }

    fn change(&self, id: Digest, answer: Option<&str>, change: impl FnOnce(&mut JobStatus)) {
        let mut labours = self.lock();
        let labour = labours.get_mut(&id).expect("a job of this yard");
        if let Some(answer) = answer {
            labour.answer = Some(answer.to_owned());
        }
        let has_answer = labour.answer.is_some();
        labour.status.send_modify(|status| {
            let status = status.as_mut().expect("the miner lives");
            change(status);
            status.has_answer = has_answer;
            status.version += 1;
        });
    }

    /// Answers a letter as a miner of this character.
    pub async fn reply(
        &self,
        pair: &Pair,
        character: Character,
        letter: Signed,
        task: TaskId,
    ) -> Result<JobReply, MinerError> {
        let refused = |code| Err(MinerError::Refused(Refusal::new(code, "no")));
        match (character, letter.route) {
            (Character::Dead, _) => Err(MinerError::Connection("connection refused".into())),
            (Character::Silent, _) => std::future::pending().await,
            (Character::Busy, Route::Submit) => refused(Code::Busy),
            (Character::Lazy, Route::Submit) => refused(Code::BadRequest),
            (_, Route::Submit) => Ok(self.submit(pair, letter, task)),
            (_, Route::Poll) => self.poll(pair, character, letter).await,
            (_, _) => self.cancel(letter),
        }
    }

    fn submit(&self, pair: &Pair, letter: Signed, task: TaskId) -> JobReply {
        let (miner, id, asker) = (pair.account(), letter.request_hash, letter.signer);
        let has_line = self.full.lock().expect("not poisoned").contains(&miner);
        let status = JobStatus {
            id,
            state: match has_line {
                true => JobState::Waiting,
                false => JobState::Working,
            },
            fraction: 0.0,
            figure: None,
            version: 1,
            has_answer: false,
            message: None,
        };
        let labour = Labour {
            miner,
            asker,
            task,
            status: watch::Sender::new(Some(status.clone())),
            answer: None,
        };
        self.lock().insert(id, labour);
        let request = String::from_utf8(letter.body.to_vec()).expect("JSON");
        self.taken.send_modify(|taken| {
            taken.push(Taken {
                miner,
                id,
                asker,
                request,
            });
        });
        JobReply::Status(status)
    }

    async fn poll(
        &self,
        pair: &Pair,
        character: Character,
        letter: Signed,
    ) -> Result<JobReply, MinerError> {
        let poll = Poll::from_body(&letter.body).expect("the gateway sends good polls");
        self.note(&letter, poll.answer);
        let mut status = self.known(poll.id, letter.signer)?.subscribe();
        if poll.answer {
            return self.answer(pair, character, poll.id);
        }
        let wait = Duration::from_millis(poll.wait_ms) / TEMPO;
        let is_news =
            |status: &Option<JobStatus>| status.as_ref().is_none_or(|own| poll.seen < own.version);
        // Without news the status is told as it is.
        drop(timeout(wait, status.wait_for(is_news)).await);
        let status = status.borrow().clone();
        match status {
            Some(status) => Ok(JobReply::Status(status)),
            None => Err(MinerError::Connection("connection reset".into())),
        }
    }

    fn answer(
        &self,
        pair: &Pair,
        character: Character,
        id: Digest,
    ) -> Result<JobReply, MinerError> {
        let labours = self.lock();
        let labour = &labours[&id];
        let status = labour.status.borrow().clone().expect("the miner lives");
        let Some(answer) = labour.answer.clone() else {
            return Ok(JobReply::Status(status));
        };
        let honest = WorkReceipt {
            request_hash: id,
            answer_hash: Digest::of(answer.as_bytes()),
            miner: pair.account(),
            task: labour.task.clone(),
            queue_ms: 0,
            total_ms: 1,
        };
        let receipt = match character {
            Character::Forger => WorkReceipt {
                answer_hash: Digest::of(b"another"),
                ..honest
            }
            .sign(pair),
            Character::Padder => WorkReceipt {
                request_hash: Digest::of(b"another"),
                ..honest
            }
            .sign(pair),
            Character::Stranger => {
                honest.sign(&Pair::from_uri("//Mallory").expect("a development key"))
            }
            _ => honest.sign(pair),
        };
        let is_signed = status.state == JobState::Done && character != Character::Quitter;
        let body = match character {
            Character::Mumbler => r#"{"moo": 1}"#.into(),
            _ => answer,
        };
        Ok(JobReply::Answer {
            state: status.state,
            body: body.into(),
            receipt: is_signed.then_some(receipt),
        })
    }

    fn cancel(&self, letter: Signed) -> Result<JobReply, MinerError> {
        self.note(&letter, false);
        let id = Letter::cancelled(&letter.body).expect("the gateway sends good cancellations");
        let status = self.known(id, letter.signer)?;
        status.send_modify(|status| {
            if let Some(status) = status.as_mut().filter(|own| !own.state.is_over()) {
                status.state = JobState::Cancelled;
                status.version += 1;
            }
        });
        let status = status.borrow().clone().expect("the miner lives");
        Ok(JobReply::Status(status))
    }

    /// Only the asker of a job may speak of it.
    fn known(
        &self,
        id: Digest,
        asker: Hotkey,
    ) -> Result<watch::Sender<Option<JobStatus>>, MinerError> {
        let labours = self.lock();
        let known = labours.get(&id).filter(|labour| labour.asker == asker);
        let unknown = || MinerError::Refused(Refusal::new(Code::UnknownJob, "no such job"));
        known
            .map(|labour| labour.status.clone())
            .ok_or_else(unknown)
    }

    fn note(&self, letter: &Signed, is_for_answer: bool) {
        let note = (letter.signer, letter.route, is_for_answer);
        self.letters.lock().expect("not poisoned").push(note);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, Labour>> {
        self.labours.lock().expect("not poisoned")
    }
}
