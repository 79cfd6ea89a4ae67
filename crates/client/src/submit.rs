//! Submits a call and watches it until it is in a block or final, then says what it did.
//!
//! ```text
//!  submit ──▶ queue for the account ──▶ nonce, sign, into the pool ──▶ watch ──▶ read the block's events
//!               (one at a time)              ▲ stale nonce: again         │
//!                                            └────────────────────────────┘ socket lost: look through the blocks
//! ```
//!
//! # Many submissions from one key
//!
//! Calls of one account must carry consecutive numbers. Submissions of one [`Client`] (and its clones) wait in line
//! per account only until the pool has taken the one before; then the pool itself counts it in the next nonce. So any number
//! may be in flight. If another process uses the same key at the same moment, the loser is signed again with a new
//! number, [`NONCE_ATTEMPTS`] times.
//!
//! # A lost connection
//!
//! After the pool has taken an extrinsic, the watch may end because the node went away. The extrinsic may be in a
//! block already, so it is offered again as it is (a copy is harmless: it has the same number) and looked for in
//! the blocks since it was signed.

use frame_support::storage::storage_prefix;
use jsonrpsee::core::client::Subscription;
use jsonrpsee::rpc_params;
use keys::Pair;
use parity_scale_codec::Decode;
use runtime::free_calls::Refusal;
use runtime::{Hash, RuntimeCall, RuntimeEvent};
use tokio::time::{Instant, timeout_at};

use crate::chain::Client;
use crate::dispatch::Failure;
use crate::error::Error;
use crate::extrinsic::{Signed, VALID_BLOCKS, sign};
use crate::heads::{Follow, Head};
use crate::hexadecimal;

/// How often an extrinsic is signed anew because another process used its number.
const NONCE_ATTEMPTS: usize = 4;
/// JSON-RPC codes of the pool, as every Substrate node uses them.
const CODE_INVALID: i32 = 1010;
const CODE_ALREADY_IMPORTED: i32 = 1013;
const CODE_TOO_LOW_PRIORITY: i32 = 1014;

/// How sure the caller wants to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// In a block, which may still be replaced.
    InBlock,
    /// In a block that will stay.
    Finalized,
}

/// Where a call was included, and what it did there.
#[derive(Clone, Debug)]
pub struct Inclusion {
    /// Hash of the block.
    pub block: Hash,
    /// Position among the block's extrinsics.
    pub index: u32,
    /// Hash of the extrinsic.
    pub extrinsic: Hash,
    /// What it caused, in order.
    pub events: Vec<RuntimeEvent>,
}

/// A step in a submitted extrinsic's life, as the node reports it.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
enum Status {
    Future,
    Ready,
    Broadcast(Vec<String>),
    InBlock(Hash),
    Retracted(Hash),
    FinalityTimeout(Hash),
    Finalized(Hash),
    Usurped(Hash),
    Dropped,
    Invalid,
}

impl Status {
    fn trace(&self, signed: &Signed) {
        let extrinsic = signed.hash;
        match self {
            Status::Broadcast(peers) => tracing::trace!(?extrinsic, ?peers, "sent to peers"),
            Status::InBlock(block) => tracing::trace!(?extrinsic, ?block, "in a block"),
            Status::Retracted(block) => {
                tracing::debug!(?extrinsic, ?block, "its block was replaced")
            }
            Status::FinalityTimeout(block) => tracing::debug!(?extrinsic, ?block, "not yet final"),
            other => tracing::trace!(?extrinsic, status = ?other, "in the pool"),
        }
    }
}

