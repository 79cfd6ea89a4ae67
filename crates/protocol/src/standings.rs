//! What a validator tells anyone who asks about the miners it grades: the JSON of its `GET /standings`.
//!
//! Gateways route by it, and a miner reads there why it was given its score.

use primitives::{Hotkey, NetUid, Uid};
use serde::{Deserialize, Serialize};

/// A validator's opinion of a subnet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standings {
    /// Whose opinion.
    pub validator: Hotkey,
    /// Of which subnet.
    pub netuid: NetUid,
    /// The model it asks for.
    pub model: String,
    /// The height the seats were read at.
    pub block: u32,
    /// Every miner that publishes an address, by uid.
    pub miners: Vec<MinerStanding>,
}

/// A validator's opinion of one miner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MinerStanding {
    /// Its seat.
    pub uid: Uid,
    /// Who sits there.
    pub hotkey: Hotkey,
    /// From 0 to 1: the moving average of its scores.
    pub standing: f64,
    /// The weight that goes on chain next, of 65535.
    pub weight: u16,
    /// How many answers were graded.
    pub probes: u64,
    /// How many of them were verified.
    pub verified: u64,
    /// The moving average of verified answers' speed, in tokens a second.
    pub tokens_per_s: Option<f64>,
    /// The moving average of verified answers' time to first token.
    pub first_token_ms: Option<f64>,
    /// The last answer graded.
    pub last: Option<LastScore>,
}

/// One grade.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LastScore {
    /// From 0 to 1.
    pub score: f64,
    /// Why.
    pub reason: String,
    /// When, in Unix milliseconds.
    pub at_ms: u64,
}
