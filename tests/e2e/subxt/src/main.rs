//! Walks subxt through what any program for a Substrate chain does: it connects, reads, sends a transfer and follows heads.
//!
//!     STOA_WS=ws://127.0.0.1:9944 stoa-subxt
//!
//! Everything is decoded by the metadata that the node hands out; no code was generated from it beforehand. Needs `//Alice`
//! funded, as on a development network. Exits with 1 at the first thing that is not as it should be.

use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeSet;
use std::env;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use subxt::OnlineClient;
use subxt::client::{Blocks, OnlineClientAtBlock};
use subxt::config::SubstrateConfig;
use subxt::dynamic::{self, Value};
use subxt::error::TransactionEventsError::ExtrinsicFailed as Failed;
use subxt::error::{DispatchError, TokenError};
use subxt::events::DecodeAsEvent;
use subxt::ext::scale_decode::DecodeAsType;
use subxt::utils::AccountId32;
use subxt_signer::SecretUri;
use subxt_signer::sr25519::Keypair;

const TAO: u128 = 1_000_000_000;
const AMOUNT: u128 = 3 * TAO;

/// Blocks that each subscription is followed for.
const HEADS: u64 = 3;

/// Longest that all of it may take.
const SECONDS_MAX: u64 = 120;

type Client = OnlineClient<SubstrateConfig>;
type AtBlock = OnlineClientAtBlock<SubstrateConfig>;

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct Version {
    spec_name: String,
    spec_version: u32,
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct Account {
    nonce: u32,
    data: Balance,
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct Balance {
    free: u128,
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct Transfer {
    from: AccountId32,
    to: AccountId32,
    amount: u128,
}

impl DecodeAsEvent for Transfer {
    fn is_event(pallet: &str, event: &str) -> bool {
        (pallet, event) == ("Balances", "Transfer")
    }
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct FeePaid {
    who: AccountId32,
    actual_fee: u128,
}

impl DecodeAsEvent for FeePaid {
    fn is_event(pallet: &str, event: &str) -> bool {
        (pallet, event) == ("TransactionPayment", "TransactionFeePaid")
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let endpoint = env::var("STOA_WS").unwrap_or_else(|_| "ws://127.0.0.1:9944".to_owned());
    let walk = async {
        let client = Client::from_insecure_url(&endpoint)
            .await
            .with_context(|| format!("connect to {endpoint}"))?;
        read_versions(&client).await?;
        follow("new", client.stream_best_blocks().await?).await?;
        follow("finalized", client.stream_blocks().await?).await?;
        let people = People::new()?;
        let block = send(&client, &people).await?;
        read_block(&block).await?;
        read_effect(&client, &block, &people).await?;
        read_map(&block).await?;
        send_too_much(&client, &people).await
    };
    tokio::time::timeout(Duration::from_secs(SECONDS_MAX), walk)
        .await
        .with_context(|| format!("not done within {SECONDS_MAX} s"))?
}

fn report(what: String) {
    println!("ok   subxt {what}");
}

/// The one who sends and the one who receives, whom no earlier run knows.
struct People {
    alice: Keypair,
    receiver: AccountId32,
}

impl People {
    fn new() -> Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        let receiver = keypair(&format!("//Alice//subxt//{now}"))?;
        Ok(Self {
            alice: keypair("//Alice")?,
            receiver: receiver.public_key().to_account_id(),
        })
    }

    fn transfer(&self, amount: u128) -> subxt::tx::DynamicPayload<Vec<Value>> {
        let receiver = Value::unnamed_variant("Id", [Value::from_bytes(self.receiver.0)]);
        let arguments = vec![receiver, Value::u128(amount)];
        dynamic::tx("Balances", "transfer_keep_alive", arguments)
    }
}

fn keypair(uri: &str) -> Result<Keypair> {
    Ok(Keypair::from_uri(&SecretUri::from_str(uri)?)?)
}

/// Metadata and the runtime's version, through a runtime API that the metadata describes.
async fn read_versions(client: &Client) -> Result<()> {
    let block = client.at_current_block().await?;
    let pallets = block.metadata_ref().pallets().len();
    ensure!(0 < pallets, "the metadata names no pallet");
    let call = dynamic::runtime_api_call::<_, Version>("Core", "version", ());
    let version = block.runtime_apis().call(call).await?;
    ensure!(
        version.spec_name == "node-subtensor" && version.spec_version == block.spec_version(),
        "the runtime is {} {}, and the block's version {}",
        version.spec_name,
        version.spec_version,
        block.spec_version()
    );
    let address = dynamic::constant::<u128>("Balances", "ExistentialDeposit");
    let deposit = block.constants().entry(address)?;
    report(format!(
        "connects: {} {} with {pallets} pallets, an account lives from {deposit} rao",
        version.spec_name, version.spec_version
    ));
    Ok(())
}

/// Blocks come one after the other, each the parent of the next.
async fn follow(which: &str, mut blocks: Blocks<SubstrateConfig>) -> Result<()> {
    let mut before = None;
    for _ in 0..HEADS {
        let block = blocks.next().await.context("the subscription ended")??;
        if let Some((number, hash)) = before {
            ensure!(
                block.number() == number + 1 && block.header().parent_hash == hash,
                "after block {number} came block {}, of another parent",
                block.number()
            );
        }
        before = Some((block.number(), block.hash()));
    }
    let last = before.map_or(0, |(number, _)| number);
    report(format!("follows {which} heads: up to block {last}"));
    Ok(())
}

/// Sends a transfer, and returns the block in which it is final.
async fn send(client: &Client, people: &People) -> Result<AtBlock> {
    let call = people.transfer(AMOUNT);
    let mut transactions = client.tx().await?;
    let signed = transactions
        .create_signed(&call, &people.alice, Default::default())
        .await?;
    ensure!(
        signed.validate().await?.is_valid(),
        "the pool would refuse it"
    );
    let fee = estimated_fee(&client.at_current_block().await?, signed.encoded()).await?;
    ensure!(0 < fee, "the estimated fee is nothing");
    report(format!("asks for the fee: {fee} rao"));

    let final_in = signed
        .submit_and_watch()
        .await?
        .wait_for_finalized()
        .await?;
    let events = final_in.wait_for_success().await?;
    let block = final_in.at().await?;
    let sender = people.alice.public_key().to_account_id();
    let transfer = events
        .find_first::<Transfer>()
        .context("no event tells of the transfer")??;
    ensure!(
        transfer.from == sender && transfer.to == people.receiver && transfer.amount == AMOUNT,
        "the event tells of another transfer: {} rao",
        transfer.amount
    );
    let paid = events
        .find_first::<FeePaid>()
        .context("no event tells of the fee")??;
    ensure!(
        paid.who == sender && paid.actual_fee == fee,
        "the fee was {} rao, and was said to be {fee}",
        paid.actual_fee
    );
    report(format!(
        "sends a transfer, final in block {} ({:?})",
        block.block_number(),
        block.block_hash()
    ));
    Ok(block)
}

/// What the transaction will cost. subxt's own estimate takes every chain's balances for 128 bits wide; on Bittensor, and so
/// here, they have 64.
async fn estimated_fee(block: &AtBlock, transaction: &[u8]) -> Result<u128> {
    let mut arguments = transaction.to_vec();
    arguments.extend(u32::try_from(transaction.len())?.to_le_bytes());
    let answer = block
        .runtime_apis()
        .call_raw("TransactionPaymentApi_query_info", Some(&arguments))
        .await?;
    // Weight and class come before it.
    let fee = answer.last_chunk().context("an answer without a fee")?;
    Ok(u64::from_le_bytes(*fee).into())
}

/// Every extrinsic of the block, and every event of each, down to the last field.
async fn read_block(block: &AtBlock) -> Result<()> {
    let extrinsics = block.extrinsics().fetch().await?;
    let mut calls = BTreeSet::new();
    let mut count = 0;
    for extrinsic in extrinsics.iter() {
        let extrinsic = extrinsic?;
        let call = format!("{}.{}", extrinsic.pallet_name(), extrinsic.call_name());
        extrinsic
            .decode_call_data_as::<Value>()
            .with_context(|| format!("decode {call}"))?;
        for event in extrinsic.events().await?.iter() {
            let event = event?;
            event
                .decode_fields_unchecked_as::<Value>()
                .with_context(|| {
                    format!("decode {}.{}", event.pallet_name(), event.event_name())
                })?;
            count += 1;
        }
        calls.insert(call);
    }
    for call in ["Timestamp.set", "Balances.transfer_keep_alive"] {
        ensure!(
            calls.contains(call),
            "the block has {calls:?} and no {call}"
        );
    }
    let number = block.block_number();
    report(format!(
        "decodes block {number} with {count} events: {calls:?}"
    ));
    Ok(())
}

async fn account(block: &AtBlock, of: &AccountId32) -> Result<Account> {
    let address = dynamic::storage::<([u8; 32],), Account>("System", "Account");
    Ok(block.storage().fetch(address, (of.0,)).await?.decode()?)
}

/// The receiver has it all; the sender is poorer by it and the fee, and has sent one transaction more.
async fn read_effect(client: &Client, block: &AtBlock, people: &People) -> Result<()> {
    let received = account(block, &people.receiver).await?.data.free;
    ensure!(received == AMOUNT, "the receiver has {received} rao");
    let sender = people.alice.public_key().to_account_id();
    let before = client.at_block(block.block_number() - 1).await?;
    let (before, after) = (
        account(&before, &sender).await?,
        account(block, &sender).await?,
    );
    let spent = before.data.free - after.data.free;
    ensure!(AMOUNT < spent, "the sender spent {spent} rao");
    ensure!(
        after.nonce == before.nonce + 1,
        "the sender's nonce went from {} to {}",
        before.nonce,
        after.nonce
    );
    report(format!(
        "reads balances: {received} rao came of {spent} with the fee"
    ));
    Ok(())
}

/// A map, key by key.
async fn read_map(block: &AtBlock) -> Result<()> {
    let address = dynamic::storage::<(u16,), bool>("SubtensorModule", "NetworksAdded");
    let mut entries = block.storage().iter(address, ()).await?;
    let mut netuids = BTreeSet::new();
    while let Some(entry) = entries.next().await {
        let entry = entry?;
        if entry.value().decode()? {
            netuids.insert(entry.key()?.decode()?.0);
        }
    }
    ensure!(netuids.contains(&0), "the subnets are {netuids:?}");
    report(format!("reads a storage map: subnets {netuids:?}"));
    Ok(())
}

/// A failure comes with its reason: all that the sender has is too much, as the fee comes of it first.
async fn send_too_much(client: &Client, people: &People) -> Result<()> {
    let block = client.at_current_block().await?;
    let sender = people.alice.public_key().to_account_id();
    let call = people.transfer(account(&block, &sender).await?.data.free);
    let progress = block
        .tx()
        .sign_and_submit_then_watch_default(&call, &people.alice)
        .await?;
    let block = progress.wait_for_finalized().await?;
    match block.wait_for_success().await {
        Err(Failed(reason @ DispatchError::Token(TokenError::FundsUnavailable))) => {
            report(format!("is told why a transfer failed: {reason}"));
            Ok(())
        }
        Err(other) => Err(other).context("a transfer of more than there is"),
        Ok(_) => bail!("a transfer of more than there is went through"),
    }
}
