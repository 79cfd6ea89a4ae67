//! A job as the gateway remembers it: everything needed to go on with it after a restart.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use primitives::{Hotkey, NetUid, TaskId, Uid};
use protocol::Digest;
use rand::RngExt;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::directory::Miner;
use crate::jobs::Bounds;
use crate::jobs::measure;

/// The name of a job: 128 bits from the thread's cryptographic generator, which the system seeds. Whoever knows it may read the result,
/// and without keys end the job, so it cannot be guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(u128);

impl JobId {
    /// A name that nobody has had before.
    pub fn draw() -> Self {
        Self(rand::rng().random())
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Why a text is no job's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a job's name is 32 hex digits")]
pub struct NotAJobId;

impl FromStr for JobId {
    type Err = NotAJobId;

    fn from_str(text: &str) -> Result<Self, NotAJobId> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 32 || !text.bytes().all(is_digit) {
            return Err(NotAJobId);
        }
        let bits = u128::from_str_radix(text, 16).map_err(|_| NotAJobId)?;
        Ok(Self(bits))
    }
}

impl Serialize for JobId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for JobId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Who created a job: the customer's key where keys are asked for, else the network it came from. Kept as a hash, so that no
/// file has a key in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Owner(Digest);

impl Owner {
    /// The owner with this key or from this address.
    pub fn of(name: &str) -> Self {
        Self(Digest::of(name.as_bytes()))
    }
}

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// No miner works on it yet.
    Waiting,
    /// A miner works on it.
    Working,
    /// Its answer is there, and holds.
    Done,
    /// Nobody could do it.
    Failed,
    /// Its customer no longer wants it.
    Cancelled,
}

impl State {
    /// Whether nothing more will come.
    pub const fn is_finished(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }

    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Working => "working",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Where a job is being done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// On which subnet.
    pub netuid: NetUid,
    /// The miner's seat.
    pub uid: Uid,
    /// The miner.
    pub miner: Hotkey,
    /// Where it answered last.
    pub address: SocketAddr,
    /// Which of the gateway's keys signed the submission: only that one may ask for the answer.
    pub asker: Hotkey,
    /// The miner's name for the job, which is the submission's hash.
    pub job: Digest,
    /// When the miner took it, in Unix milliseconds.
    pub since_ms: u64,
}

impl Place {
    /// The miner as it is reached.
    pub fn reached(&self) -> Miner {
        Miner {
            uid: self.uid,
            hotkey: self.miner,
            address: self.address,
        }
    }
}

/// The best answer so far, or the answer. It holds: the task found nothing against it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Given {
    /// Exactly as the miner sent it.
    pub body: Arc<str>,
    /// Who gave it.
    pub miner: Hotkey,
    /// Its seat.
    pub uid: Uid,
    /// On which subnet.
    pub netuid: NetUid,
    /// The submission it answers.
    pub request: Digest,
    /// The miner's word for it, as it stands in the header; partial answers have none.
    pub receipt: Option<String>,
    /// The figure that the gateway found it to have, where its task has one that can be found.
    #[serde(default)]
    pub figure: Option<f64>,
}

/// How often a miner let this job down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letdown {
    /// Who.
    pub miner: Hotkey,
    /// Where.
    pub netuid: NetUid,
    /// How often.
    pub times: u32,
}

/// One job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Its name.
    pub id: JobId,
    /// What kind of work.
    pub task: TaskId,
    /// The only subnet that may do it, if the customer chose.
    pub only: Option<NetUid>,
    /// Who created it.
    pub owner: Owner,
    /// The task's request in its canonical form.
    pub request: Arc<str>,
    /// A name for people, which no miner hears.
    pub title: Option<String>,
    /// How far it is.
    pub state: State,
    /// How much of the work is done, from 0 to 1.
    pub fraction: f64,
    /// What the miner at work claims to have come to, in the task's own measure.
    pub figure: Option<f64>,
    /// How often it moved from one miner to another.
    pub moves: u32,
    /// Grows with every change: the Unix milliseconds of the last one, or one more than before.
    pub version: u64,
    /// Unix milliseconds.
    pub created_ms: u64,
    /// Unix milliseconds of the last change.
    pub updated_ms: u64,
    /// Unix milliseconds.
    pub finished_ms: Option<u64>,
    /// Where it is being done, or was.
    pub place: Option<Place>,
    /// The best answer so far.
    pub answer: Option<Given>,
    /// Why it failed, in words for the customer.
    pub failure: Option<String>,
    /// Who let it down.
    pub letdowns: Vec<Letdown>,
    /// How often it was let down by a miner that had taken it.
    #[serde(default)]
    pub lost: u32,
}

