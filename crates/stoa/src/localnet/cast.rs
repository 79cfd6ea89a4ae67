//! Who plays in a localnet, with which keys, on which ports, and with which command each is started.
//!
//! Every key is derived from its role's name (`//stoa//text-1` is a coldkey, `//stoa//text-1//hot` its hotkey), so that
//! a resumed localnet finds its own again and anyone may sign as anyone: these keys are for development alone.

use super::playbill::{self, DEFAULT_TASKS, Stand, Wanted};
use anyhow::{Context, Result};
use clap::Args;
use keys::Pair;
use primitives::NetUid;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use tasks::Delivery;

/// The coldkey that owns the subnets and is the chain's sudo key.
pub const OWNER: &str = "//Alice";

/// The hotkey under which the subnets are registered.
pub const OWNER_HOTKEY: &str = "//Alice//owner";

/// The part of those who judge.
const VALIDATOR: &str = "validator";

/// How often a validator asks each miner of an at-once task, on average. What is answered in a millisecond can be asked often,
/// and a dozen answers are what a task may need before it thinks anything of a miner.
const PROBE_MS: u32 = 800;

/// How much later than it could the slow honest miner answers, in milliseconds: each piece of a stream, or a whole answer.
fn throttle_ms(delivery: Delivery) -> u32 {
    match delivery {
        Delivery::Stream => 20,
        // Beyond what tasks call soon enough, sooner than which is no faster. Not far beyond: where both serve one model, the
        // same answers count half for the slower one, and below a tenth of the best it would earn nothing.
        Delivery::Once => 60,
    }
}

/// The size of the cast and the ports it listens on.
#[derive(Args, Clone, Debug)]
pub struct Staging {
    /// A task to hold a subnet for, with :COUNT as many; may be repeated
    #[arg(long = "task", value_name = "NAME[:COUNT]", default_values = DEFAULT_TASKS)]
    pub tasks: Vec<Wanted>,

    /// Authorities that agree on blocks; blocks go on while more than two thirds of them live
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=16))]
    pub authorities: u16,

    /// Validators that judge answers on each subnet [default: 2, or 1 where a task has several subnets]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=8))]
    pub validators: Option<u16>,

    /// A model directory to use instead of what this program brings, for the task named or else for the first; may be repeated
    #[arg(long, value_name = "[NAME=]DIR")]
    pub model: Vec<String>,

    /// A private folder to draw challenges from, for the task named or else for the first; may be repeated
    #[arg(long, value_name = "[NAME=]DIR")]
    pub challenges: Vec<String>,

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

/// A process of the cast: what it is called and how it is started.
pub struct Role {
    /// Such as `text-1`; also the name of its log.
    pub name: String,
    /// What the table says of it.
    pub part: String,
    /// The subnet it works on, if it works on one.
    pub netuid: Option<NetUid>,
    /// The hotkey it signs with, if it signs.
    pub hotkey: Option<Pair>,
    /// The coldkey that owns the hotkey.
    pub coldkey: Option<Pair>,
    /// The port on which it can be asked whether it is well.
    pub port: u16,
    /// The arguments of its `stoa` command.
    pub arguments: Vec<String>,
}

/// Those who play on one subnet.
pub struct Troupe {
    /// Number, task and name of the subnet.
    pub stand: Stand,
    pub miners: Vec<Role>,
    pub validators: Vec<Role>,
}

/// Everybody, in the order in which they enter.
pub struct Cast {
    pub owner: Pair,
    pub owner_hotkey: Pair,
    pub authorities: Vec<Role>,
    pub troupes: Vec<Troupe>,
    pub gateway: Role,
}

impl Role {
    /// Whether it judges others.
    pub fn is_validator(&self) -> bool {
        self.part == VALIDATOR
    }
}

impl Troupe {
    /// Miners, then validators.
    pub fn players(&self) -> impl Iterator<Item = &Role> {
        self.miners.iter().chain(&self.validators)
    }
}

impl Cast {
    /// Everybody who has a seat on some subnet.
    pub fn players(&self) -> impl Iterator<Item = &Role> {
        self.troupes.iter().flat_map(Troupe::players)
    }