impl Client {
    /// Signs `call` with `signer`, submits it and waits until it is included as surely as `until` says.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] if the call ran and failed (also inside a sudo call or an interrupted batch),
    /// [`Error::Rejected`] if the pool refused it (no funds for the fee, for example), [`Error::NotIncluded`] or
    /// [`Error::Timeout`] if it was not included in time: it may still be, until 256 blocks after signing.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: a dropped future may or may not have submitted. Read the chain before trying again.
    pub async fn submit(
        &self,
        signer: &Pair,
        call: impl Into<RuntimeCall>,
        until: Until,
    ) -> Result<Inclusion, Error> {
        let deadline = Instant::now() + self.connection().patience().inclusion;
        let (signed, watch) = self.enter(signer, call.into()).await?;
        let block = match self.watch(watch, &signed, until, deadline).await? {
            Some(block) => block,
            None => self.search(&signed, until, deadline).await?,
        };
        self.outcome(block, &signed).await
    }

    /// Gets a signed call into the pool; the watch is `None` if the pool had it already.
    async fn enter(
        &self,
        signer: &Pair,
        call: RuntimeCall,
    ) -> Result<(Signed, Option<Subscription<Status>>), Error> {
        let account = signer.account();
        let entrance = self.entrance(&account);
        let _turn = entrance.lock().await;
        let genesis = self.genesis_hash().await?;
        let mut refused = String::new();
        for _ in 0..NONCE_ATTEMPTS {
            let born = self.finalized().await?;
            let nonce = self.next_nonce(&account).await?;
            let signed = sign(signer, call.clone(), nonce, genesis, &born);
            let params = rpc_params![hexadecimal::encode(&signed.bytes)];
            let watch = self.connection().subscribe(
                "author_submitAndWatchExtrinsic",
                params,
                "author_unwatchExtrinsic",
            );
            match watch.await {
                Ok(watch) => return Ok((signed, Some(watch))),
                Err(Error::Refused {
                    code: CODE_ALREADY_IMPORTED,
                    ..
                }) => return Ok((signed, None)),
                Err(Error::Refused { code, message, .. }) if is_nonce_taken(code, &message) => {
                    refused = message;
                }
                Err(Error::Refused { message, .. }) => {
                    let reason = explained(message);
                    return Err(Error::Rejected { reason });
                }
                Err(error) => return Err(error),
            }
        }
        Err(Error::Rejected { reason: refused })
    }

    /// Follows the node's reports; `None` if they ended before the extrinsic did.
    async fn watch(
        &self,
        watch: Option<Subscription<Status>>,
        signed: &Signed,
        until: Until,
        deadline: Instant,
    ) -> Result<Option<Hash>, Error> {
        let Some(mut watch) = watch else {
            return Ok(None);
        };
        loop {
            let Ok(report) = timeout_at(deadline, watch.next()).await else {
                return Err(self.too_late(signed, until));
            };
            match (report, until) {
                (Some(Ok(Status::InBlock(block))), Until::InBlock) => return Ok(Some(block)),
                (Some(Ok(Status::Finalized(block))), _) => return Ok(Some(block)),
                (Some(Ok(Status::Invalid)), _) => {
                    return Err(Error::Rejected {
                        reason: "no longer valid".into(),
                    });
                }
                (Some(Ok(Status::Dropped)), _) => {
                    return Err(Error::NotIncluded {
                        status: "dropped from a full pool".into(),
                    });
                }
                (Some(Ok(Status::Usurped(by))), _) => {
                    return Err(Error::NotIncluded {
                        status: format!("replaced by {by:?}"),
                    });
                }
                (Some(Ok(step)), _) => step.trace(signed),
                (Some(Err(error)), _) => {
                    let what = "an extrinsic's status".to_string();
                    return Err(Error::Undecodable {
                        what,
                        reason: error.to_string(),
                    });
                }
                (None, _) => return Ok(None),
            }
        }
    }

