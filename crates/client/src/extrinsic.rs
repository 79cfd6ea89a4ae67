//! Signs a call so that the chain accepts it for a while and once.
//!
//! An extrinsic is valid for [`VALID_BLOCKS`] blocks after the finalized block at which it was signed. After that it
//! can never be included, so a lost submission has an end.

use parity_scale_codec::Encode;
use primitives::AccountId;
use runtime::extrinsic::{Terms, sign_with};
use runtime::{Hash, RuntimeCall};
use sp_runtime::MultiSignature;
use sp_runtime::generic::Era;
use sp_runtime::traits::{BlakeTwo256, Hash as _};

use crate::heads::Head;

/// Lifetime of an extrinsic in blocks; a power of two, as [`Era`] wants it.
pub(crate) const VALID_BLOCKS: u32 = 256;

/// A signed call, encoded, with the hash under which the chain knows it.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    pub(crate) bytes: Vec<u8>,
    pub(crate) hash: Hash,
    /// Block at whose state it was signed; it is in no block up to this one.
    pub(crate) born: u32,
}

/// Signs `call` as the account's transaction number `nonce`, valid from `born` on.
pub(crate) fn sign(
    pair: &keys::Pair,
    call: RuntimeCall,
    nonce: u32,
    genesis_hash: Hash,
    born: &Head,
) -> Signed {
    let era = Era::mortal(u64::from(VALID_BLOCKS), u64::from(born.number));
    let terms = Terms {
        nonce,
        tip: 0,
        era,
        genesis_hash,
        era_hash: born.hash,
    };
    let signer = account(&pair.account());
    let extrinsic = sign_with(&signer, call, terms, |payload| {
        MultiSignature::Sr25519(pair.sign_transaction(payload).0.into())
    });
    let bytes = extrinsic.encode();
    let hash = BlakeTwo256::hash(&bytes);
    Signed {
        bytes,
        hash,
        born: born.number,
    }
}

/// An account as the runtime writes it.
pub(crate) fn account(account: &AccountId) -> runtime::AccountId {
    runtime::AccountId::new(account.0)
}
