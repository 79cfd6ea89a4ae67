//! Wallet folders: one coldkey and its hotkeys under one name, laid out as `btcli` lays them out.
//!
//! ```text
//! ~/.bittensor/wallets/NAME/coldkey            encrypted
//!                           coldkeypub.txt     the coldkey's address
//!                           hotkeys/HOTKEY     plain, because a daemon reads it unattended
//!                           hotkeys/HOTKEYpub.txt
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::{Error, Keyfile, Pair};

const PUBLIC_SUFFIX: &str = "pub.txt";

/// Names and addresses' files of a wallet's hotkeys.
pub type Hotkeys = Vec<(String, Keyfile)>;

/// One wallet's folder.
#[derive(Clone, Debug)]
pub struct Wallet {
    folder: PathBuf,
    name: String,
}

/// Where `btcli` keeps wallets by default, if the user has a home.
pub fn default_wallet_path() -> Option<PathBuf> {
    std::env::home_dir().map(|home| home.join(".bittensor").join("wallets"))
}

/// The wallets under a path, by name.
///
/// # Errors
///
/// [`Error::File`] if the folder is there and cannot be read.
pub fn list_wallets(path: &Path) -> Result<Vec<Wallet>, Error> {
    let names = entries(path)?
        .into_iter()
        .filter(|name| path.join(name).is_dir());
    names.map(|name| Wallet::new(path, &name)).collect()
}

impl Wallet {
    /// Names a wallet, which need not exist yet.
    ///
    /// # Errors
    ///
    /// [`Error::BadName`] if the name could mean a place outside `path`.
    pub fn new(path: &Path, name: &str) -> Result<Self, Error> {
        Ok(Self {
            folder: path.join(checked(name)?),
            name: name.to_owned(),
        })
    }

    /// The wallet's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file of the key that owns funds.
    pub fn coldkey(&self) -> Keyfile {
        Keyfile::new(self.folder.join("coldkey"))
    }

    /// The file of the coldkey's address.
    pub fn coldkey_address(&self) -> Keyfile {
        Keyfile::new(self.folder.join("coldkeypub.txt"))
    }

    /// The file of a key that signs work.
    ///
    /// # Errors
    ///
    /// [`Error::BadName`].
    pub fn hotkey(&self, name: &str) -> Result<Keyfile, Error> {
        Ok(Keyfile::new(
            self.folder.join("hotkeys").join(checked(name)?),
        ))
    }

    /// Writes a new coldkey and its address file.
    ///
    /// # Errors
    ///
    /// [`Error::Exists`], [`Error::File`].
    pub fn store_coldkey(&self, pair: &Pair, password: Option<&str>) -> Result<(), Error> {
        self.coldkey().write(pair, password)?;
        self.coldkey_address().write_address(pair.account())
    }

    /// Writes a new hotkey, unencrypted, and its address file.
    ///
    /// # Errors
    ///
    /// [`Error::BadName`], [`Error::Exists`], [`Error::File`].
    pub fn store_hotkey(&self, name: &str, pair: &Pair) -> Result<(), Error> {
        let file = self.hotkey(name)?;
        file.write(pair, None)?;
        self.hotkey(&format!("{name}{PUBLIC_SUFFIX}"))?
            .write_address(pair.account())
    }

    /// The wallet's hotkeys, by name.
    ///
    /// # Errors
    ///
    /// [`Error::File`].
    pub fn hotkeys(&self) -> Result<Hotkeys, Error> {
        let names = entries(&self.folder.join("hotkeys"))?;
        let keys = names
            .into_iter()
            .filter(|name| !name.ends_with(PUBLIC_SUFFIX));
        keys.map(|name| self.hotkey(&name).map(|file| (name, file)))
            .collect()
    }
}

/// The names in a folder that could be wallets or keys, sorted; none where there is no folder.
fn entries(folder: &Path) -> Result<Vec<String>, Error> {
    let list = || -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if checked(&name).is_ok() {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    };
    match list() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        listed => listed.map_err(|reason| Error::File {
            action: "list",
            path: folder.to_owned(),
            reason,
        }),
    }
}

fn checked(name: &str) -> Result<&str, Error> {
    let is_plain = |letter: char| letter.is_alphanumeric() || "-_.".contains(letter);
    let is_name = !name.is_empty() && !name.starts_with('.') && name.chars().all(is_plain);
    if is_name {
        Ok(name)
    } else {
        Err(Error::BadName(name.to_owned()))
    }
}
