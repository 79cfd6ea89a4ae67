//! Following the chain: a stream of new or finalized heads that survives reconnection.

use jsonrpsee::core::client::Subscription;
use jsonrpsee::core::params::ArrayParams;
use runtime::{Hash, Header};
use sp_runtime::traits::Header as _;

use crate::Client;
use crate::error::Error;

/// A block's number, its own hash and its parent's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Height above genesis.
    pub number: u32,
    /// Hash of the header.
    pub hash: Hash,
    /// Hash of the block before.
    pub parent: Hash,
}

impl From<&Header> for Head {
    fn from(header: &Header) -> Self {
        Self {
            number: *header.number(),
            hash: header.hash(),
            parent: *header.parent_hash(),
        }
    }
}

/// Which blocks to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// Each new best block, which may still be replaced.
    Best,
    /// Finalized blocks, which stay.
    Finalized,
}

impl Follow {
    fn methods(self) -> (&'static str, &'static str) {
        match self {
            Follow::Best => ("chain_subscribeNewHeads", "chain_unsubscribeNewHeads"),
            Follow::Finalized => (
                "chain_subscribeFinalizedHeads",
                "chain_unsubscribeFinalizedHeads",
            ),
        }
    }
}

/// The heads of a chain from now on.
///
/// Numbers may be skipped, after a reconnection or when the reader is slow; with [`Follow::Finalized`] every head
/// is higher than the last one returned.
pub struct Heads {
    client: Client,
    follow: Follow,
    subscription: Option<Subscription<Header>>,
    last: Option<Head>,
}

impl Heads {
    pub(crate) fn new(client: Client, follow: Follow) -> Self {
        Self {
            client,
            follow,
            subscription: None,
            last: None,
        }
    }

    /// Waits for the next head; the first call returns the present one.
    ///
    /// Waits as long as the chain stands still. Bound it with [`tokio::time::timeout`] where standing still matters.
    ///
    /// # Errors
    ///
    /// When the node cannot be reached within the client's patience. The next call tries again.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a head is lost only when it is returned.
    pub async fn next(&mut self) -> Result<Head, Error> {
        loop {
            if self.subscription.is_none() {
                let (subscribe, unsubscribe) = self.follow.methods();
                let connection = self.client.connection();
                let opened = connection
                    .subscribe(subscribe, ArrayParams::new(), unsubscribe)
                    .await?;
                self.subscription = Some(opened);
            }
            let Some(subscription) = self.subscription.as_mut() else {
                continue;
            };
            match subscription.next().await {
                Some(Ok(header)) => {
                    let head = Head::from(&header);
                    if self.is_news(&head) {
                        self.last = Some(head);
                        return Ok(head);
                    }
                }
                Some(Err(error)) => {
                    let what = "a header".to_string();
                    return Err(Error::Undecodable {
                        what,
                        reason: error.to_string(),
                    });
                }
                // The socket broke, or the node gave up on a slow reader: subscribe anew.
                None => self.subscription = None,
            }
        }
    }

    /// A new subscription begins with the present head, which may have been seen already.
    fn is_news(&self, head: &Head) -> bool {
        match (self.follow, &self.last) {
            (_, None) => true,
            (Follow::Best, Some(last)) => last.hash != head.hash,
            (Follow::Finalized, Some(last)) => last.number < head.number,
        }
    }
}
