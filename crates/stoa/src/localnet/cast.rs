//! Who plays in a localnet, with which keys, on which ports, and with which command each is started.
//!
//! Every key is derived from its role's name (`//stoa//miner-1` is a coldkey, `//stoa//miner-1//hot` its hotkey), so that
//! a resumed localnet finds its own again and anyone may sign as anyone: these keys are for development alone.

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use keys::Pair;
use primitives::NetUid;
use std::path::Path;

/// The subnet on which the localnet's text market is held.
pub const NETUID: NetUid = NetUid(1);

/// The coldkey that owns the subnet and is the chain's sudo key.
pub const OWNER: &str = "//Alice";

/// The hotkey under which the subnet is registered.
pub const OWNER_HOTKEY: &str = "//Alice//owner";

/// What the canned miner says to everything.
const CANNED_ANSWER: &str = "As a large language model, I am happy to help you with that.";

/// The size of the cast and the ports it listens on.
#[derive(Args, Clone, Debug)]
pub struct Staging {
    /// Authorities that agree on blocks; blocks go on while more than two thirds of them live
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=16))]
    pub authorities: u16,

    /// Validators that judge answers
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=8))]
    pub validators: u16,

    /// Honest miners
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=16))]
    pub miners: u16,

    /// Dishonest miners, none of which should earn
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Villain::Untrained, Villain::Canned])]
    pub villains: Vec<Villain>,

    /// Port of the first authority's JSON-RPC; the other authorities take the first service ports
    #[arg(long, default_value_t = 9944)]
    pub rpc_port: u16,

    /// Port of the gateway
    #[arg(long, default_value_t = 8080)]
    pub gateway_port: u16,

    /// First of the ports on which authorities agree with each other
    #[arg(long, default_value_t = 30333)]
    pub p2p_port: u16,

    /// First of the ports on which everything else listens: miners, validators, metrics
    #[arg(long, default_value_t = 8091)]
    pub service_port: u16,
}

/// How a miner cheats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Villain {
    /// Serves a model that was never trained under the honest model's name
    Untrained,
    /// Answers everything with the same text
    Canned,
}

/// A process of the cast: what it is called and how it is started.
pub struct Role {
    /// Such as `miner-1`; also the name of its log.
    pub name: String,
    /// What the table says of it.
    pub part: &'static str,
    /// The hotkey it signs with, if it signs.
    pub hotkey: Option<Pair>,
    /// The coldkey that owns the hotkey.
    pub coldkey: Option<Pair>,
    /// The port on which it can be asked whether it is well.
    pub port: u16,
    /// The arguments of its `stoa` command.
    pub arguments: Vec<String>,
}

/// Everybody, in the order in which they enter.
pub struct Cast {
    pub owner: Pair,
    pub owner_hotkey: Pair,
    pub authorities: Vec<Role>,
    pub miners: Vec<Role>,
    pub validators: Vec<Role>,
    pub gateway: Role,
}

impl Staging {
    /// Casts every role of a localnet whose files are in `directory`.
    ///
    /// # Errors
    ///
    /// When a port number would pass 65535.
    pub fn cast(&self, directory: &Path, model: Option<&Path>) -> Result<Cast> {
        let mut ports = Ports {
            next: self.service_port,
        };
        let authorities = self.authorities(directory, &mut ports)?;
        let chain = chain_urls(&authorities);
        let miners = self.miners(&chain, model, &mut ports)?;
        let validators = self.validators(&chain, model, directory, &mut ports)?;
        let gateway = self.gateway(&chain, &validators);
        Ok(Cast {
            owner: pair(OWNER)?,
            owner_hotkey: pair(OWNER_HOTKEY)?,
            authorities,
            miners,
            validators,
            gateway,
        })
    }

    /// Every fixed port with the option that moves it, for the check before the start.
    pub fn ports(&self, cast: &Cast) -> Vec<(u16, &'static str)> {
        let mut ports = vec![
            (self.rpc_port, "--rpc-port"),
            (self.gateway_port, "--gateway-port"),
        ];
        ports
            .extend((0..self.authorities).map(|i| (self.p2p_port.saturating_add(i), "--p2p-port")));
        let services = cast
            .miners
            .iter()
            .chain(&cast.validators)
            .chain(&cast.authorities[1..]);
        ports.extend(services.map(|role| (role.port, "--service-port")));
        ports
    }

    fn authorities(&self, directory: &Path, ports: &mut Ports) -> Result<Vec<Role>> {
        let mut roles = Vec::new();
        for number in 1..=self.authorities {
            let name = format!("authority-{number}");
            let port = if number == 1 {
                self.rpc_port
            } else {
                ports.take()?
            };
            let arguments = vec![
                "node".into(),
                "--genesis".into(),
                directory.join("chain/genesis.json").display().to_string(),
                "--key".into(),
                directory
                    .join(format!("chain/{name}.json"))
                    .display()
                    .to_string(),
                "--base-path".into(),
                directory.join(&name).display().to_string(),
                "--rpc".into(),
                format!("127.0.0.1:{port}"),
            ];
            roles.push(Role {
                name,
                part: "authority",
                hotkey: None,
                coldkey: None,
                port,
                arguments,
            });
        }
        Ok(roles)
    }

