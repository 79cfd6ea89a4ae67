//! `0x…` strings, the form in which JSON-RPC carries bytes.

use parity_scale_codec::DecodeAll;

use crate::error::Error;

/// Bytes as `0x…`.
pub(crate) fn encode(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

/// Bytes of a `0x…` string; `what` names the item in the error.
pub(crate) fn bytes(what: &str, text: &str) -> Result<Vec<u8>, Error> {
    hex::decode(text.strip_prefix("0x").unwrap_or(text)).map_err(|error| undecodable(what, error))
}

/// A 32-byte hash from a `0x…` string.
pub(crate) fn hash(what: &str, text: &str) -> Result<[u8; 32], Error> {
    let bytes = bytes(what, text)?;
    let length = bytes.len();
    bytes
        .try_into()
        .map_err(|_| undecodable(what, format!("{length} bytes instead of 32")))
}

/// A SCALE value that must use up all of `bytes`.
pub(crate) fn scale<T: DecodeAll>(what: &str, bytes: &[u8]) -> Result<T, Error> {
    T::decode_all(&mut &bytes[..]).map_err(|error| undecodable(what, error))
}

fn undecodable(what: &str, reason: impl ToString) -> Error {
    Error::Undecodable {
        what: what.into(),
        reason: reason.to_string(),
    }
}