impl Job {
    /// What a job takes besides its request and its answer, in bytes, roughly.
    pub const REST_BYTES: usize = 2048;

    /// A job that nobody works on yet.
    pub fn new(
        task: TaskId,
        only: Option<NetUid>,
        owner: Owner,
        request: Arc<str>,
        title: Option<String>,
        now_ms: u64,
    ) -> Self {
        Self {
            id: JobId::draw(),
            task,
            only,
            owner,
            request,
            title,
            state: State::Waiting,
            fraction: 0.0,
            figure: None,
            moves: 0,
            version: now_ms,
            created_ms: now_ms,
            updated_ms: now_ms,
            finished_ms: None,
            place: None,
            answer: None,
            failure: None,
            letdowns: Vec::new(),
            lost: 0,
        }
    }

    /// The figure to show of it, and whether the gateway itself found it: that of the best answer so far, or what the miner at work claims
    /// beyond that.
    pub fn shown(&self) -> (Option<f64>, bool) {
        let found = self.answer.as_ref().and_then(|given| given.figure);
        let claim = match (self.state.is_finished(), &self.answer) {
            (true, None) => None,
            _ => self.figure,
        };
        match (found, claim) {
            (Some(found), Some(claim)) if !self.state.is_finished() && claim < found => {
                (Some(claim), false)
            }
            (Some(found), _) => (Some(found), true),
            (None, claim) => (claim, false),
        }
    }

    /// Takes in an answer found on the way, unless a better one is there.
    pub fn keep(&mut self, given: Given) {
        let before = self.answer.as_ref().and_then(|own| own.figure);
        let is_worse = matches!((before, given.figure), (Some(own), Some(new)) if own < new);
        if !is_worse {
            self.answer = Some(given);
        }
    }

    /// Finds the figure of an answer that was kept without one.
    pub(super) fn measure(&mut self) {
        if let Some(given) = self.answer.as_mut().filter(|given| given.figure.is_none()) {
            given.figure = measure::figure(&self.task, &given.body);
        }
    }

    /// Takes it from its miner, because the miner let it down or has others before it. What was found stays; what was claimed does not.
    pub fn take_back(&mut self) {
        self.moves += u32::from(self.place.is_some());
        self.state = State::Waiting;
        self.place = None;
        self.figure = None;
    }

    /// Notes that something changed.
    pub fn touch(&mut self, now_ms: u64) {
        self.version = now_ms.max(self.version + 1);
        self.updated_ms = now_ms.max(self.updated_ms);
    }

    /// Ends it.
    pub fn finish(&mut self, state: State, now_ms: u64) {
        assert!(state.is_finished(), "an end is an end");
        self.state = state;
        self.finished_ms = Some(now_ms);
        if state == State::Done {
            self.fraction = 1.0;
        }
        self.touch(now_ms);
    }

    /// Notes that a miner let it down, and takes it back.
    pub fn let_down(&mut self, miner: Hotkey, netuid: NetUid) {
        self.lost += u32::from(self.place.is_some());
        self.take_back();
        let known = |own: &&mut Letdown| own.miner == miner && own.netuid == netuid;
        match self.letdowns.iter_mut().find(known) {
            Some(own) => own.times = own.times.saturating_add(1),
            None => self.letdowns.push(Letdown {
                miner,
                netuid,
                times: 1,
            }),
        }
    }

    /// How often a miner let it down.
    pub fn times_let_down(&self, miner: &Hotkey, netuid: NetUid) -> u32 {
        let known = |own: &&Letdown| own.miner == *miner && own.netuid == netuid;
        self.letdowns.iter().find(known).map_or(0, |own| own.times)
    }

