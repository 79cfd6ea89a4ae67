//! Work that takes minutes: a job is submitted, polled for progress, and may be cancelled.
//!
//! # The rule
//!
//! 1. The body of `POST /v1/jobs` is the request of the subnet's task. The miner answers at once, status 202, with a
//!    [`JobStatus`]. The job's name is the hash of the request as everywhere: whoever signed it knows the name before it is sent.
//! 2. `POST /v1/jobs/poll` with a [`Poll`] answers with a [`JobStatus`] as soon as its version is newer than the one seen, or after
//!    `wait_ms`, whichever is sooner. The version grows whenever anything else in the status does, and never falls.
//! 3. A poll that wants the answer gets, instead of a status, what there is: the body of the best answer so far, with the
//!    job's state in the header [`crate::JOB_HEADER`]; and, once the job is done, the receipt over the *submission's* request hash in
//!    [`crate::RECEIPT_HEADER`]. Where there is nothing yet it gets a status.
//! 4. `POST /v1/jobs/cancel` with the job's name ends the work and answers with a status. What was found can still be fetched.
//! 5. Each of these messages has an envelope of its own, and only the signer of the submission may poll and cancel: to
//!    everybody else the job is unknown, as it is to a miner that started again.
//!
//! # What always holds
//!
//! * A status is small, whatever a miner writes into it; fractions read are from 0 to 1, figures are finite.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::refusal::clipped;
use crate::{
    Code, Digest, POLL_MS_MAX, ReceiptError, Refusal, Route, STATUS_BYTES_MAX, SignedWorkReceipt,
};

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// Taken, and nobody works on it yet.
    Waiting,
    /// Somebody works on it.
    Working,
    /// Answered.
    Done,
    /// Given up by the miner.
    Failed,
    /// Ended by the asker, or broken off by the miner because nobody asked about it.
    Cancelled,
}

impl JobState {
    /// Whether nothing will change any more.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Working => "working",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    fn from_word(word: &[u8]) -> Option<Self> {
        [
            Self::Waiting,
            Self::Working,
            Self::Done,
            Self::Failed,
            Self::Cancelled,
        ]
        .into_iter()
        .find(|state| state.as_str().as_bytes() == word)
    }
}

/// What a miner says about a job: one JSON object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobStatus {
    /// The hash of the submission.
    pub id: Digest,
    /// How far it is.
    pub state: JobState,
    /// How much of the work is done, from 0 to 1.
    pub fraction: f64,
    /// The task's own measure of the best answer so far, where it has one: an energy, say.
    #[serde(default)]
    pub figure: Option<f64>,
    /// Grows with every change.
    pub version: u64,
    /// Whether an answer, if only the best so far, can be fetched.
    pub has_answer: bool,
    /// Words for people: why it failed.
    #[serde(default)]
    pub message: Option<String>,
}

impl JobStatus {
    /// The JSON object on the wire.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a hash, words and numbers are JSON")
    }

    /// Reads the JSON object; what a miner may not mean is cut to what it can.
    ///
    /// # Errors
    ///
    /// [`JobError::Unreadable`].
    pub fn from_json(json: &[u8]) -> Result<Self, JobError> {
        if STATUS_BYTES_MAX < json.len() {
            let message = format!("a status of more than {STATUS_BYTES_MAX} bytes");
            return Err(JobError::Unreadable(message));
        }
        let mut status: Self = serde_json::from_slice(json)
            .map_err(|error| JobError::Unreadable(clipped(error.to_string())))?;
        status.fraction = status.fraction.clamp(0.0, 1.0);
        status.message = status.message.map(clipped);
        Ok(status)
    }
}

/// A question about a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Poll {
    /// The hash of the submission.
    pub id: Digest,
    /// The version of the status that the asker has; 0 if none.
    pub seen: u64,
    /// How long the miner may wait for a newer one, at most [`POLL_MS_MAX`].
    pub wait_ms: u64,
    /// Whether the answer is wanted, if there is one, and not the status.
    pub answer: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cancellation {
    id: Digest,
}

impl Poll {
    /// Reads the body of a poll.
    ///
    /// # Errors
    ///
    /// [`Code::BadRequest`].
    pub fn from_body(body: &[u8]) -> Result<Self, Refusal> {
        let poll: Self = small(body)?;
        if POLL_MS_MAX < poll.wait_ms {
            let message = format!("is {}; at most {POLL_MS_MAX}", poll.wait_ms);
            return Err(Refusal::of("wait_ms", message));
        }
        Ok(poll)
    }
}

