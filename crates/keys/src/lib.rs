//! Coldkeys and hotkeys, and the files `btcli` keeps them in; the only crate that holds a secret.
//!
//! Others hold a [`Pair`] and ask it to [`sign`](Pair::sign); the secret half has no accessor, is never printed, and
//! leaves memory only through [`Wallet`] and [`Keyfile`], into files that only their owner can read.
//!
//! ```text
//!  //Alice · twelve words · 32 bytes ──▶ Pair ──sign(domain, message)──▶ Signature ──▶ verify
//!                                         ▲
//!    ~/.bittensor/wallets/NAME/coldkey ───┤   (JSON, encrypted under a password)
//!    …/coldkeypub.txt                     │   (public half)
//!    …/hotkeys/HOTKEY ────────────────────┘   (JSON, usually plain)
//! ```
//!
//! # What always holds
//!
//! * A signature made for one purpose verifies for no other: see [`Domain`].
//! * A key file is written whole or not at all, and readable by its owner only.
//! * What `btcli` writes is read, and what is written here `btcli` reads.

mod error;
mod keyfile;
mod pair;
mod sealed;
mod shield;
mod signature;
mod wallet;

pub use error::Error;
pub use keyfile::Keyfile;
pub use pair::{Pair, Phrase};
pub use shield::{SHIELD_SEED_BYTES, ShieldKey};
pub use signature::{Domain, Signature, verify};
pub use wallet::{Hotkeys, Wallet, default_wallet_path, list_wallets};