    /// Every miner of every subnet.
    pub fn miners(&self) -> impl Iterator<Item = &Role> {
        self.troupes.iter().flat_map(|troupe| &troupe.miners)
    }

    /// Every validator of every subnet.
    pub fn validators(&self) -> impl Iterator<Item = &Role> {
        self.troupes.iter().flat_map(|troupe| &troupe.validators)
    }
}

impl Staging {
    /// Casts every role of a localnet whose files are in `directory`.
    ///
    /// # Errors
    ///
    /// When a task is unknown, a folder is not there, or a port number would pass 65535.
    pub fn cast(&self, directory: &Path) -> Result<Cast> {
        let stands = playbill::stands(&self.tasks)?;
        let mut casting = Casting {
            staging: self,
            directory,
            models: folders(&self.model, &stands, "--model")?,
            challenges: folders(&self.challenges, &stands, "--challenges")?,
            authority_ports: Vec::new(),
            next_port: self.service_port,
            daemons: 0,
        };
        let authorities = casting.authorities()?;
        let mut troupes = Vec::new();
        for stand in stands {
            let miners = casting.miners(&stand)?;
            let validators = casting.validators(&stand)?;
            troupes.push(Troupe {
                stand,
                miners,
                validators,
            });
        }
        let gateway = casting.gateway(&troupes);
        Ok(Cast {
            owner: pair(OWNER)?,
            owner_hotkey: pair(OWNER_HOTKEY)?,
            authorities,
            troupes,
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
        let services = cast.players().chain(&cast.authorities[1..]);
        ports.extend(services.map(|role| (role.port, "--service-port")));
        ports
    }
}

/// The casting under way: what is given, and what is handed out.
struct Casting<'a> {
    staging: &'a Staging,
    directory: &'a Path,
    models: HashMap<NetUid, PathBuf>,
    challenges: HashMap<NetUid, PathBuf>,
    authority_ports: Vec<u16>,
    next_port: u16,
    daemons: usize,
}

impl Casting<'_> {
    fn authorities(&mut self) -> Result<Vec<Role>> {
        let mut roles = Vec::new();
        for number in 1..=self.staging.authorities {
            let name = format!("authority-{number}");
            let port = match number {
                1 => self.staging.rpc_port,
                _ => self.port()?,
            };
            let file = |path: &str| self.directory.join(path).display().to_string();
            let arguments = vec![
                "node".into(),
                "--genesis".into(),
                file("chain/genesis.json"),
                "--key".into(),
                file(&format!("chain/{name}.json")),
                "--base-path".into(),
                file(&name),
                "--rpc".into(),
                format!("127.0.0.1:{port}"),
            ];
            self.authority_ports.push(port);
            roles.push(Role {
                name,
                part: "authority".into(),
                netuid: None,
                hotkey: None,
                coldkey: None,
                port,
                arguments,
            });
        }
        Ok(roles)
    }

    /// A fast honest miner, a slow honest one, and the task's first cheat in a full cast.
    fn miners(&mut self, stand: &Stand) -> Result<Vec<Role>> {
        let throttle = throttle_ms(stand.kind.delivery());
        let mut parts = vec![
            ("fast".to_owned(), vec![]),
            (
                "slow".to_owned(),
                vec!["--throttle-ms".to_owned(), throttle.to_string()],
            ),
        ];
        let cheat = stand.kind.cheats().first().filter(|_| !stand.is_small);
        parts.extend(cheat.map(|cheat| {
            let arguments = vec!["--cheat".to_owned(), (*cheat).to_owned()];
            (format!("cheat: {cheat}"), arguments)
        }));
        let mut roles = Vec::new();
        for (index, (part, more)) in parts.into_iter().enumerate() {
            let name = format!("{}-{}", stand.label, index + 1);
            let mut role = self.daemon("miner", stand, name, part)?;
            role.arguments.extend(more);
            roles.push(role);
        }
        Ok(roles)
    }

