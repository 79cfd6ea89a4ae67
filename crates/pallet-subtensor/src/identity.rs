//! What subnets and coldkeys say about themselves.

use crate::*;
use frame_support::{pallet_macros::pallet_section, pallet_prelude::*};
use parity_scale_codec::DecodeWithMemTracking;
use sp_runtime::Vec;

#[pallet_section]
mod identity_storage {
    /// What each subnet's owner says about it.
    #[pallet::storage]
    #[pallet::unbounded]
    pub type SubnetIdentitiesV3<T> =
        StorageMap<_, Blake2_128Concat, NetUid, SubnetIdentityV3, OptionQuery>;

    /// What each coldkey says about itself.
    #[pallet::storage]
    #[pallet::unbounded]
    pub type IdentitiesV2<T: Config> =
        StorageMap<_, Blake2_128Concat, T::AccountId, ChainIdentityV2, OptionQuery>;

    /// The sign of each subnet's token, in UTF-8.
    #[pallet::storage]
    #[pallet::unbounded]
    pub type TokenSymbol<T> = StorageMap<_, Identity, NetUid, Vec<u8>, ValueQuery>;
}

/// What a subnet's owner says about it; every field is UTF-8 by custom and at most
/// [`FIELD_BYTES_MAX`] long.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct SubnetIdentityV3 {
    /// Name of the subnet.
    pub subnet_name: Vec<u8>,
    /// Where its code is.
    pub github_repo: Vec<u8>,
    /// Whom to write to.
    pub subnet_contact: Vec<u8>,
    /// Its web page.
    pub subnet_url: Vec<u8>,
    /// Its Discord handle.
    pub discord: Vec<u8>,
    /// What it trades.
    pub description: Vec<u8>,
    /// Address of its logo.
    pub logo_url: Vec<u8>,
    /// Anything else.
    pub additional: Vec<u8>,
}

/// What a coldkey says about itself; every field is UTF-8 by custom and at most [`FIELD_BYTES_MAX`]
/// long.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct ChainIdentityV2 {
    /// Name of the person or organisation.
    pub name: Vec<u8>,
    /// Web page.
    pub url: Vec<u8>,
    /// Where its code is.
    pub github_repo: Vec<u8>,
    /// Address of a picture.
    pub image: Vec<u8>,
    /// Discord handle.
    pub discord: Vec<u8>,
    /// What it does.
    pub description: Vec<u8>,
    /// Anything else.
    pub additional: Vec<u8>,
}

/// Longest field of an identity, in bytes.
pub const FIELD_BYTES_MAX: usize = 1024;

/// How many of a coldkey's hotkeys are looked at for one that is registered.
pub const LOOKED_MAX: usize = 256;

/// Longest token sign, in bytes.
pub const SYMBOL_BYTES_MAX: usize = 16;

impl<T: Config> Pallet<T> {
    /// What the owner of `netuid` says about it.
    pub fn subnet_identity(netuid: NetUid) -> Option<SubnetIdentityV3> {
        SubnetIdentitiesV3::<T>::get(netuid)
    }

    /// What `coldkey` says about itself.
    pub fn identity(coldkey: &T::AccountId) -> Option<ChainIdentityV2> {
        IdentitiesV2::<T>::get(coldkey)
    }

    /// The sign of the token of `netuid`, in UTF-8.
    pub fn token_symbol(netuid: NetUid) -> Vec<u8> {
        TokenSymbol::<T>::get(netuid)
    }

    /// The name of `netuid` in UTF-8: its owner's, or `subnet N`.
    pub fn subnet_name(netuid: NetUid) -> Vec<u8> {
        match SubnetIdentitiesV3::<T>::get(netuid) {
            Some(identity) if !identity.subnet_name.is_empty() => identity.subnet_name,
            _ if netuid == ROOT => b"root".to_vec(),
            _ => format!("subnet {netuid}").into_bytes(),
        }
    }