    /// When it is forgotten, in Unix milliseconds; not before it is finished.
    pub fn expires_ms(&self, bounds: &Bounds) -> Option<u64> {
        let finished = self.finished_ms?;
        let keep: Duration = match self.answer {
            Some(_) => bounds.keep,
            None => bounds.keep_empty,
        };
        Some(finished.saturating_add(keep.as_millis() as u64))
    }

    /// What it takes in memory and on disk, roughly.
    pub fn bytes(&self) -> usize {
        let answer = self.answer.as_ref().map_or(0, |given| given.body.len());
        Self::REST_BYTES + self.request.len() + answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_back_and_nothing_else_does() {
        let id = JobId::draw();
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in [
            "",
            "1",
            "+0000000000000000000000000000001",
            &"F".repeat(32),
            &"../x".repeat(8),
        ] {
            assert_eq!(text.parse::<JobId>(), Err(NotAJobId), "{text}");
        }
    }

    fn given(figure: Option<f64>) -> Given {
        Given {
            body: "{}".into(),
            miner: primitives::AccountId([1; 32]),
            uid: Uid(1),
            netuid: NetUid(1),
            request: Digest::default(),
            receipt: None,
            figure,
        }
    }

    fn job() -> Job {
        let task = "tour/1".parse().expect("a task");
        Job::new(task, None, Owner::of(""), "{}".into(), None, 1000)
    }

    /// Nobody is told a miner's word for a fact, nor an energy without a structure.
    #[test]
    fn what_is_shown_is_found_or_marked_as_claimed() {
        let mut job = job();
        assert_eq!(job.shown(), (None, false));
        job.figure = Some(-5.0);
        assert_eq!(job.shown(), (Some(-5.0), false));
        job.keep(given(Some(-4.0)));
        assert_eq!(job.shown(), (Some(-5.0), false), "it claims to have more");
        job.figure = Some(-3.0);
        assert_eq!(job.shown(), (Some(-4.0), true));
        job.figure = Some(-9.0);
        job.finish(State::Done, 2000);
        assert_eq!(job.shown(), (Some(-4.0), true), "the end is the answer's");
        job.answer = None;
        assert_eq!(job.shown(), (None, false));
        job.answer = Some(given(None));
        assert_eq!(job.shown(), (Some(-9.0), false));
    }

    #[test]
    fn what_was_found_survives_a_miner_and_what_was_claimed_does_not() {
        let mut job = job();
        job.keep(given(Some(-4.0)));
        job.figure = Some(-9.0);
        job.let_down(primitives::AccountId([1; 32]), NetUid(1));
        assert_eq!(job.shown(), (Some(-4.0), true));
        assert_eq!((job.moves, job.lost), (0, 0), "nobody had taken it");
        job.keep(given(Some(-2.0)));
        assert_eq!(job.shown(), (Some(-4.0), true), "the better one stays");
        job.keep(given(None));
        assert_eq!(
            job.answer,
            Some(given(None)),
            "nobody knows which is better"
        );
    }

    #[test]
    fn what_has_no_answer_is_kept_for_a_shorter_time() {
        let mut job = job();
        let bounds = Bounds::default();
        assert_eq!(job.expires_ms(&bounds), None);
        job.finish(State::Cancelled, 2000);
        assert_eq!(job.expires_ms(&bounds), Some(2000 + 600_000));
        job.keep(given(None));
        assert_eq!(job.expires_ms(&bounds), Some(2000 + 86_400_000));
    }

    /// Listeners ask for what is newer than what they have seen, also after a restart.
    #[test]
    fn a_version_grows_even_when_the_clock_goes_back() {
        let mut job = job();
        job.touch(1000);
        assert_eq!((job.version, job.updated_ms), (1001, 1000));
        job.touch(5000);
        job.touch(10);
        assert_eq!((job.version, job.updated_ms), (5001, 5000));
        job.finish(State::Done, 6000);
        assert_eq!(
            (job.version, job.fraction, job.finished_ms),
            (6000, 1.0, Some(6000))
        );
    }
}
