//! Work that is answered at once: a task's request in, a task's answer out, and the receipt in a header.
//!
//! The body of `POST /v1/work` is the request of the subnet's task as JSON, and the body of the answer is the task's
//! answer as JSON; what they look like is the task's own business (the crate `tasks`). Besides the envelope the request
//! carries [`TASK_HEADER`], which names the task that the asker means: the signed netuid already says so, and the header
//! lets a miner that has not noticed a change of task say no instead of answering something else.
//!
//! # The rule
//!
//! The answer's receipt travels in [`RECEIPT_HEADER`] as one line of JSON, at most [`RECEIPT_BYTES_MAX`] long. The signed
//! bytes are `"stoa-work-v1" ‖ 0x00 ‖` (integers little-endian):
//!
//! ```text
//! request_hash 32 ‖ answer_hash 32 ‖ miner 32 ‖ task: length 2, UTF-8 ‖ queue_ms 4 ‖ total_ms 4
//! ```
//!
//! `answer_hash` is blake2b-256 of the answer's body, exactly as sent; the task is written `name/version`.

use keys::{Domain, Pair, Signature};
use primitives::{Hotkey, TaskId};
use serde::{Deserialize, Serialize};

use crate::{Digest, ReceiptError};

/// The request's header that names the task, for example `image-classification/1`.
pub const TASK_HEADER: &str = "stoa-task";
/// The answer's header that carries the receipt.
pub const RECEIPT_HEADER: &str = "stoa-receipt";
/// The header of a job's answer that says how far the job is: a [`crate::JobState`].
pub const JOB_HEADER: &str = "stoa-job";
/// The longest receipt in a header, in bytes.
pub const RECEIPT_BYTES_MAX: usize = 4 * 1024;

const WORK: Domain = Domain::new("stoa-work-v1");

/// What a miner says about one answer given at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkReceipt {
    /// The request answered.
    pub request_hash: Digest,
    /// The body given.
    pub answer_hash: Digest,
    /// The miner's hotkey.
    pub miner: Hotkey,
    /// The task served.
    pub task: TaskId,
    /// From arrival to the start of work.
    pub queue_ms: u32,
    /// From arrival to the answer.
    pub total_ms: u32,
}

/// A receipt with its signature, as it travels: one JSON object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedWorkReceipt {
    /// What is said.
    #[serde(flatten)]
    pub receipt: WorkReceipt,
    /// By the miner's hotkey.
    pub signature: Signature,
}

impl WorkReceipt {
    /// Signs the receipt with the miner's hotkey.
    pub fn sign(self, pair: &Pair) -> SignedWorkReceipt {
        let signature = pair.sign(WORK, &self.encode());
        SignedWorkReceipt {
            receipt: self,
            signature,
        }
    }

    fn encode(&self) -> Vec<u8> {
        let task = self.task.to_string();
        let task_length = u16::try_from(task.len()).expect("a task's name is short");
        let mut bytes = Vec::with_capacity(106 + task.len());
        bytes.extend_from_slice(&self.request_hash.0);
        bytes.extend_from_slice(&self.answer_hash.0);
        bytes.extend_from_slice(self.miner.as_bytes());
        bytes.extend_from_slice(&task_length.to_le_bytes());
        bytes.extend_from_slice(task.as_bytes());
        bytes.extend_from_slice(&self.queue_ms.to_le_bytes());
        bytes.extend_from_slice(&self.total_ms.to_le_bytes());
        bytes
    }
}

impl SignedWorkReceipt {
    /// The header's value: one line of ASCII.
    pub fn to_header(&self) -> String {
        serde_json::to_string(self).expect("hashes, an address and numbers are JSON")
    }

    /// Reads the header's value.
    ///
    /// # Errors
    ///
    /// [`ReceiptError::Oversized`], [`ReceiptError::Unreadable`].
    pub fn from_header(value: &[u8]) -> Result<Self, ReceiptError> {
        if RECEIPT_BYTES_MAX < value.len() {
            return Err(ReceiptError::Oversized);
        }
        serde_json::from_slice(value).map_err(|_| ReceiptError::Unreadable)
    }

    /// Checks that the miner asked signed this receipt for this task, this request and this body.
    ///
    /// # Errors
    ///
    /// [`ReceiptError`], the first that applies.
    pub fn check(
        &self,
        miner: Hotkey,
        task: &TaskId,
        request_hash: Digest,
        body: &[u8],
    ) -> Result<(), ReceiptError> {
        let receipt = &self.receipt;
        let is_signed = keys::verify(&miner, WORK, &receipt.encode(), &self.signature);
        if receipt.miner != miner || !is_signed {
            return Err(ReceiptError::BadSignature);
        }
        if &receipt.task != task {
            return Err(ReceiptError::OtherTask);
        }
        if receipt.request_hash != request_hash {
            return Err(ReceiptError::OtherRequest);
        }
        if receipt.answer_hash != Digest::of(body) {
            return Err(ReceiptError::OtherAnswer);
        }
        Ok(())
    }
}
