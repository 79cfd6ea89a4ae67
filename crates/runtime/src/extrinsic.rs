//! The transaction as it travels: address, signature, extensions, call.
//!
//! Version 4 signed extrinsics, which every wallet can make. The extensions and their order are part of what
//! is signed, so they change only with `transaction_version`.

use crate::{
    AccountId, Address, Hash, Nonce, Runtime, RuntimeCall, Signature, VERSION,
    free_calls::SubtensorTransactionExtension,
};
use sp_core::{Pair, sr25519};
use sp_runtime::{
    MultiSignature,
    generic::{self, Era},
};

/// What a signed transaction carries beside the call, in the order signed.
pub type TxExtension = (
    frame_system::CheckNonZeroSender<Runtime>,
    frame_system::CheckSpecVersion<Runtime>,
    frame_system::CheckTxVersion<Runtime>,
    frame_system::CheckGenesis<Runtime>,
    frame_system::CheckMortality<Runtime>,
    frame_system::CheckNonce<Runtime>,
    frame_system::CheckWeight<Runtime>,
    pallet_transaction_payment::ChargeTransactionPayment<Runtime>,
    SubtensorTransactionExtension,
    frame_metadata_hash_extension::CheckMetadataHash<Runtime>,
);

/// A transaction or an inherent as blocks carry it.
pub type UncheckedExtrinsic =
    generic::UncheckedExtrinsic<Address, RuntimeCall, Signature, TxExtension>;

/// What the signer of a transaction commits to beside the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Transactions the signer has sent before.
    pub nonce: Nonce,
    /// Extra payment for priority, in rao.
    pub tip: u64,
    /// How long the transaction stays valid.
    pub era: Era,
    /// Hash of the chain's first block.
    pub genesis_hash: Hash,
    /// Hash of the block at which `era` begins; the genesis hash when immortal.
    pub era_hash: Hash,
}

/// Signs `call` so that it is valid for ever.
pub fn sign(
    pair: &sr25519::Pair,
    call: RuntimeCall,
    nonce: Nonce,
    genesis_hash: Hash,
    tip: u64,
) -> UncheckedExtrinsic {
    let terms = Terms {
        nonce,
        tip,
        era: Era::Immortal,
        genesis_hash,
        era_hash: genesis_hash,
    };
    let signer = AccountId::from(pair.public());
    sign_with(&signer, call, terms, |payload| pair.sign(payload).into())
}

/// Signs `call` under `terms` with a signer that only sees the bytes to sign.
pub fn sign_with(
    signer: &AccountId,
    call: RuntimeCall,
    terms: Terms,
    sign: impl FnOnce(&[u8]) -> MultiSignature,
) -> UncheckedExtrinsic {
    let implicit = (
        (),
        VERSION.spec_version,
        VERSION.transaction_version,
        terms.genesis_hash,
        terms.era_hash,
        (),
        (),
        (),
        (),
        None,
    );
    let payload = generic::SignedPayload::from_raw(call.clone(), extension(&terms), implicit);
    let signature = {
        use parity_scale_codec::Encode;
        payload.using_encoded(sign)
    };
    UncheckedExtrinsic::new_signed(
        call,
        Address::Id(signer.clone()),
        Signature(signature),
        extension(&terms),
    )
}

/// The extension values a wallet sends under `terms`.
pub fn extension(terms: &Terms) -> TxExtension {
    (
        frame_system::CheckNonZeroSender::new(),
        frame_system::CheckSpecVersion::new(),
        frame_system::CheckTxVersion::new(),
        frame_system::CheckGenesis::new(),
        frame_system::CheckMortality::from(terms.era),
        frame_system::CheckNonce::from(terms.nonce),
        frame_system::CheckWeight::new(),
        pallet_transaction_payment::ChargeTransactionPayment::from(terms.tip),
        SubtensorTransactionExtension,
        frame_metadata_hash_extension::CheckMetadataHash::new(false),
    )
}
