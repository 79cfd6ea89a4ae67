//! One key in one file, as `btcli` keeps it.
//!
//! The contents are a JSON object of hex strings: `accountId` and `publicKey` (equal), `ss58Address`, `cryptoType` (1 for
//! sr25519), and, where the file holds a secret, `privateKey` (64 bytes), `secretSeed` (32 bytes) and `secretPhrase` as
//! far as they are known. A coldkey's object is encrypted as a whole under a password.
//!
//! Older tools wrote two other encryptions; those files are recognised and refused with the command that converts them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use primitives::AccountId;
use serde::{Deserialize, Serialize};

use crate::{Error, Pair, sealed};

/// No key file is near this size; a larger file is something else.
const FILE_BYTES_MAX: u64 = 64 * 1024;
const SR25519: u8 = 1;

/// The path of a key file.
#[derive(Clone, Debug)]
pub struct Keyfile {
    path: PathBuf,
}

/// The JSON inside. Field names are the format's.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Contents {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    account_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    public_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    private_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    secret_phrase: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    secret_seed: Option<String>,
    ss58_address: AccountId,
    #[serde(default = "sr25519")]
    crypto_type: u8,
}

fn sr25519() -> u8 {
    SR25519
}

impl Keyfile {
    /// Names a key file, which need not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the file is there.
    pub fn exists(&self) -> bool {
        self.path.exists()
    }

    /// Whether the file is there and needs a password.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if it cannot be read.
    pub fn is_encrypted(&self) -> Result<bool, Error> {
        self.load().map(|contents| sealed::is_sealed(&contents))
    }

    /// Reads the key pair, decrypting it with the password where the file is encrypted.
    ///
    /// # Errors
    ///
    /// [`Error::PasswordNeeded`], [`Error::WrongPassword`], [`Error::PublicOnly`], [`Error::NotAKeyfile`],
    /// [`Error::File`].
    pub fn read(&self, password: Option<&str>) -> Result<Pair, Error> {
        let mut contents = self.load()?;
        if sealed::is_sealed(&contents) {
            let password = password.ok_or_else(|| Error::PasswordNeeded(self.path.clone()))?;
            contents = sealed::open(&contents, password)
                .ok_or_else(|| Error::WrongPassword(self.path.clone()))?;
        }
        let contents = self.parse(&contents)?;
        let pair = self.pair_of(&contents)?;
        if pair.account() != contents.ss58_address {
            return Err(self.wrong("its secret belongs to another address than the one it names"));
        }
        Ok(pair)
    }

    /// Reads the address only, which needs no password but an unencrypted file (`coldkeypub.txt`, a hotkey).
    ///
    /// # Errors
    ///
    /// [`Error::PasswordNeeded`], [`Error::NotAKeyfile`], [`Error::File`].
    pub fn read_address(&self) -> Result<AccountId, Error> {
        let contents = self.load()?;
        if sealed::is_sealed(&contents) {
            return Err(Error::PasswordNeeded(self.path.clone()));
        }
        self.parse(&contents).map(|contents| contents.ss58_address)
    }

    /// Writes the pair, encrypted if a password is given. An existing file is never overwritten.
    ///
    /// # Errors
    ///
    /// [`Error::Exists`], [`Error::File`].
    pub fn write(&self, pair: &Pair, password: Option<&str>) -> Result<(), Error> {
        let hex_of = |bytes: &[u8]| format!("0x{}", hex::encode(bytes));
        let contents = Contents {
            private_key: Some(hex_of(&pair.secret())),
            secret_phrase: pair.phrase().map(str::to_owned),
            secret_seed: pair.seed().map(|seed| hex_of(&seed)),
            ..public_half(pair.account())
        };
        let plain = serde_json::to_vec(&contents).expect("strings are JSON");
        match password {
            Some(password) => self.store(&sealed::seal(&plain, password, &mut rand::rng())),
            None => self.store(&plain),
        }
    }

