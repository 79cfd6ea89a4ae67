//! The certificate as `docs/agreement.md` describes it to implementers in other languages.

use crate::{book::Conduct::Honest, network::simulate};
use commonware_codec::{DecodeExt as _, Encode as _};
use commonware_cryptography::bls12381::primitives::{
    group::{G1, G2},
    ops,
    variant::{MinSig, Variant as _},
};
use consensus::{Chain as _, Committee};

/// The least significant seven bits first.
fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn read_varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    let mut shift = 0;
    loop {
        let (first, rest) = bytes.split_first().expect("a varint ends");
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        shift += 7;
        if first & 0x80 == 0 {
            return value;
        }
    }
}

/// `varint(len(N)) N message`, as signed.
fn signed(namespace: &[u8], suffix: &[u8], message: &[u8]) -> Vec<u8> {
    let namespace = [namespace, suffix].concat();
    [varint(namespace.len() as u64), namespace, message.to_vec()].concat()
}

fn verifies(group: &G2, message: &[u8], signature: &[u8]) -> bool {
    let signature = G1::decode(bytes::Bytes::copy_from_slice(signature)).expect("a point");
    ops::verify::<MinSig>(group, MinSig::MESSAGE, message, &signature).is_ok()
}

/// Takes a certificate of a simulated network apart by the document alone.
#[test]
fn certificate_layout() {
    let (_, (committee, hash, certificate)): (_, (Committee, _, Vec<u8>)) =
        simulate(30, &[Honest; 4], async |network| {
            network.reach(3).await;
            let pages = network.book(0).pages();
            let page = pages[3].clone();
            assert_eq!(network.book(0).finalized_hash(3), Some(page.hash));
            let certificate = page.certificate.expect("its own");
            (network.committee.clone(), page.hash, certificate)
        });

    let mut rest = &certificate[..];
    let epoch = read_varint(&mut rest);
    let view = read_varint(&mut rest);
    let round_length = certificate.len() - rest.len();
    let parent_view = read_varint(&mut rest);
    assert_eq!(epoch, 0);
    assert!(parent_view < view);
    assert_eq!(rest.len(), 32 + 48 + 48);
    let (payload, signatures) = rest.split_at(32);
    assert_eq!(payload, &hash.0);

    let group = G2::decode(committee.group_key().encode()).expect("a point");
    let proposal = &certificate[..certificate.len() - 96];
    let round = &certificate[..round_length];
    let vote = signed(committee.namespace(), b"_FINALIZE", proposal);
    let seed = signed(committee.namespace(), b"_SEED", round);
    assert!(verifies(&group, &vote, &signatures[..48]));
    assert!(verifies(&group, &seed, &signatures[48..]));
    assert!(
        !verifies(&group, &seed, &signatures[..48]),
        "each signs its own message only"
    );
}
