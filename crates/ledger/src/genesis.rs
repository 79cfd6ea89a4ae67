//! The first block of a chain, made from its first state.

use crate::execution::split;
use crate::ledger::{GENESIS_KEY, KEPT_KEY, TIP_KEY, number_key, retain};
use crate::store::{Change, Column};
use crate::{Extrinsic, Hash, Hasher, Header};
use parity_scale_codec::Encode;
use sp_core::storage::{StateVersion, Storage};
use sp_runtime::traits::Header as _;
use sp_state_machine::{Backend as _, TrieBackendBuilder};
use sp_trie::{LayoutV1, PrefixedMemoryDB, TrieConfiguration, empty_trie_root};

/// The first block's header, and the commit that begins a chain with it.
pub(crate) fn first_block(genesis: Storage) -> (Header, Vec<Change>) {
    let empty = empty_trie_root::<LayoutV1<Hasher>>();
    let nothing = TrieBackendBuilder::<_, Hasher>::new(PrefixedMemoryDB::default(), empty).build();
    let top = genesis
        .top
        .iter()
        .map(|(key, value)| (&key[..], Some(&value[..])));
    let children = genesis.children_default.values().map(|child| {
        let pairs = child.data.iter();
        (
            &child.child_info,
            pairs.map(|(key, value)| (&key[..], Some(&value[..]))),
        )
    });
    let (state_root, nodes) = nothing.full_storage_root(top, children, StateVersion::V1);
    let no_extrinsics = LayoutV1::<Hasher>::ordered_trie_root(std::iter::empty::<Vec<u8>>());
    let header = Header::new(
        0,
        no_extrinsics,
        state_root,
        Hash::zero(),
        Default::default(),
    );
    let hash = header.hash();
    let (created, _) = split(nodes);
    let key = hash.as_bytes().to_vec();
    let mut changes: Vec<Change> = retain(&created).collect();
    let none: Vec<Extrinsic> = Vec::new();
    changes.extend([
        Change::Put(Column::Headers, key.clone(), header.encode()),
        Change::Put(Column::Bodies, key.clone(), none.encode()),
        Change::Put(Column::Numbers, number_key(0), key),
        Change::Put(Column::Meta, GENESIS_KEY.to_vec(), hash.encode()),
        Change::Put(Column::Meta, TIP_KEY.to_vec(), (hash, 0u32).encode()),
        Change::Put(Column::Meta, KEPT_KEY.to_vec(), 0u32.encode()),
    ]);
    (header, changes)
}
