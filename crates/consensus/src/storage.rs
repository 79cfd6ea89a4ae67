//! Where agreement keeps finalized blocks and their certificates.
//!
//! The ledger has the blocks too. The copy here is what this node serves to peers that catch up, and what it replays
//! into its own ledger should that have lost its latest blocks. Both archives are append-only and need memory for
//! their caches only, however long the chain.

use crate::{block::Block, committee::Scheme, digest::BlockHash, engine::Environment};
use commonware_consensus::simplex::types::Finalization;
use commonware_runtime::buffer::paged::CacheRef;
use commonware_storage::archive::immutable;
use commonware_utils::{NZU16, NZU64, NZUsize};
use std::{
    num::{NonZeroU16, NonZeroU64, NonZeroUsize},
    sync::Arc,
};

/// Items in one section of marshal's short-lived caches.
pub(crate) const CACHE_SECTION: NonZeroU64 = NZU64!(256);
/// Buffer for reading a journal at start.
pub(crate) const REPLAY_BUFFER: NonZeroUsize = NZUsize!(1 << 20);
/// Buffer of a journal of keys.
pub(crate) const KEY_BUFFER: NonZeroUsize = NZUsize!(64 << 10);
/// Buffer of a journal of values.
pub(crate) const VALUE_BUFFER: NonZeroUsize = NZUsize!(256 << 10);

// A page and its checksum fill 4 KiB.
const PAGE: NonZeroU16 = NZU16!(4_084);
const PAGES_CACHED: NonZeroUsize = NZUsize!(512);
const SECTION: NonZeroU64 = NZU64!(4_096);
const TABLE_INITIAL: u32 = 1 << 14;
const TABLE_RESIZE_EVERY: u8 = 4;
const TABLE_RESIZE_CHUNK: u32 = 1 << 12;
const VALUES_PER_FILE: u64 = 256 << 20;

/// The two archives, keyed by height and by block hash.
pub(crate) struct Archives<E: Environment> {
    /// Finality certificates.
    pub(crate) certificates: immutable::Archive<E, BlockHash, Finalization<Scheme, BlockHash>>,
    /// Finalized blocks.
    pub(crate) blocks: immutable::Archive<E, BlockHash, Arc<Block>>,
}

/// A page cache for one store.
pub(crate) fn page_cache() -> CacheRef {
    CacheRef::new(PAGE, PAGES_CACHED)
}

/// Opens both archives, recovering them from whatever a crash left.
///
/// # Panics
///
/// Panics when the disk refuses or the files are not what was written: there is nothing to go on with.
pub(crate) async fn open<E: Environment>(
    context: &E,
    partition: &str,
    block_bytes_max: u32,
) -> Archives<E> {
    let certificates = immutable::Archive::init(
        context.child("certificate_archive"),
        archive(partition, "certificates", ()),
    )
    .await
    .expect("the certificate archive opens; if its files are damaged, start on an empty directory");
    let blocks = immutable::Archive::init(
        context.child("block_archive"),
        archive(partition, "blocks", block_bytes_max),
    )
    .await
    .expect("the block archive opens; if its files are damaged, start on an empty directory");
    Archives {
        certificates,
        blocks,
    }
}

fn archive<T>(partition: &str, name: &str, codec_config: T) -> immutable::Config<T> {
    let part = |part: &str| format!("{partition}-{name}-{part}");
    immutable::Config {
        metadata_partition: part("metadata"),
        freezer_table_partition: part("table"),
        freezer_table_initial_size: TABLE_INITIAL,
        freezer_table_resize_frequency: TABLE_RESIZE_EVERY,
        freezer_table_resize_chunk_size: TABLE_RESIZE_CHUNK,
        freezer_key_partition: part("keys"),
        freezer_key_page_cache: page_cache(),
        freezer_value_partition: part("values"),
        freezer_value_target_size: VALUES_PER_FILE,
        freezer_value_compression: None,
        ordinal_partition: part("heights"),
        items_per_section: SECTION,
        freezer_key_write_buffer: KEY_BUFFER,
        freezer_value_write_buffer: VALUE_BUFFER,
        ordinal_write_buffer: KEY_BUFFER,
        replay_buffer: REPLAY_BUFFER,
        codec_config,
    }
}