    fn validators(&mut self, stand: &Stand) -> Result<Vec<Role>> {
        let count = self
            .staging
            .validators
            .unwrap_or(if stand.is_small { 1 } else { 2 });
        let mut roles = Vec::new();
        for number in 1..=count {
            let name = format!("{}-validator-{number}", stand.label);
            let state = self.directory.join(format!("{name}.json"));
            let mut role = self.daemon("validator", stand, name, VALIDATOR.into())?;
            role.arguments
                .extend(["--state".into(), state.display().to_string()]);
            if stand.kind.delivery() == Delivery::Once && !stand.is_small {
                role.arguments
                    .extend(["--probe-interval-ms".into(), PROBE_MS.to_string()]);
            }
            if let Some(folder) = self.challenges.get(&stand.netuid) {
                role.arguments
                    .extend(["--challenges".into(), folder.display().to_string()]);
            }
            roles.push(role);
        }
        Ok(roles)
    }

    /// The gateway signs as all validators of a subnet in turn, so that no signer is known to miners as one who only probes.
    fn gateway(&mut self, troupes: &[Troupe]) -> Role {
        let port = self.staging.gateway_port;
        let mut arguments = vec!["gateway".into(), "--node".into(), self.chain()];
        for troupe in troupes {
            let netuid = troupe.stand.netuid;
            arguments.extend(["--netuid".into(), netuid.to_string()]);
            for validator in &troupe.validators {
                let url = format!("{netuid}=http://127.0.0.1:{}", validator.port);
                arguments.extend(["--hotkey".into(), hotkey_uri(&validator.name)]);
                arguments.extend(["--validator".into(), url]);
            }
        }
        arguments.extend(["--listen".into(), format!("127.0.0.1:{port}")]);
        Role {
            name: "gateway".into(),
            part: "gateway".into(),
            netuid: None,
            hotkey: None,
            coldkey: None,
            port,
            arguments,
        }
    }

    /// A role that signs with a hotkey of its own on a subnet.
    fn daemon(&mut self, command: &str, stand: &Stand, name: String, part: String) -> Result<Role> {
        let port = self.port()?;
        let mut arguments = [
            command,
            "--node",
            &self.chain(),
            "--hotkey",
            &hotkey_uri(&name),
            "--netuid",
            &stand.netuid.to_string(),
            "--listen",
            &format!("127.0.0.1:{port}"),
        ]
        .map(String::from)
        .to_vec();
        if let Some(model) = self.models.get(&stand.netuid) {
            arguments.extend(["--model".into(), model.display().to_string()]);
        }
        Ok(Role {
            part,
            netuid: Some(stand.netuid),
            hotkey: Some(pair(&hotkey_uri(&name))?),
            coldkey: Some(pair(&coldkey_uri(&name))?),
            name,
            port,
            arguments,
        })
    }

    /// The next service port.
    fn port(&mut self) -> Result<u16> {
        let port = self.next_port;
        self.next_port = port
            .checked_add(1)
            .context("too many services for the ports after --service-port")?;
        Ok(port)
    }

    /// Every authority's address, so that no daemon depends on a single one; each daemon begins with another, so that none
    /// bears them all.
    fn chain(&mut self) -> String {
        let first = self.daemons % self.authority_ports.len();
        self.daemons += 1;
        let (before, after) = self.authority_ports.split_at(first);
        addresses(after.iter().chain(before).copied())
    }
}

/// Every authority's address, for the localnet's own use.
pub fn chain_urls(authorities: &[Role]) -> String {
    addresses(authorities.iter().map(|role| role.port))
}

fn addresses(ports: impl Iterator<Item = u16>) -> String {
    let urls: Vec<String> = ports.map(|port| format!("ws://127.0.0.1:{port}")).collect();
    urls.join(",")
}

