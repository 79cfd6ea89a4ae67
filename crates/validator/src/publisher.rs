//! Puts weights on chain: in the open, or in a sealed ballot where the subnet asks for it.

use std::sync::Arc;

use client::storage::{double_map, map};
use client::{Client, Error, Head, Until};
use keys::Pair;
use pallet_subtensor::Call;
use primitives::Uid;
use protocol::Digest;
use runtime::Runtime;

use crate::archive::Archive;
use crate::ballot::{BALLOTS_MAX, Ballot, Cast, openable};
use crate::server::Office;

/// The version of this validator's weights, which the subnet compares with the least it accepts.
const VERSION_KEY: u64 = 1;

/// How the subnet takes weights, at some block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rules {
    is_sealed: bool,
    epoch: u64,
    cast: Vec<Cast>,
}

impl Rules {
    /// Whether weights travel in sealed ballots.
    pub(crate) fn is_sealed(&self) -> bool {
        self.is_sealed
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
    pub(crate) async fn rules(&self, head: &Head) -> Result<Rules, Error> {
        let state = self.client.state(head.hash);
        let netuid = self.office.netuid().0;
        let is_sealed = state
            .read(map::<
                pallet_subtensor::CommitRevealWeightsEnabled<Runtime>,
                _,
                _,
            >(netuid))
            .await?;
        if !is_sealed {
            return Ok(Rules::default());
        }
        let epoch = map::<pallet_subtensor::SubnetEpochIndex<Runtime>, _, _>(netuid);
        let hotkey = runtime::AccountId::from(self.pair.account().0);
        let commits =
            double_map::<pallet_subtensor::WeightCommits<Runtime>, _, _, _>(netuid, hotkey);
        let (epoch, commits) = tokio::try_join!(state.read(epoch), state.read(commits))?;
        let commits = commits.unwrap_or_default().into_iter();
        let cast = commits.map(|(hash, _, _, opens_in)| Cast {
            hash: Digest(hash.0),
            opens_in,
        });
        Ok(Rules {
            is_sealed,
            epoch,
            cast: cast.collect(),
        })
    }

    /// Reads the weights that this validator has on chain.
    pub(crate) async fn row(&self, head: &Head, own: Uid) -> Result<Vec<(Uid, u16)>, Error> {
        let netuid = self.office.netuid().0;
        let row = double_map::<pallet_subtensor::Weights<Runtime>, _, _, _>(netuid, own.0);
        let row = self.client.state(head.hash).read(row).await?;
        Ok(row
            .into_iter()
            .map(|(uid, weight)| (Uid(uid), weight))
            .collect())
    }

    /// Publishes weights the way the subnet takes them.
    pub(crate) async fn publish(&self, weights: &[(Uid, u16)], rules: &Rules) -> Result<(), Error> {
        let netuid = self.office.netuid();
        if !rules.is_sealed {
            self.client
                .set_weights(&self.pair, netuid, weights, VERSION_KEY, Until::InBlock)
                .await?;
            self.save().await;
            return Ok(());
        }
        let ballot = Ballot::new(weights, rand::random(), VERSION_KEY);
        let commit_hash = runtime::Hash::from(self.hash(&ballot).0);
        self.keep(ballot).await;
        let commit = Call::<Runtime>::commit_weights {
            netuid: netuid.0,
            commit_hash,
        };
        self.client
            .submit(&self.pair, commit, Until::InBlock)
            .await?;
        Ok(())
    }

    /// Opens the ballot that is to be opened in this epoch, if there is one.
    pub(crate) async fn open(&self, rules: &mut Rules) -> Result<(), Error> {
        let due = {
            let desk = self.office.desk();
            openable(&desk.ballots, &rules.cast, rules.epoch, |ballot| {
                self.hash(ballot)
            })
            .cloned()
        };
        let Some(ballot) = due else { return Ok(()) };
        let hash = self.hash(&ballot);
        let reveal = Call::<Runtime>::reveal_weights {
            netuid: self.office.netuid().0,
            uids: ballot.uids.clone(),
            values: ballot.values.clone(),
            salt: ballot.salt.clone(),
            version_key: ballot.version_key,
        };
        self.client
            .submit(&self.pair, reveal, Until::InBlock)
            .await?;
        tracing::info!(epoch = rules.epoch, "opened a ballot");
        rules.cast.retain(|cast| cast.hash != hash);
        self.office.desk().ballots.retain(|kept| *kept != ballot);
        self.save().await;
        Ok(())
    }

    /// Written down before it is cast: a ballot without its salt can never be opened.
    async fn keep(&self, ballot: Ballot) {
        {
            let ballots = &mut self.office.desk().ballots;
            if BALLOTS_MAX <= ballots.len() {
                ballots.remove(0);
            }
            ballots.push(ballot);
        }
        self.save().await;
    }

    fn hash(&self, ballot: &Ballot) -> Digest {
        ballot.hash(self.pair.account(), self.office.netuid())
    }

    async fn save(&self) {
        let Some(archive) = self.archive.clone() else {
            return;
        };
        let desk = self.office.desk().clone();
        let saved = tokio::task::spawn_blocking(move || archive.save(desk)).await;
        match saved {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "standings were not saved"),
            Err(error) => tracing::error!(%error, "saving standings ended badly"),
        }
    }
}
