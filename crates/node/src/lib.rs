//! An authority or a follower: ledger, agreement, pool and RPC wired together.
//!
//! ```text
//!                 ┌────────────── host ──────────────┐
//!   wallets ─────▶│ rpc ─▶ pool ─▶ ledger ◀─ chain ◀─┼── agreement ◀─▶ authorities
//!   operators ───▶│ telemetry                        │      (authority)
//!                 └───────────▲──────────────────────┘
//!                             └── blocks with certificates ◀── another node's RPC   (follower)
//! ```
//!
//! # Entry points
//!
//! * [`run`]: a node, from its [`Config`] until told to stop.
//! * [`genesis::draw`] and [`genesis::write`]: a new network's files.
//!
//! # What always holds
//!
//! * A node killed at any moment starts again with every block it ever reported as final.
//! * A follower believes no node: it checks every block's certificate against the group key in the genesis, and
//!   executes the block itself.

mod authority;
mod chain;
mod config;
mod error;
mod follower;
pub mod genesis;
pub mod heights;
mod host;
mod presence;
mod source;
mod telemetry;
mod transactions;

pub use chain::LedgerChain;
pub use config::Config;
pub use error::Error;
pub use telemetry::Measured;

use authority::Authority;
use follower::Follower;
use futures::{FutureExt as _, future::BoxFuture};
use genesis::{Genesis, KeyFile};
use std::panic::{self, AssertUnwindSafe};

/// What tells a node to stop, by ending.
///
/// Of one concrete type, so that the whole node is compiled here and not once more in whatever program runs it.
type Shutdown = BoxFuture<'static, ()>;

/// Runs a node until `shutdown` ends. Blocks the calling thread; the node brings its own threads.
///
/// # Errors
///
/// [`Error`] says why the node did not start, or could not go on.
pub fn run(
    config: Config,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Error> {
    run_until(config, shutdown.boxed())
}

fn run_until(config: Config, shutdown: Shutdown) -> Result<(), Error> {
    let genesis = Genesis::read(&config.genesis)?;
    let _held = host::hold(&config.base_path)?;
    let Some(key) = &config.key else {
        let follower = Follower::prepare(config, genesis)?;
        return contain(|| follower.run(shutdown));
    };
    let shield = KeyFile::read_shield(key)?;
    let key = KeyFile::read(key)?;
    let authority = Authority::prepare(config, genesis, key)?;
    if let Some(shield) = shield {
        authority.open_sealed_with(shield);
    }
    contain(|| authority.run(shutdown))
}

/// Turns a panic of the storage or network layer, their way of refusing to go on, into an error.
fn contain(work: impl FnOnce() -> Result<(), Error>) -> Result<(), Error> {
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(Error::Ended(
            text.unwrap_or("a part of the node failed").to_owned(),
        ))
    })
}