/// Which subnets each `[NAME=]DIR` of an option is for.
fn folders(given: &[String], stands: &[Stand], option: &str) -> Result<HashMap<NetUid, PathBuf>> {
    let mut folders = HashMap::new();
    for text in given {
        let named = |stand: &Stand, name: &str| stand.kind.id().name() == name;
        let (task, folder) = match text.split_once('=') {
            Some((name, folder)) if stands.iter().any(|stand| named(stand, name)) => {
                (name.to_owned(), folder)
            }
            // No task of this localnet: a folder with such a name, for the first task.
            _ => (stands[0].kind.id().name().to_owned(), text.as_str()),
        };
        let folder = Path::new(folder)
            .canonicalize()
            .with_context(|| format!("find {folder}, given with {option}"))?;
        for stand in stands.iter().filter(|stand| named(stand, &task)) {
            folders.insert(stand.netuid, folder.clone());
        }
    }
    Ok(folders)
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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::collections::HashSet;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        staging: Staging,
    }

    fn cast(options: &[&str]) -> (Staging, Cast) {
        let line = Line::parse_from(["localnet"].iter().chain(options));
        let cast = line.staging.cast(Path::new("/market")).unwrap();
        (line.staging, cast)
    }

    fn value<'a>(role: &'a Role, option: &str) -> Option<&'a str> {
        let at = role.arguments.iter().position(|word| word == option)?;
        role.arguments.get(at + 1).map(String::as_str)
    }

    #[test]
    fn sixteen_subnets_of_a_task_share_a_gateway_and_nothing_else() {
        let (staging, cast) = cast(&["--task", "tour:16"]);
        assert_eq!((cast.miners().count(), cast.validators().count()), (32, 16));
        let names: HashSet<&str> = cast.players().map(|role| role.name.as_str()).collect();
        assert_eq!(names.len(), 48);
        assert!(names.contains("tour-16-2") && names.contains("tour-1-validator-1"));
        let ports = staging.ports(&cast);
        let distinct: HashSet<u16> = ports.iter().map(|(port, _)| *port).collect();
        assert_eq!((ports.len(), distinct.len()), (57, 57));
        let served = cast
            .gateway
            .arguments
            .iter()
            .filter(|word| *word == "--netuid");
        assert_eq!(served.count(), 16);
        let validators = cast.gateway.arguments.iter();
        let last = validators
            .rev()
            .find(|word| word.starts_with("16=http://127.0.0.1:"));
        assert!(last.is_some(), "{:?}", cast.gateway.arguments);
    }

    #[test]
    fn daemons_begin_with_different_authorities_and_know_them_all() {
        let (_, cast) = cast(&["--task", "tour:4", "--rpc-port", "9944"]);
        let chains: HashSet<&str> = cast
            .players()
            .filter_map(|role| value(role, "--node"))
            .collect();
        assert_eq!(chains.len(), 4);
        for chain in chains {
            assert_eq!(chain.split(',').collect::<HashSet<_>>().len(), 4, "{chain}");
        }
    }

    #[test]
    fn a_full_cast_has_a_fast_a_slow_and_a_cheating_miner() {
        let (_, cast) = cast(&["--task", "tour"]);
        let parts: Vec<&str> = cast.miners().map(|role| role.part.as_str()).collect();
        assert_eq!(parts, ["fast", "slow", "cheat: unsorted"]);
        let [fast, slow, cheat] = &cast.troupes[0].miners[..] else {
            panic!("three miners");
        };
        assert_eq!(value(fast, "--throttle-ms"), None);
        assert_eq!(value(slow, "--throttle-ms"), Some("60"));
        assert_eq!(value(cheat, "--cheat"), Some("unsorted"));
        assert_eq!(cast.troupes[0].validators.len(), 2);
    }

    #[test]
    fn a_folder_is_for_the_task_it_names_or_for_the_first() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().canonicalize().unwrap();
        let folder = folder.to_str().unwrap();
        let tasks = ["--task", "text-generation", "--task", "tour"];
        for (given, first, second) in [
            (folder.to_owned(), Some(folder), None),
            (format!("tour={folder}"), None, Some(folder)),
        ] {
            let options = [&tasks[..], &["--model", &given]].concat();
            let (_, cast) = cast(&options);
            assert_eq!(value(&cast.troupes[0].miners[0], "--model"), first);
            assert_eq!(value(&cast.troupes[1].validators[0], "--model"), second);
        }
        let line = Line::parse_from(["localnet", "--task", "tour", "--challenges", "/nowhere"]);
        let error = line.staging.cast(Path::new("/market")).err().unwrap();
        assert!(format!("{error:#}").contains("--challenges"), "{error:#}");
    }
}
