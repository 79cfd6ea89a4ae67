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

/// The same where work takes long: seldom enough that the miners of a subnet fold for a part of the time only, and leave the rest of a
/// small machine to the others.
const JOB_PROBE_MS: u32 = 12_000;

/// The longest time that a probe of long work gives, in seconds: an option that every validator has, for networks where verdicts are wanted
/// soon and nobody is to be deceived. Customers' times are minutes, so that here a miner could tell who asks.
const JOB_PROBE_BUDGET_S: u32 = 3;

/// How far miners whose work takes long stand back behind everybody else on this machine.
const JOB_NICE: u32 = 10;

/// How much later than it could the slow honest miner answers, in milliseconds: each piece of a stream, or a whole answer.
fn throttle_ms(delivery: Delivery) -> u32 {
    match delivery {
        Delivery::Stream => 20,
        // Beyond what tasks call soon enough, sooner than which is no faster. Not far beyond: where both serve one model, the
        // same answers count half for the slower one, and below a tenth of the best it would earn nothing.
        Delivery::Once => 60,
        // Its time is given with the work; what the slow one lacks is effort.
        Delivery::Job => 0,
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

/// What somebody plays, and the arguments for it.
type Part = (String, Vec<String>);

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

    /// Two honest miners, and in a full cast who cheats.
    fn miners(&mut self, stand: &Stand) -> Result<Vec<Role>> {
        let parts = match stand.kind.delivery() {
            Delivery::Stream | Delivery::Once => self.prompt_parts(stand),
            Delivery::Job => self.patient_parts(stand),
        };
        let mut roles = Vec::new();
        for (index, (part, more)) in parts.into_iter().enumerate() {
            let name = format!("{}-{}", stand.label, index + 1);
            let mut role = self.daemon("miner", stand, name, part)?;
            role.arguments.extend(more);
            roles.push(role);
        }
        Ok(roles)
    }

    /// Where answers come at once: a fast miner, a slow one, and the task's first cheat.
    fn prompt_parts(&self, stand: &Stand) -> Vec<Part> {
        let throttle = throttle_ms(stand.kind.delivery()).to_string();
        let mut parts = vec![
            ("fast".to_owned(), vec![]),
            ("slow".to_owned(), words(&["--throttle-ms", &throttle])),
        ];
        let cheat = stand.kind.cheats().first().filter(|_| !stand.is_small);
        parts.extend(cheat.map(|cheat| (format!("cheat: {cheat}"), words(&["--cheat", cheat]))));
        parts
    }

    /// Where work takes long: a miner that uses the time given, one that uses half of it, and all of the task's cheats. They stand
    /// back behind everybody else, and those who cheat may buy from the gateway.
    fn patient_parts(&self, stand: &Stand) -> Vec<Part> {
        let gateway = format!("http://127.0.0.1:{}", self.staging.gateway_port);
        let mut parts = vec![
            ("full effort".to_owned(), vec![]),
            ("half effort".to_owned(), words(&["--effort", "0.5"])),
        ];
        let cheats = stand.kind.cheats().iter().filter(|_| !stand.is_small);
        parts.extend(cheats.map(|cheat| {
            let arguments = words(&["--cheat", cheat, "--upstream", &gateway]);
            (format!("cheat: {cheat}"), arguments)
        }));
        for (_, arguments) in &mut parts {
            arguments.extend(words(&["--nice", &JOB_NICE.to_string()]));
        }
        parts
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
            match stand.kind.delivery() {
                Delivery::Once if !stand.is_small => {
                    let interval = PROBE_MS.to_string();
                    role.arguments
                        .extend(words(&["--probe-interval-ms", &interval]));
                }
                Delivery::Job => {
                    let [interval, budget] =
                        [JOB_PROBE_MS, JOB_PROBE_BUDGET_S].map(|number| number.to_string());
                    role.arguments.extend(words(&[
                        "--probe-interval-ms",
                        &interval,
                        "--probe-budget-s",
                        &budget,
                    ]));
                }
                Delivery::Once | Delivery::Stream => {}
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
        let data = self.directory.join("gateway").display().to_string();
        arguments.extend(words(&["--data-dir", &data]));
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

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
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
    fn where_work_takes_long_effort_differs_and_everyone_cheats_who_can() {
        let (_, cast) = cast(&["--task", "protein-folding", "--gateway-port", "8080"]);
        let parts: Vec<&str> = cast.miners().map(|role| role.part.as_str()).collect();
        let expected = [
            "full effort",
            "half effort",
            "cheat: broken",
            "cheat: copied",
        ];
        assert_eq!(parts, expected);
        let miners = &cast.troupes[0].miners;
        assert_eq!(miners[0].name, "fold-1");
        assert_eq!(value(&miners[0], "--effort"), None);
        assert_eq!(value(&miners[1], "--effort"), Some("0.5"));
        assert_eq!(
            value(&miners[3], "--upstream"),
            Some("http://127.0.0.1:8080")
        );
        assert!(
            miners
                .iter()
                .all(|role| value(role, "--nice") == Some("10"))
        );
        let validator = &cast.troupes[0].validators[0];
        assert_eq!(value(validator, "--probe-budget-s"), Some("3"));
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
