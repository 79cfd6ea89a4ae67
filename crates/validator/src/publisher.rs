//! Puts weights on chain: in the open, or sealed where the subnet asks for it.
//!
//! Sealed weights travel encrypted to a height ([`timelock`]), so that nobody can copy an opinion instead of forming one.
//! The chain opens them itself when the height is final: nothing has to be remembered here, and a validator that is gone by
//! then has been heard all the same.

use std::sync::Arc;

use client::storage::{double_map, map, value};
use client::{Client, Head, Schedule, Until};
use keys::Pair;
use pallet_subtensor::{
    Call,
    timelock::{HEIGHTS_VERSION, SealedOpinion},
};
use parity_scale_codec::Encode;
use primitives::Uid;
use runtime::Runtime;
use timelock::GroupKey;

use crate::Error;
use crate::archive::Archive;
use crate::server::Office;

/// The version of this validator's weights, which the subnet compares with the least it accepts.
const VERSION_KEY: u64 = 1;

/// Sealed weights open when one part in so many of the epoch of their reveal has passed: late enough that a commit delayed into
/// the next epoch is still taken, early enough that the epoch's settlement counts them.
const OPENED_AT_PART: u64 = 3;

/// How the subnet takes weights, at some block: as they are, or sealed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rules {
    sealing: Option<Sealing>,
}

/// What sealing goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sealing {
    /// None where the chain's genesis names no key of its authorities.
    group: Option<GroupKey>,
    /// The block that settles the present epoch.
    next_epoch: u64,
    /// Blocks from one epoch to the next.
    tempo: u64,
    /// Epochs from a commit to its reveal.
    reveal_period: u64,
}

impl Rules {
    /// Whether weights travel sealed.
    pub(crate) fn is_sealed(&self) -> bool {
        self.sealing.is_some()
    }
}

impl Sealing {
    /// The height at which what is sealed in this epoch is to open.
    fn opening(&self) -> u32 {
        let epochs = self.reveal_period.saturating_sub(1);
        let height = self
            .next_epoch
            .saturating_add(epochs.saturating_mul(self.tempo))
            .saturating_add(self.tempo / OPENED_AT_PART);
        u32::try_from(height).unwrap_or(u32::MAX)
    }
}

/// Publishes for one validator.
pub(crate) struct Publisher {
    client: Client,
    pair: Pair,
    office: Arc<Office>,
    archive: Option<Archive>,
}

impl Publisher {
    pub(crate) fn new(
        client: Client,
        pair: Pair,
        office: Arc<Office>,
        archive: Option<Archive>,
    ) -> Self {
        Self {
            client,
            pair,
            office,
            archive,
        }
    }

    /// Reads how the subnet takes weights.
    pub(crate) async fn rules(&self, head: &Head) -> Result<Rules, client::Error> {
        let state = self.client.state(head.hash);
        let netuid = self.office.netuid().0;
        type IsSealed = pallet_subtensor::CommitRevealWeightsEnabled<Runtime>;
        if !state.read(map::<IsSealed, _, _>(netuid)).await? {
            return Ok(Rules::default());
        }
        let reveal_period = map::<pallet_subtensor::RevealPeriodEpochs<Runtime>, _, _>(netuid);
        let group = value::<runtime::beacon::GroupKey<Runtime>, _>();
        let schedule = self.client.schedule_at(self.office.netuid(), head);
        let (reveal_period, group, schedule) =
            tokio::try_join!(state.read(reveal_period), state.read(group), schedule)?;
        let Schedule {
            tempo, next_epoch, ..
        } = schedule;
        let sealing = Sealing {
            group: group.and_then(|bytes| GroupKey::from_bytes(&bytes)),
            next_epoch: next_epoch.unwrap_or(head.number.into()),
            tempo: tempo.into(),
            reveal_period,
        };
        Ok(Rules {
            sealing: Some(sealing),
        })
    }

    /// Reads the weights that this validator has on chain.
    pub(crate) async fn row(
        &self,
        head: &Head,
        own: Uid,
    ) -> Result<Vec<(Uid, u16)>, client::Error> {
        let netuid = self.office.netuid().0;
        let row = double_map::<pallet_subtensor::Weights<Runtime>, _, _, _>(netuid, own.0);
        let row = self.client.state(head.hash).read(row).await?;
        Ok(row
            .into_iter()
            .map(|(uid, weight)| (Uid(uid), weight))
            .collect())
    }

    /// Publishes weights the way the subnet takes them.
    pub(crate) async fn publish(&self, weights: &[(Uid, u16)], rules: Rules) -> Result<(), Error> {
        let netuid = self.office.netuid();
        match rules.sealing {
            None => {
                self.client
                    .set_weights(&self.pair, netuid, weights, VERSION_KEY, Until::InBlock)
                    .await?;
            }
            Some(sealing) => {
                let commit = self.seal(weights, &sealing)?;
                self.client
                    .submit(&self.pair, commit, Until::InBlock)
                    .await?;
            }
        }
        self.save().await;
        Ok(())
    }

    fn seal(&self, weights: &[(Uid, u16)], sealing: &Sealing) -> Result<Call<Runtime>, Error> {
        let group = sealing.group.ok_or(Error::NoGroupKey)?;
        let height = sealing.opening();
        let (uids, values) = weights.iter().map(|(uid, weight)| (uid.0, *weight)).unzip();
        let opinion = SealedOpinion {
            hotkey: self.pair.account().0.to_vec(),
            uids,
            values,
            version_key: VERSION_KEY,
        };
        let sealed = timelock::seal(&mut rand::rng(), &group, height, &opinion.encode());
        let commit = sealed.map_err(|_| Error::NoGroupKey)?;
        let bytes = commit.len();
        Ok(Call::commit_timelocked_weights {
            netuid: self.office.netuid().0,
            commit: commit
                .try_into()
                .map_err(|_| Error::TooManyWeights { bytes })?,
            reveal_round: height.into(),
            commit_reveal_version: HEIGHTS_VERSION,
        })
    }

    async fn save(&self) {
        let Some(archive) = self.archive.clone() else {
            return;
        };
        let book = self.office.book().clone();
        let saved = tokio::task::spawn_blocking(move || archive.save(book)).await;
        match saved {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "standings were not saved"),
            Err(error) => tracing::error!(%error, "saving standings ended badly"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_in_the_epoch_of_its_reveal() {
        let at = |next_epoch, reveal_period| {
            let sealing = Sealing {
                group: None,
                next_epoch,
                tempo: 60,
                reveal_period,
            };
            sealing.opening()
        };
        assert_eq!(at(120, 1), 140);
        assert_eq!(at(120, 3), 260);
        assert_eq!(at(u64::MAX, 1), u32::MAX);
    }
}