/// A message of a job's asker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Letter {
    /// Take the job.
    Submit,
    /// How is it getting on; or, what is there?
    Poll(Poll),
    /// Stop.
    Cancel(Digest),
}

impl Letter {
    /// How a job is getting on, once there is something newer than what was seen.
    pub const fn status(id: Digest, seen: u64, wait_ms: u64) -> Self {
        Self::Poll(Poll {
            id,
            seen,
            wait_ms,
            answer: false,
        })
    }

    /// What a job has found.
    pub const fn answer(id: Digest) -> Self {
        Self::Poll(Poll {
            id,
            seen: 0,
            wait_ms: 0,
            answer: true,
        })
    }

    /// Where it is posted.
    pub const fn route(&self) -> Route {
        match self {
            Self::Submit => Route::Submit,
            Self::Poll(_) => Route::Poll,
            Self::Cancel(_) => Route::Cancel,
        }
    }

    /// What is sent, for a job of this request.
    pub fn body(&self, request: &Bytes) -> Bytes {
        let json = match self {
            Self::Submit => return request.clone(),
            Self::Poll(poll) => serde_json::to_vec(poll),
            Self::Cancel(id) => serde_json::to_vec(&Cancellation { id: *id }),
        };
        json.expect("a hash, numbers and a flag are JSON").into()
    }

    /// How long a miner may hold the reply back because nothing has changed.
    pub const fn wait_ms(&self) -> u64 {
        match self {
            Self::Poll(poll) => poll.wait_ms,
            Self::Submit | Self::Cancel(_) => 0,
        }
    }

    /// The longest reply read, in bytes, of a task whose answers are at most so long.
    pub const fn reply_bytes_max(&self, answer_bytes_max: usize) -> usize {
        match self {
            Self::Poll(poll) if poll.answer && STATUS_BYTES_MAX < answer_bytes_max => {
                answer_bytes_max
            }
            _ => STATUS_BYTES_MAX,
        }
    }

    /// Reads the name of the job that a cancellation means.
    ///
    /// # Errors
    ///
    /// [`Code::BadRequest`].
    pub fn cancelled(body: &[u8]) -> Result<Digest, Refusal> {
        small::<Cancellation>(body).map(|cancellation| cancellation.id)
    }
}

fn small<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    if STATUS_BYTES_MAX < body.len() {
        let message = format!("the body is larger than {STATUS_BYTES_MAX} bytes");
        return Err(Refusal::new(Code::TooLarge, message));
    }
    serde_json::from_slice(body)
        .map_err(|error| Refusal::new(Code::BadRequest, clipped(error.to_string())))
}

/// What a miner sends back to any message about a job that it does not refuse.
#[derive(Clone, Debug, PartialEq)]
pub enum JobReply {
    /// How the job is getting on.
    Status(JobStatus),
    /// What it has found.
    Answer {
        /// How far it was then.
        state: JobState,
        /// The task's answer, unread.
        body: Bytes,
        /// What the miner signed, unchecked; a job that is done has one.
        receipt: Option<SignedWorkReceipt>,
    },
}

impl JobReply {
    /// Reads a reply by its body and its headers [`crate::JOB_HEADER`] and [`crate::RECEIPT_HEADER`].
    ///
    /// # Errors
    ///
    /// [`JobError`].
    pub fn read(job: Option<&[u8]>, receipt: Option<&[u8]>, body: Bytes) -> Result<Self, JobError> {
        let Some(word) = job else {
            return JobStatus::from_json(&body).map(Self::Status);
        };
        let state = JobState::from_word(word)
            .ok_or_else(|| JobError::Unreadable("a job in a state of its own".into()))?;
        let receipt = receipt
            .map(SignedWorkReceipt::from_header)
            .transpose()
            .map_err(JobError::Receipt)?;
        Ok(Self::Answer {
            state,
            body,
            receipt,
        })
    }
}

/// Why a reply is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// It is neither a status nor an answer.
    #[error("the miner sent something unreadable: {0}")]
    Unreadable(String),
    /// The answer's receipt cannot be read.
    #[error(transparent)]
    Receipt(ReceiptError),
}
