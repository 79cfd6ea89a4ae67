//! Follows the chain: who sits where, and weights once an epoch.

use std::sync::Arc;
use std::time::Duration;

use client::{Client, Error, Follow, Head, Schedule, Until};
use keys::Pair;
use tokio_util::sync::CancellationToken;

use crate::archive::Archive;
use crate::publication::{Publication, due};
use crate::server::Office;

/// How often the metagraph is read again, in blocks.
const REFRESH_BLOCKS: u32 = 12;
/// How long to wait before asking an unreachable node again.
const PATIENCE: Duration = Duration::from_secs(1);
/// The version of this validator's weights, which the subnet compares with the least it accepts.
const VERSION_KEY: u64 = 1;

/// Follows the chain on behalf of one validator.
pub(crate) struct Follower {
    pub(crate) client: Client,
    pub(crate) pair: Pair,
    pub(crate) office: Arc<Office>,
    pub(crate) archive: Option<Archive>,
}

/// What was last learnt and done.
#[derive(Default)]
struct Progress {
    refreshed: Option<u32>,
    schedule: Option<Schedule>,
    published_for: Option<u64>,
    complaint: Option<String>,
}

impl Follower {
    /// Follows until told to stop. Trouble is logged and waited out.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        let mut progress = Progress::default();
        loop {
            let followed = tokio::select! {
                () = shutdown.cancelled() => return,
                followed = self.follow(&mut progress) => followed,
            };
            if let Err(error) = followed {
                tracing::warn!(%error, "cannot follow the chain; grading goes on");
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(PATIENCE) => {}
            }
        }
    }

    async fn follow(&self, progress: &mut Progress) -> Result<(), Error> {
        let mut heads = self.client.follow(Follow::Best);
        loop {
            let head = heads.next().await?;
            if progress.is_stale(&head) {
                self.refresh(&head, progress).await?;
            }
            self.publish_if_due(&head, progress).await;
        }
    }

    async fn refresh(&self, head: &Head, progress: &mut Progress) -> Result<(), Error> {
        let netuid = self.office.netuid();
        let (metagraph, schedule) =
            tokio::try_join!(self.client.metagraph(netuid), self.client.schedule(netuid))?;
        self.office.book().follow(&metagraph, &self.pair.account());
        progress.refreshed = Some(head.number);
        progress.schedule = Some(schedule);
        Ok(())
    }

    /// A refusal is not final: the next block tries again, and complains only about what is new.
    async fn publish_if_due(&self, head: &Head, progress: &mut Progress) {
        let Some((tempo, next_epoch)) = progress
            .schedule
            .and_then(|it| Some((it.tempo, it.next_epoch?)))
        else {
            return;
        };
        let block = u64::from(head.number);
        let publication = Publication {
            tempo,
            next_epoch,
            block,
            published_for: progress.published_for,
        };
        let weights = self.office.book().weights();
        if weights.is_empty() || !due(publication) {
            return;
        }
        let netuid = self.office.netuid();
        let set = self
            .client
            .set_weights(&self.pair, netuid, &weights, VERSION_KEY, Until::InBlock)
            .await;
        self.office.metrics().published(set.is_ok());
        match set {
            Ok(_) => {
                progress.published_for = Some(next_epoch);
                progress.complaint = None;
                tracing::info!(block, next_epoch, ?weights, "published weights");
                self.save();
            }
            Err(error) => progress.complain(&error),
        }
    }

    fn save(&self) {
        let Some(archive) = &self.archive else { return };
        let book = self.office.book().clone();
        if let Err(error) = archive.save(&book) {
            tracing::warn!(%error, "standings were not saved");
        }
    }
}

impl Progress {
    fn is_stale(&self, head: &Head) -> bool {
        let is_old = self
            .refreshed
            .is_none_or(|at| REFRESH_BLOCKS <= head.number.abs_diff(at));
        let next_epoch = self.schedule.and_then(|schedule| schedule.next_epoch);
        is_old || next_epoch.is_some_and(|next| next <= u64::from(head.number))
    }

    fn complain(&mut self, error: &Error) {
        let complaint = error.to_string();
        if self.complaint.as_ref() == Some(&complaint) {
            tracing::debug!(%error, "weights are still refused");
        } else {
            tracing::warn!(%error, "the chain refuses the weights; trying again at each block");
            self.complaint = Some(complaint);
        }
    }
}