    /// Offers the extrinsic again and looks for it in every block since it was signed.
    async fn search(
        &self,
        signed: &Signed,
        until: Until,
        deadline: Instant,
    ) -> Result<Hash, Error> {
        let params = rpc_params![hexadecimal::encode(&signed.bytes)];
        let again = self
            .connection()
            .request::<Hash>("author_submitExtrinsic", params)
            .await;
        // Refused means that it is in the pool or in a block already, or never will be: the blocks tell which.
        if let Err(error) = again {
            tracing::debug!(%error, extrinsic = ?signed.hash, "offered again");
        }
        let mut heads = self.follow(match until {
            Until::InBlock => Follow::Best,
            Until::Finalized => Follow::Finalized,
        });
        let mut next = signed.born + 1;
        loop {
            let Ok(head) = timeout_at(deadline, heads.next()).await else {
                return Err(self.too_late(signed, until));
            };
            let head = head?;
            while next <= head.number {
                if let Some(block) = self.contains(next, &head, signed).await? {
                    return Ok(block);
                }
                next += 1;
            }
            if signed.born + VALID_BLOCKS < head.number {
                return Err(Error::NotIncluded {
                    status: "expired".into(),
                });
            }
        }
    }

    /// The block at `number` on the chain of `head`, if it holds the extrinsic.
    async fn contains(
        &self,
        number: u32,
        head: &Head,
        signed: &Signed,
    ) -> Result<Option<Hash>, Error> {
        let hash = match number == head.number {
            true => Some(head.hash),
            false => self.block_hash(number).await?,
        };
        let Some(hash) = hash else { return Ok(None) };
        let body = self.body(hash).await?;
        Ok(body.contains(&signed.bytes).then_some(hash))
    }

    /// Reads what an included extrinsic did.
    async fn outcome(&self, block: Hash, signed: &Signed) -> Result<Inclusion, Error> {
        let body = self.body(block).await?;
        let index = body.iter().position(|bytes| bytes == &signed.bytes);
        let index = index.ok_or_else(|| Error::Absent {
            what: format!("extrinsic {:?} in block {block:?}", signed.hash),
        })?;
        let events = self.events(block, index as u32).await?;
        match events.iter().find_map(failure) {
            Some(failure) => Err(Error::Failed(failure)),
            None => Ok(Inclusion {
                block,
                index: index as u32,
                extrinsic: signed.hash,
                events,
            }),
        }
    }

    /// What the extrinsic at `index` of a block caused.
    ///
    /// # Errors
    ///
    /// Those of any read.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn events(&self, block: Hash, index: u32) -> Result<Vec<RuntimeEvent>, Error> {
        let key = storage_prefix(b"System", b"Events");
        let bytes = self.state(block).raw(&key).await?.unwrap_or_default();
        if bytes.is_empty() {
            return Ok(Vec::new());
        }
        let records = Vec::<frame_system::EventRecord<RuntimeEvent, Hash>>::decode(&mut &bytes[..]);
        let records = records.map_err(|error| Error::Undecodable {
            what: "System.Events".into(),
            reason: error.to_string(),
        })?;
        let own = records
            .into_iter()
            .filter(|record| record.phase == frame_system::Phase::ApplyExtrinsic(index));
        Ok(own.map(|record| record.event).collect())
    }

    fn too_late(&self, signed: &Signed, until: Until) -> Error {
        Error::Timeout {
            method: format!("extrinsic {:?} to be {until:?}", signed.hash),
            after_ms: self.connection().patience().inclusion.as_millis() as u64,
        }
    }
}

/// True when the pool says that this number was used by another extrinsic.
fn is_nonce_taken(code: i32, message: &str) -> bool {
    code == CODE_TOO_LOW_PRIORITY || (code == CODE_INVALID && message.contains("outdated"))
}

