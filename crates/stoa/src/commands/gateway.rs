//! `stoa gateway`: one API in front of any number of subnets.

use crate::shutdown;
use anyhow::{Context, Result, bail};
use clap::Args;
use keys::Pair;
use primitives::NetUid;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

/// Serve one API in front of subnets: OpenAI's for text, and every other task beside it
#[derive(Args)]
pub struct Gateway {
    /// Where to serve the API
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDR")]
    listen: SocketAddr,

    /// The node's WebSocket URL
    #[arg(long, default_value = "ws://127.0.0.1:9944", value_name = "URL")]
    node: String,

    /// A subnet to serve; may be repeated
    #[arg(long, default_value = "1", value_name = "NUMBER")]
    netuid: Vec<NetUid>,

    /// A validator's hotkey to sign requests with: a key file or a development key; may be repeated, then those that may ask on a
    /// subnet take turns there
    #[arg(long, required = true, value_name = "KEY")]
    hotkey: Vec<String>,

    /// A validator whose standings count on a subnet, by the URL of its HTTP service; may be repeated, and the number may be left
    /// out where one subnet is served [default: incentive on chain]
    #[arg(long, value_name = "NETUID=URL")]
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

    /// Where jobs are kept, so that they survive a restart [default: nowhere]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,

    /// Largest request body about text, in bytes; every other task has a limit of its own
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
            subnets: subnets(&self.netuid, &self.validator)?,
            hotkeys: hotkeys.collect::<Result<_>>()?,
            api_keys: self.api_key,
            requests_per_minute: self.requests_per_minute.map(NonZeroU32::get),
            requests_at_once: self.requests_at_once.get(),
            body_bytes_max: self.body_bytes,
            patience,
            data_dir: self.data_dir,
        };
        Ok(gateway::run(config, shutdown::on_signal()?).await?)
    }
}

/// Each subnet with its validators.
fn subnets(netuids: &[NetUid], validators: &[String]) -> Result<BTreeMap<NetUid, Vec<String>>> {
    let mut subnets: BTreeMap<NetUid, Vec<String>> = BTreeMap::new();
    for netuid in netuids {
        subnets.entry(*netuid).or_default();
    }
    let only = match netuids {
        [netuid] => Some(*netuid),
        _ => None,
    };
    for validator in validators {
        let named = validator
            .split_once('=')
            .and_then(|(netuid, url)| Some((netuid.parse::<NetUid>().ok()?, url)));
        let (netuid, url) = match (named, only) {
            (Some(named), _) => named,
            (None, Some(only)) => (only, validator.as_str()),
            (None, None) => bail!(
                "--validator {validator} does not say of which subnet; write --validator NETUID={validator}"
            ),
        };
        match subnets.get_mut(&netuid) {
            Some(of) => of.push(url.to_owned()),
            None => bail!(
                "--validator {validator} is of subnet {netuid}; serve it with --netuid {netuid}"
            ),
        }
    }
    Ok(subnets)
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "http://127.0.0.1:8100";

    #[test]
    fn a_validator_says_of_which_subnet_unless_there_is_one() {
        let one = subnets(&[NetUid(3)], &[URL.into()]).expect("one subnet");
        assert_eq!(one, BTreeMap::from([(NetUid(3), vec![URL.into()])]));
        let numbered = [format!("1={URL}"), format!("2={URL}/?a=b")];
        let two = subnets(&[NetUid(2), NetUid(1)], &numbered).expect("two subnets");
        let expected = [
            (NetUid(1), vec![URL.into()]),
            (NetUid(2), vec![format!("{URL}/?a=b")]),
        ];
        assert_eq!(two, BTreeMap::from(expected));
        let error = subnets(&[NetUid(1), NetUid(2)], &[URL.into()]).expect_err("which one?");
        assert!(error.to_string().contains("NETUID="), "{error}");
        let error = subnets(&[NetUid(1)], &[format!("2={URL}")]).expect_err("not served");
        assert!(error.to_string().contains("--netuid 2"), "{error}");
    }
}
