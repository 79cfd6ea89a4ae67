//! What clients find: metadata, constants, versions, and an answer to every name.

use super::*;

#[test]
fn an_unknown_method_is_no_method() {
    let mut chain = Chain::new();
    assert_eq!(chain.dispatch("ShieldApi_try_unshield_tx", &[]), None);
    assert!(chain.dispatch("Core_version", &[]).is_some());
}

#[test]
fn metadata_is_served_in_the_versions_that_wallets_read() {
    let mut chain = Chain::new();
    let versions: Vec<u32> = chain.call("Metadata_metadata_versions", ());
    for version in [14, 15, 16] {
        assert!(versions.contains(&version));
        let metadata: Option<OpaqueMetadata> = chain.call("Metadata_metadata_at_version", version);
        let bytes: Vec<u8> = (*metadata.unwrap()).clone();
        assert_eq!((&bytes[..4], u32::from(bytes[4])), (&b"meta"[..], version));
    }
    let unknown: Option<OpaqueMetadata> = chain.call("Metadata_metadata_at_version", 3_u32);
    assert!(unknown.is_none());
}

/// The SDK reads a chain's block time from this constant, whose value each genesis chooses.
#[test]
fn the_slot_duration_is_the_interval_of_genesis() {
    use frame_support::traits::Get;
    let mut chain = Chain::new();
    let duration = chain
        .state
        .execute_with(<crate::Runtime as crate::aura::Config>::SlotDuration::get);
    assert_eq!(duration, INTERVAL_MS);
    let metadata: Option<OpaqueMetadata> = chain.call("Metadata_metadata_at_version", 15_u32);
    let bytes: Vec<u8> = (*metadata.unwrap()).clone();
    let name = "SlotDuration".encode();
    let start = bytes
        .windows(name.len())
        .position(|window| window == name)
        .unwrap()
        + name.len();
    // After the name: the type's number (one or two bytes compact), then the value with its length.
    let value = [vec![8 << 2], INTERVAL_MS.encode()].concat();
    assert!(
        bytes[start + 1..start + 12]
            .windows(value.len())
            .any(|window| window == value)
    );
}

#[test]
fn the_version_names_every_interface() {
    let mut chain = Chain::new();
    let version: sp_version::RuntimeVersion = chain.call("Core_version", ());
    assert_eq!(version, VERSION);
    assert_eq!(
        (version.spec_name.as_ref(), version.transaction_version),
        ("node-subtensor", 1)
    );
}

/// The order is part of what wallets sign.
#[test]
fn transaction_extensions_keep_their_order() {
    use sp_runtime::traits::TransactionExtension;
    let names: Vec<&str> = crate::TxExtension::metadata()
        .into_iter()
        .map(|extension| extension.identifier)
        .collect();
    assert_eq!(
        names,
        [
            "CheckNonZeroSender",
            "CheckSpecVersion",
            "CheckTxVersion",
            "CheckGenesis",
            "CheckMortality",
            "CheckNonce",
            "CheckWeight",
            "ChargeTransactionPayment",
            "SubtensorTransactionExtension",
            "CheckMetadataHash",
        ]
    );
}

/// Wallets encrypt to the key that genesis names, and learn from its absence to submit in the open.
#[test]
fn the_shield_key_is_that_of_genesis() {
    use crate::shield::NextKey;
    let key = |chain: &mut Chain| {
        chain
            .state
            .execute_with(NextKey::<crate::Runtime>::get)
            .map(|key| key.into_inner())
    };
    assert_eq!(key(&mut Chain::new()), None);
    let mut spec = GenesisSpec::development(INTERVAL_MS);
    spec.shield_key = Some("0a0b".repeat(592));
    assert_eq!(
        key(&mut Chain::begun(&spec)),
        Some([0x0a, 0x0b].repeat(592))
    );
    spec.shield_key = Some("not hexadecimal".into());
    assert!(
        genesis::build(&spec)
            .unwrap_err()
            .to_string()
            .contains("shield key")
    );
}