/// Puts words to the numbers by which the pool refuses calls that cost nothing.
fn explained(message: String) -> String {
    let number = message
        .rsplit_once("Custom error: ")
        .and_then(|(_, code)| code.parse::<u8>().ok());
    let words = |refusal: Refusal| match refusal {
        Refusal::SwapAnnounced => {
            "the coldkey announced its swap, and does nothing else until then"
        }
        Refusal::SwapDisputed => "the coldkey's swap is disputed; only root can release it",
        Refusal::TooSoon => "weights were set too recently",
        Refusal::NotRegisteredAnywhere => "the hotkey holds no seat on any subnet",
        Refusal::ServingTooSoon => "the address was published too recently",
        Refusal::NothingToReveal => "there is no commitment to reveal",
        Refusal::NotRegistered => "the hotkey holds no seat on this subnet",
        Refusal::WouldFail => {
            "the call would fail; check the hotkey's permit and stake, and what is sent"
        }
    };
    let known = [
        Refusal::SwapAnnounced,
        Refusal::SwapDisputed,
        Refusal::TooSoon,
        Refusal::NotRegisteredAnywhere,
        Refusal::ServingTooSoon,
        Refusal::NothingToReveal,
        Refusal::NotRegistered,
        Refusal::WouldFail,
    ];
    match known
        .into_iter()
        .find(|refusal| number == Some(*refusal as u8))
    {
        Some(refusal) => words(refusal).into(),
        None => message,
    }
}

/// The failure that an event reports, if it reports one.
fn failure(event: &RuntimeEvent) -> Option<Failure> {
    use frame_system::Event as System;
    use pallet_sudo::Event as Sudo;
    use pallet_utility::Event as Utility;
    let error = match event {
        RuntimeEvent::System(System::ExtrinsicFailed { dispatch_error, .. }) => dispatch_error,
        RuntimeEvent::Sudo(Sudo::Sudid {
            sudo_result: Err(error),
        }) => error,
        RuntimeEvent::Sudo(Sudo::SudoAsDone {
            sudo_result: Err(error),
        }) => error,
        RuntimeEvent::Utility(Utility::BatchInterrupted { error, .. }) => error,
        _ => return None,
    };
    Some(Failure::from(*error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sp_runtime::DispatchError;

    #[test]
    fn statuses_are_read_as_substrate_writes_them() {
        let read = |text: &str| serde_json::from_str::<Status>(text).expect(text);
        assert!(matches!(read(r#""ready""#), Status::Ready));
        assert!(matches!(read(r#""future""#), Status::Future));
        assert!(matches!(
            read(r#"{"broadcast":["a"]}"#),
            Status::Broadcast(_)
        ));
        let hash = format!("{:?}", Hash::repeat_byte(7));
        let text = format!(r#"{{"inBlock":"{hash}"}}"#);
        assert!(matches!(read(&text), Status::InBlock(block) if block == Hash::repeat_byte(7)));
        assert!(matches!(read(r#""invalid""#), Status::Invalid));
    }

    #[test]
    fn a_failure_inside_sudo_is_a_failure() {
        let event = RuntimeEvent::Sudo(pallet_sudo::Event::Sudid {
            sudo_result: Err(DispatchError::BadOrigin),
        });
        assert_eq!(
            failure(&event).map(|failure| failure.name),
            Some("BadOrigin".into())
        );
        let fine = RuntimeEvent::Sudo(pallet_sudo::Event::Sudid {
            sudo_result: Ok(()),
        });
        assert_eq!(failure(&fine), None);
    }

    #[test]
    fn refusals_by_number_are_put_into_words() {
        let six = "Invalid Transaction: Custom error: 6".to_string();
        assert_eq!(explained(six), "weights were set too recently");
        let unknown = "Invalid Transaction: Custom error: 99".to_string();
        assert_eq!(explained(unknown.clone()), unknown);
    }

    #[test]
    fn only_a_used_number_is_tried_again() {
        assert!(is_nonce_taken(CODE_TOO_LOW_PRIORITY, "Priority is too low"));
        assert!(is_nonce_taken(
            CODE_INVALID,
            "Invalid Transaction: Transaction is outdated"
        ));
        assert!(!is_nonce_taken(
            CODE_INVALID,
            "Invalid Transaction: Inability to pay some fees"
        ));
    }
}
