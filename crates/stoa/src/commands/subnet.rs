//! `stoa subnet`: which subnets there are, what each pays for, and how to open one or take a seat on it.

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Subcommand};
use client::{Client, Error, Subnet as Entry, Until};
use console::Term;
use keys::{Keyfile, Pair};
use pallet_subtensor::{Call as Market, Event, SubnetIdentityV3};
use primitives::{NetUid, Rao, TaskId};
use runtime::{RuntimeCall, RuntimeEvent};

/// Show subnets, name their tasks, open new ones
#[derive(Args)]
pub struct Subnet {
    #[command(subcommand)]
    action: Action,

    /// The node to ask
    #[arg(
        long,
        global = true,
        default_value = "ws://127.0.0.1:9944",
        value_name = "URL"
    )]
    node: String,
}

#[derive(Subcommand)]
enum Action {
    /// List every subnet with its task
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show the task of a subnet, or name it
    Task {
        /// The subnet
        #[arg(long, value_name = "N")]
        netuid: NetUid,
        /// The task it shall pay for, such as image-classification/1
        #[arg(long, value_name = "NAME/VERSION", requires = "key")]
        set: Option<TaskId>,
        /// The owner's coldkey: a key file, or a development key such as //Alice
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
    },
    /// Register a subnet, name its task and start its emission
    New(New),
    /// Buy a seat for a hotkey, and put stake behind it
    Join(Join),
}

#[derive(Args)]
struct New {
    /// The task it shall pay for, such as image-classification/1
    #[arg(long, value_name = "NAME/VERSION")]
    task: TaskId,
    /// The coldkey that pays and owns it: a key file, or a development key such as //Alice
    #[arg(long, value_name = "KEY")]
    key: String,
    /// The hotkey that receives the owner's part [default: a development key's child //owner]
    #[arg(long, value_name = "KEY")]
    hotkey: Option<String>,
    /// What to call it
    #[arg(long, default_value = "", hide_default_value = true)]
    name: String,
    /// Blocks from one epoch to the next, at least 60 [default: the chain's]
    #[arg(long, value_name = "BLOCKS")]
    tempo: Option<u16>,
}

#[derive(Args)]
struct Join {
    /// The subnet
    #[arg(long, value_name = "N")]
    netuid: NetUid,
    /// The coldkey that pays and owns the hotkey: a key file, or a development key such as //Bob
    #[arg(long, value_name = "KEY")]
    key: String,
    /// The hotkey that will work there
    #[arg(long, value_name = "KEY")]
    hotkey: String,
    /// TAO to stake on it, which a validator needs
    #[arg(long, value_name = "TAO")]
    stake: Option<Rao>,
}

impl Subnet {
    /// Runs the command.
    ///
    /// # Errors
    ///
    /// An unreadable key, an unreachable node, or the chain's refusal by name.
    pub async fn run(self) -> Result<()> {
        let client = Client::connect(&self.node).await?;
        match self.action {
            Action::List { json } => list(&client, json).await,
            Action::Task { netuid, set, key } => match (set, key) {
                (Some(task), Some(key)) => name(&client, netuid, &task, &read_key(&key)?).await,
                _ => show(&client, netuid).await,
            },
            Action::New(new) => new.open(&client).await,
            Action::Join(join) => join.enter(&client).await,
        }
    }
}

async fn list(client: &Client, json: bool) -> Result<()> {
    let subnets = client.subnets().await?;
    if json {
        let entries: Vec<_> = subnets.iter().map(described).collect();
        println!("{}", serde_json::to_string_pretty(&entries)?);
        return Ok(());
    }
    println!(
        "{:>6}  {:<24} {:<28} {:>7} {:>6}",
        "netuid", "name", "task", "neurons", "tempo"
    );
    for subnet in &subnets {
        let not_started = if subnet.started { "" } else { "  not started" };
        println!(
            "{:>6}  {:<24} {:<28} {:>7} {:>6}{not_started}",
            subnet.netuid,
            subnet.name,
            task_of(subnet),
            subnet.neurons,
            subnet.tempo
        );
    }
    Ok(())
}

fn described(subnet: &Entry) -> serde_json::Value {
    serde_json::json!({
        "netuid": subnet.netuid,
        "name": subnet.name,
        "task": subnet.task,
        "owner": subnet.owner,
        "neurons": subnet.neurons,
        "tempo": subnet.tempo,
        "started": subnet.started,
    })
}

fn task_of(subnet: &Entry) -> String {
    subnet
        .task
        .as_ref()
        .map_or("–".into(), |task| task.to_string())
}

async fn show(client: &Client, netuid: NetUid) -> Result<()> {
    let subnets = client.subnets().await?;
    let Some(subnet) = subnets.iter().find(|subnet| subnet.netuid == netuid) else {
        bail!("there is no subnet {netuid}\nhint: `stoa subnet list` shows those that there are");
    };
    match &subnet.task {
        Some(task) => println!("{task}"),
        None => bail!(
            "subnet {netuid} has no task yet\nhint: its owner names one with `stoa subnet task --netuid {netuid} --set NAME/VERSION --key KEY`"
        ),
    }
    Ok(())
}

