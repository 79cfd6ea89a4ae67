//! What can go wrong with a key, in words for whoever typed the command.

use std::path::PathBuf;

/// Why a key could not be made, read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is not a secret in any form known here.
    #[error(
        "this is no key: give a development key like //Alice, twelve or more words, 0x and 64 hex digits, \
         or the path of a hotkey file"
    )]
    NotAKey,
    /// The words are not a mnemonic.
    #[error("these words are not a mnemonic: {0}")]
    BadPhrase(String),
    /// The file could not be read or written.
    #[error("cannot {action} {path}: {reason}", path = path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// A key is already there.
    #[error("{} already exists: choose another name, or move it away first", .0.display())]
    Exists(PathBuf),
    /// The file's contents are not a key file.
    #[error("{} is not a key file: {reason}", path.display())]
    NotAKeyfile {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file is encrypted and no password was given.
    #[error("{} is encrypted: a password is needed", .0.display())]
    PasswordNeeded(PathBuf),
    /// The password does not open the file.
    #[error("wrong password for {}", .0.display())]
    WrongPassword(PathBuf),
    /// The file holds an address without its secret.
    #[error("{} holds only an address, not the secret that signs for it", .0.display())]
    PublicOnly(PathBuf),
    /// A name that would leave the wallet's folder.
    #[error(
        "{0:?} cannot be the name of a wallet or hotkey: use letters, digits, dots, dashes, underscores"
    )]
    BadName(String),
}
