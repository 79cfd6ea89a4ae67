//! Follows the chain: who sits where, and when weights are due.

use std::sync::Arc;
use std::time::Duration;

use client::{Client, Follow, Head, Metagraph, Schedule};
use keys::Pair;
use primitives::{NetUid, TaskId};
use tasks::Kind;
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::archive::Archive;
use crate::publication::{Publication, due};
use crate::publisher::{Publisher, Rules};
use crate::server::Office;

/// How often the metagraph is read again, in blocks.
const REFRESH_BLOCKS: u32 = 12;
/// Blocks after which weights that the chain refused are tried again.
const RETRY_BLOCKS: u32 = 4;
/// How long to wait before asking an unreachable node again.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the subnet pays for, if this program knows it.
///
/// # Errors
///
/// [`Error::NoTask`], [`Error::UnknownTask`], [`Error::Chain`].
pub(crate) async fn commission(
    client: &Client,
    netuid: NetUid,
) -> Result<&'static dyn Kind, Error> {
    let task = client.task(netuid).await?.ok_or(Error::NoTask(netuid))?;
    tasks::find(&task).map_err(|unknown| Error::UnknownTask { netuid, unknown })
}

/// Follows the chain on behalf of one validator.
pub(crate) struct Follower {
    client: Client,
    office: Arc<Office>,
    publisher: Publisher,
    refreshed: Option<u32>,
    schedule: Option<Schedule>,
    rules: Rules,
    published_for: Option<u64>,
    /// Whether the chain takes this validator's weights; the first epoch says so.
    has_permit: Option<bool>,
    retry_at: u32,
    complaint: Option<String>,
}

impl Follower {
    pub(crate) fn new(
        client: Client,
        pair: Pair,
        office: Arc<Office>,
        archive: Option<Archive>,
    ) -> Self {
        let publisher = Publisher::new(client.clone(), pair, office.clone(), archive);
        Self {
            client,
            office,
            publisher,
            refreshed: None,
            schedule: None,
            rules: Rules::default(),
            published_for: None,
            has_permit: None,
            retry_at: 0,
            complaint: None,
        }
    }

    /// Follows until told to stop. Trouble with the chain is logged and waited out.
    ///
    /// # Errors
    ///
    /// [`Error::OtherTask`]: there is nothing left to do here.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) -> Result<(), Error> {
        loop {
            let followed = tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                followed = self.follow() => followed,
            };
            match followed {
                Ok(()) => {}
                Err(Error::Chain(error)) => {
                    tracing::warn!(%error, "cannot follow the chain; grading goes on");
                }
                Err(error) => return Err(error),
            }
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = tokio::time::sleep(PATIENCE) => {}
            }
        }
    }

    async fn follow(&mut self) -> Result<(), Error> {
        let mut heads = self.client.follow(Follow::Best);
        loop {
            let head = heads.next().await?;
            if self.is_stale(&head) {
                self.refresh(&head).await?;
            }
            if self.retry_at <= head.number {
                self.publish_if_due(&head).await;
            }
        }
    }

    fn is_stale(&self, head: &Head) -> bool {
        let is_old = self
            .refreshed
            .is_none_or(|at| REFRESH_BLOCKS <= head.number.abs_diff(at));
        let next_epoch = self.schedule.and_then(|schedule| schedule.next_epoch);
        is_old || next_epoch.is_some_and(|next| next <= u64::from(head.number))
    }

    async fn refresh(&mut self, head: &Head) -> Result<(), Error> {
        let netuid = self.office.netuid();
        let metagraph = self.client.metagraph(netuid);
        let schedule = self.client.schedule(netuid);
        let rules = self.publisher.rules(head);
        let task = self.client.task(netuid);
        let (metagraph, schedule, rules, task) =
            tokio::try_join!(metagraph, schedule, rules, task)?;
        self.heed_task(task)?;
        self.office.book().follow(&metagraph, &self.office.hotkey());
        if self.refreshed.is_none() {
            self.recall(&metagraph, head).await?;
        }
        let own = metagraph.seat(&self.office.hotkey());
        self.heed_permit(own.is_some_and(|seat| seat.validator_permit));
        self.refreshed = Some(head.number);
        self.schedule = Some(schedule);
        self.rules = rules;
        Ok(())
    }

    fn heed_task(&self, now: Option<TaskId>) -> Result<(), Error> {
        let before = self.office.kind().id();
        if now.as_ref() == Some(&before) {
            return Ok(());
        }
        let netuid = self.office.netuid();
        Err(Error::OtherTask {
            netuid,
            before,
            now,
        })
    }

    fn heed_permit(&mut self, has_permit: bool) {
        let was = self.has_permit.replace(has_permit);
        if was != Some(has_permit) {
            let netuid = self.office.netuid();
            match has_permit {
                true => tracing::info!(%netuid, "holds a validator permit"),
                false => {
                    tracing::info!(%netuid, "no validator permit yet: it takes stake and one epoch; grading meanwhile")
                }
            }
        }
    }

    /// After a start without a state file, what this validator has on chain is what it begins with.
    async fn recall(&self, metagraph: &Metagraph, head: &Head) -> Result<(), Error> {
        let Some(own) = metagraph.seat(&self.office.hotkey()).map(|seat| seat.uid) else {
            return Ok(());
        };
        if !self.office.book().is_blank() {
            return Ok(());
        }
        let row = self.publisher.row(head, own).await?;
        if !row.is_empty() {
            tracing::info!(
                weights = row.len(),
                "standings taken up from the weights on chain"
            );
            self.office.book().recall(&row);
        }
        Ok(())
    }

    async fn publish_if_due(&mut self, head: &Head) {
        let Some((tempo, next_epoch)) = self
            .schedule
            .and_then(|it| Some((it.tempo, it.next_epoch?)))
        else {
            return;
        };
        let block = u64::from(head.number);
        let (weights, is_formed) = {
            let book = self.office.book();
            (book.weights(), book.is_formed())
        };
        let published_for = self.published_for;
        let publication = Publication {
            tempo,
            next_epoch,
            block,
            published_for,
            is_formed,
        };
        if self.has_permit != Some(true) || weights.is_empty() || !due(publication) {
            return;
        }
        let published = self.publisher.publish(&weights, self.rules).await;
        self.office.metrics().published(published.is_ok());
        match published {
            Ok(()) => {
                self.published_for = Some(next_epoch);
                self.complaint = None;
                tracing::info!(
                    block,
                    next_epoch,
                    sealed = self.rules.is_sealed(),
                    ?weights,
                    "published weights"
                );
            }
            Err(error) => self.complain(&error, head),
        }
    }

    /// A refusal is not final: it is tried again soon, and only what is new is complained about.
    fn complain(&mut self, error: &Error, head: &Head) {
        self.retry_at = head.number.saturating_add(RETRY_BLOCKS);
        let complaint = error.to_string();
        if self.complaint.as_ref() == Some(&complaint) {
            tracing::debug!(%error, "weights are still refused");
        } else {
            tracing::warn!(%error, "the chain refuses the weights; trying again every few blocks");
            self.complaint = Some(complaint);
        }
    }
}
