//! Envelopes: signed for one miner, one subnet, one minute and one body.

use primitives::{AccountId, NetUid};
use proptest::prelude::*;
use protocol::{Code, Digest, Envelope, HEADERS, Nonce, Route, Terms};

use crate::{NOW_MS, pair, terms};

const BODY: &[u8] = br#"{"model":"m","prompt":"To be","seed":1,"stream":true}"#;

fn sealed() -> Envelope {
    Envelope::seal(&pair("//Alice"), terms(), Route::Completions, BODY)
}

fn from(headers: &[(&'static str, String)]) -> Result<Envelope, protocol::Refusal> {
    Envelope::from_headers(|wanted| {
        headers
            .iter()
            .find(|(name, _)| *name == wanted)
            .map(|(_, value)| value.as_str())
    })
}

#[test]
fn an_envelope_reads_back_from_its_headers() {
    let envelope = sealed();
    assert_eq!(from(&envelope.headers()), Ok(envelope));
    let hash = envelope
        .check_signature(Route::Completions, BODY)
        .expect("as signed");
    assert_eq!(hash, envelope.request_hash(Route::Completions, BODY));
}

#[test]
fn a_missing_or_malformed_header_is_named() {
    let headers = sealed().headers();
    for (place, name) in HEADERS.into_iter().enumerate() {
        let mut without = headers.to_vec();
        without.remove(place);
        let refusal = from(&without).expect_err(name);
        assert_eq!(refusal.code, Code::BadEnvelope);
        assert!(refusal.message.contains(name), "{refusal}");

        for odd in ["", "+1", "zz", "99999999999999999999999"] {
            let mut bent = headers.clone();
            bent[place].1 = odd.into();
            let refusal = from(&bent).expect_err(name);
            assert!(refusal.message.contains(name), "{refusal}");
        }
    }
}

#[test]
fn an_envelope_is_for_one_miner_on_one_subnet() {
    let bob = pair("//Bob").account();
    let code = |audience, netuid| {
        sealed()
            .check_terms(audience, netuid, NOW_MS)
            .map_err(|refusal| refusal.code)
    };
    assert_eq!(code(bob, NetUid(1)), Ok(()));
    assert_eq!(code(bob, NetUid(2)), Err(Code::WrongAudience));
    assert_eq!(
        code(pair("//Charlie").account(), NetUid(1)),
        Err(Code::WrongAudience)
    );
}

#[test]
fn an_envelope_is_good_for_its_own_minute() {
    let bob = pair("//Bob").account();
    let expires_ms = terms().expires_ms;
    let code = |now_ms| {
        sealed()
            .check_terms(bob, NetUid(1), now_ms)
            .map_err(|refusal| refusal.code)
    };
    assert_eq!(code(expires_ms), Ok(()));
    assert_eq!(code(expires_ms + 1), Err(Code::Expired));
    assert_eq!(code(expires_ms - 60_000), Ok(()));
    assert_eq!(code(expires_ms - 60_001), Err(Code::Expired));
}

#[test]
fn a_signature_does_not_move_to_another_route_or_signer() {
    let envelope = sealed();
    let code = |envelope: Envelope, route| {
        envelope
            .check_signature(route, BODY)
            .map_err(|refusal| refusal.code)
    };
    assert_eq!(code(envelope, Route::Chat), Err(Code::BadSignature));
    let stolen = Envelope {
        signer: pair("//Charlie").account(),
        ..envelope
    };
    assert_eq!(code(stolen, Route::Completions), Err(Code::BadSignature));
}

fn any_terms() -> impl Strategy<Value = Terms> {
    (
        any::<[u8; 32]>(),
        any::<u16>(),
        any::<[u8; 16]>(),
        any::<u64>(),
    )
        .prop_map(|(audience, netuid, nonce, expires_ms)| Terms {
            audience: AccountId(audience),
            netuid: NetUid(netuid),
            nonce: Nonce(nonce),
            expires_ms,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_envelope_survives_the_wire(terms in any_terms(), body: Vec<u8>) {
        let envelope = Envelope::seal(&pair("//Alice"), terms, Route::Chat, &body);
        let read = from(&envelope.headers()).expect("as written");
        prop_assert_eq!(read, envelope);
        prop_assert!(read.check_signature(Route::Chat, &body).is_ok());
    }

    /// One flipped bit anywhere in what is meant, and the signature no longer fits.
    #[test]
    fn any_flipped_bit_is_refused(terms in any_terms(), body in prop::collection::vec(any::<u8>(), 1..64), at: prop::sample::Index, bit in 0..8u8) {
        let envelope = Envelope::seal(&pair("//Alice"), terms, Route::Chat, &body);
        let meant = 32 + 32 + 2 + 16 + 8 + 64;
        let at = at.index(meant + body.len());
        let flip = |bytes: &mut [u8], at: usize| bytes[at] ^= 1 << bit;

        let (mut bent, mut bent_body) = (envelope, body.clone());
        match at {
            0..32 => flip(&mut bent.signer.0, at),
            32..64 => flip(&mut bent.terms.audience.0, at - 32),
            64..66 => bent.terms.netuid.0 ^= 1 << (8 * (at - 64) + usize::from(bit)),
            66..82 => flip(&mut bent.terms.nonce.0, at - 66),
            82..90 => bent.terms.expires_ms ^= 1 << (8 * (at - 82) + usize::from(bit)),
            90..154 => flip(&mut bent.signature.0, at - 90),
            _ => flip(&mut bent_body, at - meant),
        }
        let refusal = bent.check_signature(Route::Chat, &bent_body).expect_err("bent");
        prop_assert_eq!(refusal.code, Code::BadSignature);
    }

    /// The name of a request is the name of exactly that request.
    #[test]
    fn requests_with_other_terms_have_other_names(one in any_terms(), other in any_terms()) {
        prop_assume!(one != other);
        let name = |terms| -> Digest {
            Envelope::seal(&pair("//Alice"), terms, Route::Chat, BODY).request_hash(Route::Chat, BODY)
        };
        prop_assert_ne!(name(one), name(other));
    }
}

proptest! {
    /// Foreign headers and bodies are refused, never a panic.
    #[test]
    fn foreign_bytes_are_refusals(values in prop::collection::vec(".{0,80}", 7), body: Vec<u8>) {
        let find = |wanted: &str| HEADERS.iter().position(|name| *name == wanted).map(|at| values[at].as_str());
        prop_assert!(Envelope::from_headers(find).is_err());
        prop_assert!(protocol::Ask::from_body(Route::Chat, &body).is_err());
    }
}
