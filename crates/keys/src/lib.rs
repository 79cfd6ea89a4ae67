//! Coldkeys and hotkeys, and the files btcli keeps them in; the only crate that holds a secret.
