//! Typed reads of the chain's state after a given block.
//!
//! An [`Item`] is a place in storage together with the type that lies there, made from the pallets' own storage
//! declarations, so a read cannot disagree with the chain about a key, a hasher or a default. A [`State`] is one
//! block's state: everything read through it belongs together.
//!
//! ```no_run
//! # async fn example(client: client::Client) -> Result<(), client::Error> {
//! use client::storage::{map, value};
//! use runtime::Runtime;
//!
//! let state = client.best_state().await?;
//! let time_ms: u64 = state.read(value::<pallet_timestamp::Now<Runtime>, _>()).await?;
//! let tempo: u16 = state.read(map::<pallet_subtensor::Tempo<Runtime>, _, _>(1)).await?;
//! # Ok(()) }
//! ```

use std::collections::HashMap;

use frame_support::storage::generator;
use jsonrpsee::rpc_params;
use parity_scale_codec::{DecodeAll, EncodeLike, Error as CodecError, FullCodec, FullEncode};
use runtime::Hash;

use crate::Client;
use crate::error::Error;
use crate::hexadecimal;

/// Keys asked for in one request.
const KEYS_PER_REQUEST: usize = 512;

/// A place in storage and how to understand what lies there; `Q` is what a pallet's own `get` would return.
#[derive(Clone)]
pub struct Item<Q> {
    key: Vec<u8>,
    name: String,
    understand: fn(Option<&[u8]>) -> Result<Q, CodecError>,
}

impl<Q> Item<Q> {
    /// The full storage key.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    fn understood(&self, bytes: Option<&[u8]>) -> Result<Q, Error> {
        (self.understand)(bytes).map_err(|error| Error::Undecodable {
            what: self.name.clone(),
            reason: error.to_string(),
        })
    }
}

/// The item of a `StorageValue`.
pub fn value<S, V>() -> Item<S::Query>
where
    S: generator::StorageValue<V>,
    V: FullCodec,
{
    Item {
        key: S::storage_value_final_key().to_vec(),
        name: name(S::pallet_prefix(), S::storage_prefix()),
        understand: |bytes| Ok(S::from_optional_value_to_query(decoded::<V>(bytes)?)),
    }
}

/// The item of a `StorageMap` at a key.
pub fn map<S, K, V>(key: K) -> Item<S::Query>
where
    S: generator::StorageMap<K, V>,
    K: FullEncode,
    V: FullCodec,
{
    Item {
        key: S::storage_map_final_key::<K>(key),
        name: name(S::pallet_prefix(), S::storage_prefix()),
        understand: |bytes| Ok(S::from_optional_value_to_query(decoded::<V>(bytes)?)),
    }
}

/// The item of a `StorageDoubleMap` at a pair of keys.
pub fn double_map<S, K1, K2, V>(first: K1, second: K2) -> Item<S::Query>
where
    S: generator::StorageDoubleMap<K1, K2, V>,
    K1: FullEncode + EncodeLike<K1>,
    K2: FullEncode + EncodeLike<K2>,
    V: FullCodec,
{
    Item {
        key: S::storage_double_map_final_key::<K1, K2>(first, second),
        name: name(S::pallet_prefix(), S::storage_prefix()),
        understand: |bytes| Ok(S::from_optional_value_to_query(decoded::<V>(bytes)?)),
    }
}

fn decoded<V: FullCodec>(bytes: Option<&[u8]>) -> Result<Option<V>, CodecError> {
    bytes
        .map(|bytes| V::decode_all(&mut &bytes[..]))
        .transpose()
}

fn name(pallet: &[u8], item: &[u8]) -> String {
    format!(
        "{}.{}",
        String::from_utf8_lossy(pallet),
        String::from_utf8_lossy(item)
    )
}

/// The state after one block.
///
/// Reads are requests to the node; dropping a read's future abandons the answer and changes nothing, so all of
/// these methods are cancel safe.
#[derive(Clone)]
pub struct State {
    client: Client,
    block: Hash,
}

