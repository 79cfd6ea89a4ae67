//! `stoa gateway`: OpenAI's API in front of a subnet.

use crate::shutdown;
use anyhow::{Context, Result};
use clap::Args;
use keys::Pair;
use primitives::NetUid;
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

/// Serve OpenAI's API in front of a subnet
#[derive(Args)]
pub struct Gateway {
    /// Where to serve the API
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDR")]
    listen: SocketAddr,

    /// The node's WebSocket URL
    #[arg(long, default_value = "ws://127.0.0.1:9944", value_name = "URL")]
    node: String,

    /// The subnet served
    #[arg(long, default_value = "1", value_name = "NUMBER")]
    netuid: NetUid,

    /// A validator's hotkey to sign requests with: a key file or a development key; may be repeated, then they take turns
    #[arg(long, required = true, value_name = "KEY")]
    hotkey: Vec<String>,

    /// A validator whose standings count, by the URL of its HTTP service; may be repeated [default: incentive on chain]
    #[arg(long, value_name = "URL")]
    validator: Vec<String>,

    /// A key that customers may use; may be repeated [default: any key, or none]
    #[arg(
        long,
        env = "STOA_API_KEYS",
        value_delimiter = ',',
        hide_env_values = true,
        value_name = "KEY"
    )]
    api_key: Vec<String>,

    /// Requests per minute and key [default: unlimited]
    #[arg(long, value_name = "COUNT")]
    requests_per_minute: Option<NonZeroU32>,

    /// Requests under way at once
    #[arg(long, default_value = "512", value_name = "COUNT")]
    requests_at_once: NonZeroUsize,

    /// Largest request body, in bytes
    #[arg(long, default_value_t = protocol::BODY_BYTES_MAX, value_name = "BYTES")]
    body_bytes: usize,

    /// How long one miner may take to its first token, in milliseconds
    #[arg(long, default_value = "15000", value_name = "MS")]
    first_token_ms: u64,

    /// After so many milliseconds without a token, ask a second miner too [default: never]
    #[arg(long, value_name = "MS")]
    hedge_ms: Option<u64>,
}

impl Gateway {
    /// Runs the gateway until Ctrl-C or SIGTERM.
    ///
    /// # Errors
    ///
    /// When a key cannot be read, the address is taken, or the node cannot be used.
    pub async fn run(self) -> Result<()> {
        let hotkeys = self
            .hotkey
            .iter()
            .map(|text| Pair::from_uri_or_file(text).context("read a key given with --hotkey"));
        let patience = gateway::Patience {
            first_token: Duration::from_millis(self.first_token_ms),
            hedge: self.hedge_ms.map(Duration::from_millis),
            ..gateway::Patience::default()
        };
        let config = gateway::Config {
            listen: self.listen,
            node: self.node,
            netuid: self.netuid,
            hotkeys: hotkeys.collect::<Result<_>>()?,
            validators: self.validator,
            api_keys: self.api_key,
            requests_per_minute: self.requests_per_minute.map(NonZeroU32::get),
            requests_at_once: self.requests_at_once.get(),
            body_bytes_max: self.body_bytes,
            patience,
        };
        Ok(gateway::run(config, shutdown::on_signal()?).await?)
    }
}
