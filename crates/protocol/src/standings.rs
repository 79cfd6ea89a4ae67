//! What a validator tells anyone who asks about the miners it grades: the JSON of its `GET /standings`.
//!
//! Gateways route by it, and a miner reads there why it was given its score.

use primitives::{Hotkey, NetUid, TaskId, Uid};
use serde::{Deserialize, Serialize};

/// A validator's opinion of a subnet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standings {
    /// Whose opinion.
    pub validator: Hotkey,
    /// Of which subnet.
    pub netuid: NetUid,
    /// The kind of work judged.
    pub task: TaskId,
    /// What speed counts: `tokens`, `answers`.
    pub unit: String,
    /// The model it asks for, where the task's requests name one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
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
    /// From 0 to 1: what its answers are worth, that is quality × its share of the market's pace × originality.
    pub standing: f64,
    /// The weight that goes on chain next, of 65535.
    pub weight: u16,
    /// From 0 to 1: how good its answers are, by the task's own measure over the window.
    pub quality: f64,
    /// 1, or less for a miner whose answers are another's: 1/2, 1/4 …
    pub originality: f64,
    /// How many answers were judged.
    pub probes: u64,
    /// How many of them were verified.
    pub verified: u64,
    /// The moving average of verified answers' speed, in units a second.
    pub per_second: Option<f64>,
    /// The moving average of verified answers' time to the first unit.
    pub first_ms: Option<f64>,
    /// The last answer judged.
    pub last: Option<LastScore>,
}

/// One judgement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LastScore {
    /// From 0 to 1.
    pub score: f64,
    /// Why.
    pub reason: String,
    /// When, in Unix milliseconds.
    pub at_ms: u64,
}