    /// Publishes what the owner of `netuid` says about it.
    pub(crate) fn do_set_subnet_identity(
        netuid: NetUid,
        identity: SubnetIdentityV3,
    ) -> DispatchResult {
        Self::ensure_subnet_identity(&identity)?;
        SubnetIdentitiesV3::<T>::insert(netuid, identity);
        Self::deposit_event(Event::SubnetIdentitySet(netuid));
        Ok(())
    }

    /// Refuses a description with a field that is too long.
    pub(crate) fn ensure_subnet_identity(identity: &SubnetIdentityV3) -> DispatchResult {
        let fields = [
            &identity.subnet_name,
            &identity.github_repo,
            &identity.subnet_contact,
            &identity.subnet_url,
            &identity.discord,
            &identity.description,
            &identity.logo_url,
            &identity.additional,
        ];
        Self::ensure_fields(&fields)
    }

    /// Publishes what `coldkey`, one of whose [`LOOKED_MAX`] youngest hotkeys must be registered, says about
    /// itself.
    pub(crate) fn do_set_identity(
        coldkey: &T::AccountId,
        identity: ChainIdentityV2,
    ) -> DispatchResult {
        ensure!(
            Self::owned_hotkeys(coldkey)
                .iter()
                .rev()
                .take(LOOKED_MAX)
                .any(Self::is_registered_on_any),
            Error::<T>::HotKeyNotRegisteredInNetwork
        );
        let fields = [
            &identity.name,
            &identity.url,
            &identity.github_repo,
            &identity.image,
            &identity.discord,
            &identity.description,
            &identity.additional,
        ];
        Self::ensure_fields(&fields)?;
        IdentitiesV2::<T>::insert(coldkey, identity);
        Self::deposit_event(Event::ChainIdentitySet(coldkey.clone()));
        Ok(())
    }

    /// Gives `netuid` a sign that no other subnet has.
    pub(crate) fn do_update_symbol(netuid: NetUid, symbol: Vec<u8>) -> DispatchResult {
        let valid = !symbol.is_empty()
            && symbol.len() <= SYMBOL_BYTES_MAX
            && core::str::from_utf8(&symbol).is_ok();
        ensure!(valid, Error::<T>::SymbolDoesNotExist);
        ensure!(
            TokenSymbol::<T>::iter_values().all(|taken| taken != symbol),
            Error::<T>::SymbolAlreadyInUse
        );
        TokenSymbol::<T>::insert(netuid, &symbol);
        Self::deposit_event(Event::SymbolUpdated { netuid, symbol });
        Ok(())
    }

    /// Gives a new subnet the first free sign: a Greek letter, or its number once those are gone.
    pub(crate) fn assign_symbol(netuid: NetUid) {
        const LETTERS: &str = "αβγδεζηθικλμνξοπρστυφχψω";
        let symbol = match netuid {
            ROOT => "Τ".to_owned(),
            _ => LETTERS
                .chars()
                .nth(usize::from(netuid).saturating_sub(1))
                .map_or_else(|| format!("SN{netuid}"), String::from),
        }
        .into_bytes();
        let taken = TokenSymbol::<T>::iter_values().any(|other| other == symbol);
        let symbol = if taken {
            format!("SN{netuid}").into_bytes()
        } else {
            symbol
        };
        TokenSymbol::<T>::insert(netuid, symbol);
    }

    fn ensure_fields(fields: &[&Vec<u8>]) -> DispatchResult {
        ensure!(
            fields.iter().all(|field| field.len() <= FIELD_BYTES_MAX),
            Error::<T>::InvalidIdentity
        );
        Ok(())
    }
}

impl<T: Config> Pallet<T> {
    /// Drops what the owner of a subnet that is removed said about it, and its sign.
    pub(crate) fn forget_subnet_identity(netuid: NetUid) {
        TokenSymbol::<T>::remove(netuid);
        if SubnetIdentitiesV3::<T>::take(netuid).is_some() {
            Self::deposit_event(Event::SubnetIdentityRemoved(netuid));
        }
    }
}
