//! Transactions that stay hidden until a block has them.
//!
//! A wallet that does not want to be front-run signs a transaction, encrypts it to [`NextKey`], and submits the
//! ciphertext with [`Call::submit_encrypted`]. While it waits, nodes see a sender and a ciphertext. The authority that
//! builds a block with it decrypts it and puts the hidden transaction right behind; executing that one needs nothing
//! but itself, so every other node checks the block without any key. The hidden transaction has the sender's next
//! nonce, so it cannot come before, and nobody else can carry it in.
//!
//! # Limits
//!
//! The key is drawn with the network's genesis and every authority has it: the shield hides a transaction from everybody
//! else, not from authorities. A network whose genesis has no key leaves [`NextKey`] empty, by which wallets know.

pub use pallet::*;

use crate::{RuntimeCall, UncheckedExtrinsic};
use parity_scale_codec::Decode;
use sp_runtime::OpaqueExtrinsic;

/// Most bytes of a hidden transaction with what encryption adds.
pub const CIPHERTEXT_BYTES_MAX: u32 = 8_192;

/// The ciphertext that a transaction carries, if it is one that carries a hidden one.
pub fn ciphertext(extrinsic: &OpaqueExtrinsic) -> Option<Vec<u8>> {
    use parity_scale_codec::Encode;
    let extrinsic = UncheckedExtrinsic::decode(&mut &extrinsic.encode()[..]).ok()?;
    match extrinsic.function {
        RuntimeCall::MevShield(Call::submit_encrypted { ciphertext }) => Some(ciphertext.into()),
        _ => None,
    }
}

#[frame_support::pallet]
mod pallet {
    use super::CIPHERTEXT_BYTES_MAX;
    use frame_support::pallet_prelude::*;
    use frame_system::pallet_prelude::*;
    use sp_runtime::traits::Hash as _;

    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {}

    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// The key to encrypt transactions to.
    #[pallet::storage]
    pub type NextKey<T> = StorageValue<_, BoundedVec<u8, ConstU32<2048>>, OptionQuery>;

    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        /// The network's public shield key; empty when it has none.
        pub next_key: Vec<u8>,
        #[serde(skip)]
        pub _config: core::marker::PhantomData<T>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            if let Ok(key) = BoundedVec::try_from(self.next_key.clone())
                && !key.is_empty()
            {
                NextKey::<T>::put(key);
            }
        }
    }

    #[pallet::event]
    #[pallet::generate_deposit(fn deposit_event)]
    pub enum Event<T: Config> {
        /// A hidden transaction was submitted.
        EncryptedSubmitted {
            /// Hash of sender and ciphertext.
            id: T::Hash,
            /// The sender.
            who: T::AccountId,
        },
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Carries a transaction encrypted to [`NextKey`] into a block; the block's author puts it right behind.
        #[pallet::call_index(1)]
        #[pallet::weight(Weight::from_parts(200_000_000, 0))]
        pub fn submit_encrypted(
            origin: OriginFor<T>,
            ciphertext: BoundedVec<u8, ConstU32<CIPHERTEXT_BYTES_MAX>>,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            let id = T::Hashing::hash_of(&(&who, ciphertext));
            Self::deposit_event(Event::EncryptedSubmitted { id, who });
            Ok(())
        }
    }
}
