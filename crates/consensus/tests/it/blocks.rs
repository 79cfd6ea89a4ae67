//! Blocks from strangers: one encoding, the body that the header names, one context.

use crate::book::Book;
use bytes::Bytes;
use commonware_consensus::types::{Epoch, Round, View};
use consensus::{Block, BlockHash, Chain as _, Context, Malformed, OpaqueBlock, draw};
use parity_scale_codec::Decode as _;
use proptest::prelude::*;
use rand::SeedableRng as _;
use rand_chacha::ChaCha20Rng;
use sp_runtime::{DigestItem, OpaqueExtrinsic};

/// The first block of a chain, as its leader would make it.
fn first_block() -> Block {
    let book = Book::new(crate::book::Conduct::Honest);
    let parent = book.finalized().hash;
    book.build(parent, 1_000, consensus::digest_item(&context(parent)))
        .expect("genesis has a state")
}

fn context(parent: BlockHash) -> Context {
    let (keys, _) = draw(&mut ChaCha20Rng::seed_from_u64(0), 1).expect("one authority");
    Context {
        round: Round::new(Epoch::zero(), View::new(1)),
        leader: keys[0].public(),
        parent: (View::zero(), parent),
    }
}

fn opaque(block: &Block) -> OpaqueBlock {
    OpaqueBlock::decode(&mut &block.encoded()[..]).expect("as encoded")
}

fn read(block: &OpaqueBlock) -> Result<Block, Malformed> {
    Block::decode(Bytes::from(parity_scale_codec::Encode::encode(block)))
}

#[test]
fn a_block_survives_the_wire() {
    let block = first_block();
    let wire = commonware_codec::Encode::encode(&block);
    let again: Block = commonware_codec::Decode::decode_cfg(wire, &4_096).expect("as sent");
    assert_eq!(again.hash(), block.hash());
    assert_eq!(again.encoded(), block.encoded());
    assert_eq!(again.leader(), block.leader());
}

#[test]
fn a_block_larger_than_agreed_is_refused() {
    let wire = commonware_codec::Encode::encode(&first_block());
    assert!(<Block as commonware_codec::Decode>::decode_cfg(wire, &64).is_err());
}

/// The digest covers only the header. A peer that answers a request for a certified block with that block's header
/// over a body of its own must not get through.
#[test]
fn a_header_with_another_body_is_refused() {
    let mut block = opaque(&first_block());
    block.extrinsics.push(OpaqueExtrinsic::from_blob(vec![1]));
    assert_eq!(read(&block).unwrap_err(), Malformed::Body);
}

#[test]
fn a_block_names_exactly_one_context() {
    let mut none = opaque(&first_block());
    none.header.digest.logs.clear();
    assert_eq!(read(&none).unwrap_err(), Malformed::Context);

    let mut two = opaque(&first_block());
    let item = two.header.digest.logs[0].clone();
    two.header.digest.logs.push(item);
    assert_eq!(read(&two).unwrap_err(), Malformed::Context);

    let mut torn = opaque(&first_block());
    torn.header.digest.logs = vec![DigestItem::PreRuntime(consensus::ENGINE_ID, vec![1, 2, 3])];
    assert_eq!(read(&torn).unwrap_err(), Malformed::Context);
}

#[test]
fn bytes_after_a_block_are_refused() {
    let mut bytes = first_block().encoded().to_vec();
    bytes.push(0);
    assert_eq!(
        Block::decode(Bytes::from(bytes)).unwrap_err(),
        Malformed::Encoding
    );
}

proptest! {
    /// Whatever arrives, it is refused or it is a block whose encoding is what arrived.
    #[test]
    fn no_bytes_crash_the_decoder(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        if let Ok(block) = Block::decode(Bytes::from(bytes.clone())) {
            prop_assert_eq!(&block.encoded()[..], &bytes[..]);
        }
    }

    /// The same, starting from a real block with one byte changed.
    #[test]
    fn a_changed_byte_is_noticed(position in 0usize..200, change in 1u8..) {
        let block = first_block();
        let mut bytes = block.encoded().to_vec();
        let position = position % bytes.len();
        bytes[position] ^= change;
        if let Ok(changed) = Block::decode(Bytes::from(bytes)) {
            prop_assert_ne!(changed.hash(), block.hash());
        }
    }
}