impl State {
    pub(crate) fn new(client: Client, block: Hash) -> Self {
        Self { client, block }
    }

    /// Hash of the block whose state this is.
    pub fn block(&self) -> Hash {
        self.block
    }

    /// Reads one item.
    ///
    /// # Errors
    ///
    /// [`Error::Undecodable`] if the bytes are of another type, and the errors of any request.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn read<Q>(&self, item: Item<Q>) -> Result<Q, Error> {
        let bytes = self.raw(&item.key).await?;
        item.understood(bytes.as_deref())
    }

    /// Reads many items of one kind in few requests, answers in the order of `items`.
    ///
    /// # Errors
    ///
    /// As [`State::read`]; the first error ends the read.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn read_all<Q>(&self, items: &[Item<Q>]) -> Result<Vec<Q>, Error> {
        let mut found = HashMap::new();
        for chunk in items.chunks(KEYS_PER_REQUEST) {
            let keys: Vec<String> = chunk
                .iter()
                .map(|item| hexadecimal::encode(&item.key))
                .collect();
            let params = rpc_params![keys, self.block];
            let sets: Vec<ChangeSet> = self
                .client
                .connection()
                .request("state_queryStorageAt", params)
                .await?;
            for (key, value) in sets.into_iter().flat_map(|set| set.changes) {
                if let Some(value) = value {
                    let key = hexadecimal::bytes("a storage key", &key)?;
                    found.insert(key, hexadecimal::bytes("a storage value", &value)?);
                }
            }
        }
        items
            .iter()
            .map(|item| item.understood(found.get(&item.key).map(Vec::as_slice)))
            .collect()
    }

    /// Reads the bytes at a key; `None` if nothing lies there.
    ///
    /// # Errors
    ///
    /// Those of any request.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn raw(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let params = rpc_params![hexadecimal::encode(key), self.block];
        let bytes: Option<String> = self
            .client
            .connection()
            .request("state_getStorage", params)
            .await?;
        bytes
            .map(|text| hexadecimal::bytes("a storage value", &text))
            .transpose()
    }

    /// Calls a runtime API function by its exported name, for example `AccountNonceApi_account_nonce`, with the
    /// SCALE encoding of its arguments.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] if the runtime has no such function, [`Error::Undecodable`] if `R` is not what it returns.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn call<R: DecodeAll>(&self, function: &str, arguments: Vec<u8>) -> Result<R, Error> {
        let params = rpc_params![function, hexadecimal::encode(&arguments), self.block];
        let answer: String = self
            .client
            .connection()
            .request("state_call", params)
            .await?;
        hexadecimal::scale(function, &hexadecimal::bytes(function, &answer)?)
    }
}

#[derive(serde::Deserialize)]
struct ChangeSet {
    changes: Vec<(String, Option<String>)>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::Runtime;

    #[test]
    fn a_value_has_the_key_every_substrate_client_computes() {
        let item = value::<pallet_timestamp::Now<Runtime>, _>();
        let key = "f0c365c3cf59d671eb72da0e7a4113c49f1f0515f462cdcf84e0f1d6045dfcbb";
        assert_eq!(hex::encode(item.key()), key);
    }

    #[test]
    fn an_empty_place_reads_as_the_declared_default() {
        let item = value::<pallet_timestamp::Now<Runtime>, _>();
        assert_eq!(item.understood(None).expect("a default"), 0);
    }

    #[test]
    fn bytes_left_over_are_an_error_that_names_the_item() {
        let item = value::<pallet_timestamp::Now<Runtime>, _>();
        let error = item
            .understood(Some(&[1, 0, 0, 0, 0, 0, 0, 0, 9]))
            .expect_err("one byte too many");
        assert!(error.to_string().contains("Timestamp.Now"), "{error}");
    }
}
