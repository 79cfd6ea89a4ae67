//! The receipt: what the miner says it did, signed, so that it can be held to it.
//!
//! A receipt closes every answer. It names the request it answers and the text it gave by their hashes, lists the tokens
//! drawn so that a validator can recompute them, and states counts and timings. A miner that claims other counts than
//! it served, or another text, has signed the proof against itself.
//!
//! # The rule
//!
//! The signed bytes are `"stoa-receipt-v1" ‖ 0x00 ‖` (integers little-endian):
//!
//! ```text
//! request_hash 32 ‖ answer_hash 32 ‖ miner 32 ‖ model: length 2, UTF-8 ‖ seed 8 ‖ finish 1 (0 stop, 1 length)
//! ‖ prompt_tokens 4 ‖ completion_tokens 4 ‖ token_ids: count 4, each 4 ‖ queue_ms 4 ‖ first_token_ms 4 ‖ total_ms 4
//! ‖ logprobs_e6: count 4, each 4 (signed)
//! ```
//!
//! `answer_hash` is blake2b-256 of the answer's whole text in UTF-8. `token_ids` lists every token drawn, the ending one
//! included, and then has `completion_tokens` entries; an engine that cannot tell its tokens leaves it empty.
//!
//! An engine that draws from its own randomness instead of the request's seed lists in `logprobs_e6` the natural
//! log-probabilities of the tokens drawn, under the model before temperature and cuts, in millionths; a validator then
//! judges the tokens by these. Empty means: drawn by the seed. Whole numbers, so that every language signs the same bytes.

use keys::{Domain, Pair, Signature};
use primitives::Hotkey;
use serde::{Deserialize, Serialize};

use crate::{ANSWER_TOKENS_MAX, Digest, Finish, MODEL_BYTES_MAX};

const RECEIPT: Domain = Domain::new("stoa-receipt-v1");

/// What a miner says about one answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The request answered.
    pub request_hash: Digest,
    /// The text given.
    pub answer_hash: Digest,
    /// The miner's hotkey.
    pub miner: Hotkey,
    /// The model that answered.
    pub model: String,
    /// The seed used.
    pub seed: u64,
    /// Why the answer ended.
    pub finish: Finish,
    /// Tokens read.
    pub prompt_tokens: u32,
    /// Tokens drawn.
    pub completion_tokens: u32,
    /// The tokens drawn, or none if the engine cannot tell.
    pub token_ids: Vec<u32>,
    /// From arrival to the start of work.
    pub queue_ms: u32,
    /// From arrival to the first token.
    pub first_token_ms: u32,
    /// From arrival to the last token.
    pub total_ms: u32,
    /// The log-probabilities of the tokens drawn, in millionths; none if they were drawn by the seed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub logprobs_e6: Vec<i32>,
}

/// A receipt with its signature, as it travels: one JSON object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedReceipt {
    /// What is said.
    #[serde(flatten)]
    pub receipt: Receipt,
    /// By the miner's hotkey.
    pub signature: Signature,
}

/// Why a receipt proves nothing, or the wrong thing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// A field is longer than anything served.
    #[error("the receipt is oversized")]
    Oversized,
    /// It is not the JSON of a receipt.
    #[error("the receipt is unreadable")]
    Unreadable,
    /// Signed by nobody or somebody else.
    #[error("the receipt is not signed by the miner asked")]
    BadSignature,
    /// It belongs to another request.
    #[error("the receipt is for another request")]
    OtherRequest,
    /// It is for another kind of work.
    #[error("the receipt is for another task")]
    OtherTask,
    /// It belongs to another text.
    #[error("the receipt is for another answer")]
    OtherAnswer,
    /// Its counts contradict its own tokens.
    #[error("the receipt claims {claimed} tokens and lists {listed}")]
    OtherCount {
        /// `completion_tokens`.
        claimed: u32,
        /// The length of `token_ids`.
        listed: u32,
    },
}

impl Receipt {
    /// Signs the receipt with the miner's hotkey.
    pub fn sign(self, pair: &Pair) -> SignedReceipt {
        let signature = pair.sign(RECEIPT, &self.encode());
        SignedReceipt {
            receipt: self,
            signature,
        }
    }

    fn encode(&self) -> Vec<u8> {
        let model = self.model.as_bytes();
        let model_length = u16::try_from(model.len()).unwrap_or(u16::MAX);
        let numbers = self.token_ids.len() + self.logprobs_e6.len();
        let mut bytes = Vec::with_capacity(160 + model.len() + 4 * numbers);
        bytes.extend_from_slice(&self.request_hash.0);
        bytes.extend_from_slice(&self.answer_hash.0);
        bytes.extend_from_slice(self.miner.as_bytes());
        bytes.extend_from_slice(&model_length.to_le_bytes());
        bytes.extend_from_slice(model);
        bytes.extend_from_slice(&self.seed.to_le_bytes());
        bytes.push(self.finish.number());
        bytes.extend_from_slice(&self.prompt_tokens.to_le_bytes());
        bytes.extend_from_slice(&self.completion_tokens.to_le_bytes());
        bytes.extend_from_slice(&count(&self.token_ids).to_le_bytes());
        for id in &self.token_ids {
            bytes.extend_from_slice(&id.to_le_bytes());
        }
        for milliseconds in [self.queue_ms, self.first_token_ms, self.total_ms] {
            bytes.extend_from_slice(&milliseconds.to_le_bytes());
        }
        bytes.extend_from_slice(&count(&self.logprobs_e6).to_le_bytes());
        for logprob in &self.logprobs_e6 {
            bytes.extend_from_slice(&logprob.to_le_bytes());
        }
        bytes
    }
}

fn count<T>(list: &[T]) -> u32 {
    u32::try_from(list.len()).unwrap_or(u32::MAX)
}

impl SignedReceipt {
    /// Checks that the miner asked signed this receipt for this request and this text, and that it agrees with itself.
    ///
    /// # Errors
    ///
    /// [`ReceiptError`], the first that applies.
    pub fn check(
        &self,
        miner: Hotkey,
        request_hash: Digest,
        text: &str,
    ) -> Result<(), ReceiptError> {
        let receipt = &self.receipt;
        let listed = count(&receipt.token_ids);
        let longest = listed.max(count(&receipt.logprobs_e6));
        if MODEL_BYTES_MAX < receipt.model.len() || ANSWER_TOKENS_MAX < longest {
            return Err(ReceiptError::Oversized);
        }
        let is_signed = keys::verify(&miner, RECEIPT, &receipt.encode(), &self.signature);
        if receipt.miner != miner || !is_signed {
            return Err(ReceiptError::BadSignature);
        }
        if receipt.request_hash != request_hash {
            return Err(ReceiptError::OtherRequest);
        }
        if receipt.answer_hash != Digest::of(text.as_bytes()) {
            return Err(ReceiptError::OtherAnswer);
        }
        let claimed = receipt.completion_tokens;
        if listed != 0 && listed != claimed {
            return Err(ReceiptError::OtherCount { claimed, listed });
        }
        Ok(())
    }
}
