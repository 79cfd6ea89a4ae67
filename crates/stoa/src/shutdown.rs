//! When to stop: one token that every daemon watches.
//!
//! Ctrl-C and SIGTERM end a daemon. A daemon that was started by a localnet also ends with it: the localnet holds the other end
//! of its standard input and never writes, so that even `kill -9` of the localnet, which closes the pipe, leaves nothing running.

use anyhow::{Context, Result};
use std::io::Read;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Returns a token that is cancelled by Ctrl-C or SIGTERM.
///
/// # Errors
///
/// When the system refuses a signal handler.
pub fn on_signal() -> Result<CancellationToken> {
    let mut interrupt = signal(SignalKind::interrupt()).context("listen for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("listen for SIGTERM")?;
    let token = CancellationToken::new();
    let cancelled = token.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        cancelled.cancel();
    });
    Ok(token)
}

/// Ends this process, as SIGTERM would, once standard input closes.
pub fn with_parent() {
    std::thread::spawn(|| {
        let mut ignored = [0u8; 64];
        // A read error means the same as the end: nobody holds the other side any more.
        while matches!(std::io::stdin().read(&mut ignored), Ok(1..)) {}
        let own = rustix::process::getpid();
        if let Err(error) = rustix::process::kill_process(own, rustix::process::Signal::TERM) {
            tracing::error!(%error, "cannot signal this process; leaving at once");
            std::process::exit(1);
        }
    });
}