async fn name(client: &Client, netuid: NetUid, task: &TaskId, owner: &Pair) -> Result<()> {
    client
        .set_task(owner, netuid, task, Until::Finalized)
        .await
        .with_context(|| format!("name the task of subnet {netuid}"))?;
    println!("subnet {netuid} pays for {task}");
    if let Err(unknown) = tasks::find(task) {
        eprintln!("note: {unknown}");
    }
    Ok(())
}

impl New {
    async fn open(self, client: &Client) -> Result<()> {
        let owner = read_key(&self.key)?;
        let hotkey = self.owner_hotkey()?;
        let identity = (!self.name.is_empty()).then(|| SubnetIdentityV3 {
            subnet_name: self.name.clone().into_bytes(),
            ..SubnetIdentityV3::default()
        });
        let register = Market::register_network_with_identity {
            hotkey: runtime::AccountId::new(hotkey.account().0),
            identity,
        };
        let registered = client
            .submit(&owner, register, Until::Finalized)
            .await
            .context("register a subnet")?;
        let netuid = registered
            .events
            .iter()
            .find_map(|event| match event {
                RuntimeEvent::SubtensorModule(Event::NetworkAdded(netuid, _)) => Some(*netuid),
                _ => None,
            })
            .context("the chain registered a subnet and did not say which")?;
        self.set_up(client, &owner, NetUid(netuid)).await
    }

    /// Everything that is left once the subnet is there.
    async fn set_up(&self, client: &Client, owner: &Pair, netuid: NetUid) -> Result<()> {
        let mut calls = vec![client::calls::set_task(netuid, &self.task)];
        if let Some(tempo) = self.tempo {
            let netuid = netuid.0;
            calls.push(RuntimeCall::SubtensorModule(Market::set_tempo {
                netuid,
                tempo,
            }));
        }
        client
            .batch_all(owner, calls, Until::Finalized)
            .await
            .with_context(|| format!("subnet {netuid} is registered, but not set up"))?;
        match client.start_call(owner, netuid, Until::Finalized).await {
            Ok(_) => println!("subnet {netuid} pays for {}", self.task),
            Err(error)
                if error.is_failure("SubtensorModule", "NeedWaitingMoreBlocksToStarCall") =>
            {
                println!(
                    "subnet {netuid} will pay for {} once its owner starts it",
                    self.task
                );
                eprintln!(
                    "note: this chain lets a subnet wait first; then `btcli subnets start --netuid {netuid}` starts it"
                );
            }
            Err(error) => {
                return Err(error).context(format!("subnet {netuid} is set up, but not started"));
            }
        }
        if let Err(unknown) = tasks::find(&self.task) {
            eprintln!("note: {unknown}");
        }
        Ok(())
    }

    fn owner_hotkey(&self) -> Result<Pair> {
        match &self.hotkey {
            Some(hotkey) => read_key(hotkey),
            None => {
                ensure!(
                    self.key.starts_with("//"),
                    "only a development key has a child to take instead: give --hotkey"
                );
                read_key(&format!("{}//owner", self.key))
            }
        }
    }
}

impl Join {
    async fn enter(self, client: &Client) -> Result<()> {
        let coldkey = read_key(&self.key)?;
        let hotkey = read_key(&self.hotkey)?.account();
        let netuid = self.netuid;
        let seated = client
            .burned_register(&coldkey, netuid, &hotkey, Until::Finalized)
            .await;
        match seated {
            Ok(_) => {}
            Err(error) if is_seated_already(&error) => {
                eprintln!("note: {hotkey} has a seat on subnet {netuid} already");
            }
            Err(error) => return Err(error).context(format!("buy a seat on subnet {netuid}")),
        }
        if let Some(stake) = self.stake {
            client
                .add_stake(&coldkey, &hotkey, netuid, stake, Until::Finalized)
                .await
                .with_context(|| format!("stake on subnet {netuid}"))?;
        }
        let graph = client.metagraph(netuid).await?;
        let seat = graph
            .seat(&hotkey)
            .with_context(|| format!("{hotkey} lost its seat at once"))?;
        println!(
            "{hotkey} has seat {} on subnet {netuid}, with {} alpha behind it",
            seat.uid,
            seat.stake.to_string().trim_end_matches(" TAO")
        );
        Ok(())
    }
}

fn is_seated_already(error: &Error) -> bool {
    error.is_failure("SubtensorModule", "HotKeyAlreadyRegisteredInSubNet")
}

/// Reads what `--key` names, asking for the password of an encrypted file.
fn read_key(text: &str) -> Result<Pair> {
    match Pair::from_uri_or_file(text) {
        Err(keys::Error::PasswordNeeded(path)) => {
            let password = match std::env::var("STOA_WALLET_PASSWORD") {
                Ok(password) => password,
                Err(_) => typed_password()?,
            };
            Ok(Keyfile::new(path).read(Some(&password))?)
        }
        read => read.context("read a key"),
    }
}

fn typed_password() -> Result<String> {
    let terminal = Term::stderr();
    ensure!(
        terminal.is_term(),
        "the key file is encrypted and nobody can type its password here: set STOA_WALLET_PASSWORD"
    );
    terminal.write_str("Password: ")?;
    Ok(terminal.read_secure_line()?)
}