    /// Writes the address only.
    ///
    /// # Errors
    ///
    /// [`Error::Exists`], [`Error::File`].
    pub fn write_address(&self, account: AccountId) -> Result<(), Error> {
        self.store(&serde_json::to_vec(&public_half(account)).expect("strings are JSON"))
    }

    fn parse(&self, contents: &[u8]) -> Result<Contents, Error> {
        let is_older = contents.starts_with(b"$ANSIBLE_VAULT") || contents.starts_with(b"gAAAAA");
        if is_older {
            return Err(self
                .wrong("it is encrypted in an older form: make the key again from its words with `btcli wallet regen-coldkey`"));
        }
        let contents: Contents =
            serde_json::from_slice(contents).map_err(|error| self.wrong(&error.to_string()))?;
        if contents.crypto_type != SR25519 {
            return Err(self.wrong("it is no sr25519 key (cryptoType 1)"));
        }
        Ok(contents)
    }

    fn pair_of(&self, contents: &Contents) -> Result<Pair, Error> {
        if let Some(phrase) = &contents.secret_phrase {
            return Pair::from_phrase(phrase);
        }
        let bytes_of = |text: &str| hex::decode(text.strip_prefix("0x").unwrap_or(text)).ok();
        if let Some(seed) = &contents.secret_seed {
            let seed = bytes_of(seed).and_then(|bytes| bytes.try_into().ok());
            return seed
                .map(Pair::from_seed)
                .ok_or_else(|| self.wrong("secretSeed is not 32 bytes of hex"));
        }
        let Some(secret) = &contents.private_key else {
            return Err(Error::PublicOnly(self.path.clone()));
        };
        let secret = bytes_of(secret).and_then(|bytes| <[u8; 64]>::try_from(bytes).ok());
        secret
            .and_then(|secret| Pair::from_secret(&secret))
            .ok_or_else(|| self.wrong("privateKey is not a 64-byte secret"))
    }

    fn load(&self) -> Result<Vec<u8>, Error> {
        let read = || -> io::Result<Vec<u8>> {
            let mut contents = Vec::new();
            File::open(&self.path)?
                .take(FILE_BYTES_MAX + 1)
                .read_to_end(&mut contents)?;
            Ok(contents)
        };
        let contents = read().map_err(|reason| self.failed("read", reason))?;
        if FILE_BYTES_MAX < contents.len() as u64 {
            return Err(self.wrong("it is far too large"));
        }
        Ok(contents)
    }

    /// Whole or not at all: a hidden sibling is written and flushed, then linked to a name that must be free.
    fn store(&self, contents: &[u8]) -> Result<(), Error> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let scratch = folder.join(format!(".{name}.{}.new", std::process::id()));
        let write = || -> io::Result<()> {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)?;
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&scratch)?;
            file.write_all(contents)?;
            file.sync_all()?;
            fs::hard_link(&scratch, &self.path)
        };
        let written = write();
        // The scratch file is a second name of the same contents, or a failed attempt: either way it goes.
        let removed = fs::remove_file(&scratch);
        match written {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(Error::Exists(self.path.clone()))
            }
            Err(reason) => Err(self.failed("write", reason)),
            Ok(()) => removed.map_err(|reason| self.failed("write", reason)),
        }
    }

    fn failed(&self, action: &'static str, reason: io::Error) -> Error {
        Error::File {
            action,
            path: self.path.clone(),
            reason,
        }
    }

    fn wrong(&self, reason: &str) -> Error {
        Error::NotAKeyfile {
            path: self.path.clone(),
            reason: reason.to_owned(),
        }
    }
}

fn public_half(account: AccountId) -> Contents {
    let public = format!("0x{}", hex::encode(account.0));
    Contents {
        account_id: Some(public.clone()),
        public_key: Some(public),
        private_key: None,
        secret_phrase: None,
        secret_seed: None,
        ss58_address: account,
        crypto_type: SR25519,
    }
}
