//! When a subnet's epochs fall.
//!
//! The chain decides: the next epoch starts one tempo after the last, or earlier if the subnet's owner asks. Asking the
//! chain is the only answer that stays right when the tempo changes.

use parity_scale_codec::Encode;
use primitives::NetUid;
use runtime::Runtime;

use crate::chain::Client;
use crate::error::Error;
use crate::heads::{Follow, Head};
use crate::storage::map;

/// Where a subnet stands between two epochs, at one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The block at which this was read.
    pub block: u32,
    /// Blocks from one epoch to the next.
    pub tempo: u16,
    /// The block whose execution settles the next epoch; `None` while the subnet has no tempo.
    pub next_epoch: Option<u64>,
}

impl Schedule {
    /// Blocks left until the next epoch is settled, `None` while there is no tempo.
    pub fn blocks_left(&self) -> Option<u64> {
        self.next_epoch
            .map(|next| next.saturating_sub(u64::from(self.block)))
    }
}

impl Client {
    /// Where a subnet stands between two epochs now.
    ///
    /// # Errors
    ///
    /// Those of any read.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn schedule(&self, netuid: NetUid) -> Result<Schedule, Error> {
        let head = self.best().await?;
        self.schedule_at(netuid, &head).await
    }

    /// Waits for the block that settles the subnet's next epoch and returns it.
    ///
    /// # Errors
    ///
    /// [`Error::Absent`] if the subnet has no tempo, and the errors of any request. Waits as long as the chain
    /// stands still.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn next_epoch(&self, netuid: NetUid) -> Result<Head, Error> {
        let mut heads = self.follow(Follow::Best);
        let first = heads.next().await?;
        let absent = || Error::Absent {
            what: format!("a tempo of subnet {netuid}"),
        };
        let mut target = self
            .schedule_at(netuid, &first)
            .await?
            .next_epoch
            .ok_or_else(absent)?;
        loop {
            let head = heads.next().await?;
            let now = self.schedule_at(netuid, &head).await?;
            let next = now.next_epoch.ok_or_else(absent)?;
            // Passing the target moves it one tempo on; until then an owner may only pull it nearer.
            if next > target {
                return Ok(head);
            }
            target = next;
        }
    }

    /// Where a subnet stands between two epochs at a block.
    ///
    /// # Errors
    ///
    /// Those of any read.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn schedule_at(&self, netuid: NetUid, head: &Head) -> Result<Schedule, Error> {
        let state = self.state(head.hash);
        let tempo = map::<pallet_subtensor::Tempo<Runtime>, _, _>(netuid.0);
        let next = "SubnetInfoRuntimeApi_get_next_epoch_start_block";
        let (tempo, next_epoch) =
            tokio::try_join!(state.read(tempo), state.call(next, netuid.0.encode()))?;
        Ok(Schedule {
            block: head.number,
            tempo,
            next_epoch,
        })
    }
}