    fn miners(&self, chain: &str, model: Option<&Path>, ports: &mut Ports) -> Result<Vec<Role>> {
        let honest = (0..self.miners).map(|_| None);
        let cheating = self.villains.iter().copied().map(Some);
        let mut roles = Vec::new();
        for (index, villain) in honest.chain(cheating).enumerate() {
            let name = format!("miner-{}", index + 1);
            let port = ports.take()?;
            let mut arguments = service_arguments("miner", chain, &name, port);
            arguments.extend(model_arguments(model));
            let part = match villain {
                None => "honest",
                Some(Villain::Untrained) => {
                    arguments.extend(["--villain".into(), "untrained".into()]);
                    "untrained model"
                }
                Some(Villain::Canned) => {
                    arguments.extend(["--villain".into(), "canned".into()]);
                    arguments.extend(["--canned".into(), CANNED_ANSWER.into()]);
                    "canned text"
                }
            };
            roles.push(signing_role(name, part, port, arguments)?);
        }
        Ok(roles)
    }

    fn validators(
        &self,
        chain: &str,
        model: Option<&Path>,
        directory: &Path,
        ports: &mut Ports,
    ) -> Result<Vec<Role>> {
        let mut roles = Vec::new();
        for number in 1..=self.validators {
            let name = format!("validator-{number}");
            let port = ports.take()?;
            let mut arguments = service_arguments("validator", chain, &name, port);
            arguments.extend(model_arguments(model));
            let state = directory.join(format!("{name}.json"));
            arguments.extend(["--state".into(), state.display().to_string()]);
            roles.push(signing_role(name, "validator", port, arguments)?);
        }
        Ok(roles)
    }

    /// The gateway signs as all validators in turn, so that no signer is known to miners as one who only probes.
    fn gateway(&self, chain: &str, validators: &[Role]) -> Role {
        let port = self.gateway_port;
        let mut arguments = vec!["gateway".into(), "--node".into(), chain.to_owned()];
        for validator in validators {
            arguments.extend(["--hotkey".into(), hotkey_uri(&validator.name)]);
            arguments.extend([
                "--validator".into(),
                format!("http://127.0.0.1:{}", validator.port),
            ]);
        }
        arguments.extend(["--netuid".into(), NETUID.to_string()]);
        arguments.extend(["--listen".into(), format!("127.0.0.1:{port}")]);
        Role {
            name: "gateway".into(),
            part: "gateway",
            hotkey: None,
            coldkey: None,
            port,
            arguments,
        }
    }
}

/// Hands out service ports one after the other.
struct Ports {
    next: u16,
}

impl Ports {
    fn take(&mut self) -> Result<u16> {
        let port = self.next;
        self.next = port
            .checked_add(1)
            .context("too many services for the ports after --service-port")?;
        Ok(port)
    }
}

/// Every authority's address, so that no daemon depends on a single one.
pub fn chain_urls(authorities: &[Role]) -> String {
    let urls: Vec<String> = authorities
        .iter()
        .map(|role| format!("ws://127.0.0.1:{}", role.port))
        .collect();
    urls.join(",")
}

fn service_arguments(command: &str, chain: &str, name: &str, port: u16) -> Vec<String> {
    let listen = format!("127.0.0.1:{port}");
    [
        command,
        "--node",
        chain,
        "--hotkey",
        &hotkey_uri(name),
        "--netuid",
        &NETUID.to_string(),
        "--listen",
        &listen,
    ]
    .map(String::from)
    .to_vec()
}

/// Without a model of the caller's own, every role serves the one inside this program.
fn model_arguments(model: Option<&Path>) -> Vec<String> {
    model.map_or(Vec::new(), |model| {
        vec!["--model".into(), model.display().to_string()]
    })
}

fn signing_role(
    name: String,
    part: &'static str,
    port: u16,
    arguments: Vec<String>,
) -> Result<Role> {
    let coldkey = Some(pair(&coldkey_uri(&name))?);
    let hotkey = Some(pair(&hotkey_uri(&name))?);
    Ok(Role {
        name,
        part,
        hotkey,
        coldkey,
        port,
        arguments,
    })
}

fn coldkey_uri(name: &str) -> String {
    format!("//stoa//{name}")
}

fn hotkey_uri(name: &str) -> String {
    format!("//stoa//{name}//hot")
}

fn pair(uri: &str) -> Result<Pair> {
    Pair::from_uri(uri).with_context(|| format!("derive the development key {uri}"))
}
