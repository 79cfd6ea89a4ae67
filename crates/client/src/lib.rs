//! Typed access to a node: reads, runtime calls, watched submissions, subscriptions.
//!
//! A daemon that holds a [`Client`] need not know JSON-RPC. The client contains the same runtime as the node, so storage
//! keys, calls, events and errors are the runtime's own Rust types, and a node of another version is refused when
//! connecting instead of being misread later.
//!
//! ```no_run
//! # async fn example(alice: keys::Pair) -> Result<(), client::Error> {
//! use client::{Client, Until};
//! use primitives::{NetUid, Uid};
//!
//! let client = Client::connect("ws://127.0.0.1:9944").await?;
//! let market = client.metagraph(NetUid(1)).await?;
//! for neuron in &market.neurons {
//!     println!("{} {} {:?}", neuron.uid, neuron.hotkey, neuron.axon);
//! }
//! client.set_weights(&alice, NetUid(1), &[(Uid(2), 65535)], 0, Until::Finalized).await?;
//! # Ok(()) }
//! ```
//!
//! | question | module |
//! |---|---|
//! | is the node there, and is it mine? | [`connection`](Patience) |
//! | what lies in storage at this block? | [`storage`] |
//! | who is on this subnet, where do they listen, what do they earn? | [`metagraph`] |
//! | when does the next epoch come? | [`Schedule`] |
//! | which subnets are there, and what do they pay for? | [`Client::subnets`], [`Client::task`] |
//! | did my transaction get in, and did it work? | [`Until`], [`Inclusion`], [`Failure`] |
//! | what is the newest block? | [`Heads`] |
//!
//! # What always holds
//!
//! Every wait is bounded by [`Patience`], except [`Heads::next`], which waits for the chain. Reads are cancel safe.
//! Cancelling a submission stops the watching, not the transaction.

pub mod calls;
mod chain;
mod connection;
mod dispatch;
mod error;
mod extrinsic;
mod heads;
mod hexadecimal;
pub mod metagraph;
mod schedule;
pub mod storage;
mod submit;
mod subnets;

pub use chain::{Balance, Client};
pub use connection::Patience;
pub use dispatch::{Failure, failure_of};
pub use error::Error;
pub use heads::{Follow, Head, Heads};
pub use metagraph::{Metagraph, Neuron};
pub use schedule::Schedule;
pub use storage::{Item, State};
pub use submit::{Inclusion, Until};
pub use subnets::Subnet;
