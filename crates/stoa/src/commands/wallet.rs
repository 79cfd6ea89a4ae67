//! `stoa wallet`: makes and shows wallets in the folders that `btcli` uses.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand};
use console::Term;
use keys::{Pair, Phrase, Wallet as Folder, default_wallet_path, list_wallets};
use rand::rng;

/// Make and show wallets, in the files that btcli uses
#[derive(Args)]
pub struct Wallet {
    #[command(subcommand)]
    action: Action,

    /// Where wallets are kept [default: ~/.bittensor/wallets]
    #[arg(long, global = true, value_name = "DIR")]
    path: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Action {
    /// Make a wallet: a coldkey that owns funds and a hotkey that signs work
    New {
        /// The wallet's name
        name: String,
        /// The hotkey's name
        #[arg(long, default_value = "default", value_name = "NAME")]
        hotkey: String,
        /// Leave the coldkey's file unencrypted; for development only
        #[arg(long)]
        no_password: bool,
        /// The coldkey's password, instead of a prompt
        #[arg(
            long,
            env = "STOA_WALLET_PASSWORD",
            hide = true,
            hide_env_values = true
        )]
        password: Option<String>,
    },
    /// Show a wallet's addresses, and what they own if a node is given
    Show {
        /// The wallet's name
        name: String,
        /// A node to read balances from, such as ws://127.0.0.1:9944
        #[arg(long, value_name = "URL")]
        node: Option<String>,
    },
    /// List all wallets and their hotkeys
    List,
}

impl Wallet {
    /// Runs the command.
    ///
    /// # Errors
    ///
    /// Bad names, existing or unreadable files, an unreachable node; the message says which.
    pub async fn run(self) -> Result<()> {
        let path = self
            .path
            .or_else(default_wallet_path)
            .context("there is no home folder: give --path")?;
        match self.action {
            Action::New {
                name,
                hotkey,
                no_password,
                password,
            } => {
                let folder = Folder::new(&path, &name)?;
                let password = if no_password {
                    None
                } else {
                    Some(chosen(password)?)
                };
                make(&folder, &hotkey, password.as_deref())
            }
            Action::Show { name, node } => show(&Folder::new(&path, &name)?, node.as_deref()).await,
            Action::List => list_wallets(&path)?.iter().try_for_each(print_names),
        }
    }
}

/// Writes both keys, and says once what makes them again.
fn make(folder: &Folder, hotkey: &str, password: Option<&str>) -> Result<()> {
    // Before anything is written, so that a refusal leaves nothing half made.
    for file in [
        folder.coldkey(),
        folder.coldkey_address(),
        folder.hotkey(hotkey)?,
    ] {
        ensure!(
            !file.exists(),
            "{} already exists: choose another name",
            file.path().display()
        );
    }
    let (cold, cold_phrase) = Pair::generate(&mut rng());
    let (hot, hot_phrase) = Pair::generate(&mut rng());
    folder.store_coldkey(&cold, password)?;
    folder.store_hotkey(hotkey, &hot)?;
    eprintln!("Write these words down and keep them secret: whoever has them owns the key.");
    print_new("coldkey", &cold, &cold_phrase);
    print_new(hotkey, &hot, &hot_phrase);
    Ok(())
}

fn print_new(name: &str, pair: &Pair, phrase: &Phrase) {
    println!("{name:<10} {}", pair.account());
    println!("{:<10} {}", "", phrase.reveal());
}

async fn show(folder: &Folder, node: Option<&str>) -> Result<()> {
    let client = match node {
        Some(url) => Some(client::Client::connect(url).await?),
        None => None,
    };
    let mut lines = vec![(
        "coldkey".to_owned(),
        folder.coldkey_address().read_address()?,
    )];
    for (name, file) in folder.hotkeys()? {
        lines.push((name, file.read_address()?));
    }
    for (name, account) in lines {
        match &client {
            None => println!("{name:<10} {account}"),
            Some(client) => println!(
                "{name:<10} {account} {:>20}",
                client.balance(&account).await?.free
            ),
        }
    }
    Ok(())
}

fn print_names(folder: &Folder) -> Result<()> {
    let address = folder.coldkey_address();
    let address = if address.exists() {
        address.read_address()?.to_string()
    } else {
        "no coldkey".into()
    };
    println!("{:<16} {address}", folder.name());
    for (name, file) in folder.hotkeys()? {
        match file.read_address() {
            Ok(account) => println!("  {name:<14} {account}"),
            Err(error) => eprintln!("warning: {error}"),
        }
    }
    Ok(())
}

/// The password given, or typed twice.
fn chosen(password: Option<String>) -> Result<String> {
    let password = match password {
        Some(password) => password,
        None => {
            let terminal = Term::stderr();
            ensure!(
                terminal.is_term(),
                "nobody can type a password here: set STOA_WALLET_PASSWORD or give --no-password"
            );
            terminal.write_str("Password for the coldkey: ")?;
            let first = terminal.read_secure_line()?;
            terminal.write_str("Once more: ")?;
            ensure!(
                first == terminal.read_secure_line()?,
                "the two passwords differ"
            );
            first
        }
    };
    ensure!(
        !password.is_empty(),
        "an empty password protects nothing: give --no-password if that is meant"
    );
    Ok(password)
}
