//! `stoa genesis`: makes the files that define a network.

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use rand::rngs::StdRng;
use runtime::genesis::GenesisSpec;
use std::{fs, path::PathBuf};

/// Make a new network's genesis and keys
#[derive(Args)]
pub struct Genesis {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Draw keys and write genesis.json and one authority-N.json for each authority
    New(New),
}

#[derive(Args)]
struct New {
    /// How many authorities agree on blocks; fewer than a third of them may fail
    #[arg(long, default_value_t = 4, value_name = "COUNT")]
    authorities: u32,

    /// Directory to write to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// Time between blocks in milliseconds
    #[arg(long, default_value_t = 1_000, value_name = "MS")]
    interval_ms: u64,

    /// Port on which the first authority listens to its peers; the others follow it
    #[arg(long, default_value_t = 30_333, value_name = "PORT")]
    p2p_base_port: u16,

    /// The chain's first state as JSON; development accounts with funds unless given
    #[arg(long, value_name = "FILE", conflicts_with = "interval_ms")]
    state: Option<PathBuf>,
}

impl Genesis {
    /// Writes the files and says where they are.
    ///
    /// # Errors
    ///
    /// When a file exists already or cannot be written.
    pub fn run(self) -> Result<()> {
        let Action::New(new) = self.action;
        let out = new.out.clone();
        if out.join(node::genesis::GENESIS_FILE).exists() {
            bail!(
                "{} holds a genesis already; choose another --out",
                out.display()
            );
        }
        let spec = new.spec()?;
        // Refuses what the runtime refuses before any key is drawn.
        runtime::genesis::build(&spec)?;
        // Seeded by the operating system.
        let mut rng: StdRng = rand::make_rng();
        let (genesis, keys) =
            node::genesis::draw(&mut rng, spec, new.authorities, new.p2p_base_port)?;
        node::genesis::write(&out, &genesis, &keys)?;
        println!("{}", out.join(node::genesis::GENESIS_FILE).display());
        for index in 0..keys.len() {
            let name = node::genesis::authority_name(index);
            println!("{}", out.join(format!("{name}.json")).display());
        }
        Ok(())
    }
}

impl New {
    fn spec(&self) -> Result<GenesisSpec> {
        let Some(path) = &self.state else {
            return Ok(GenesisSpec::development(self.interval_ms));
        };
        let text = fs::read(path).with_context(|| format!("read {}", path.display()))?;
        serde_json::from_slice(&text)
            .with_context(|| format!("{} does not describe a state", path.display()))
    }
}
