//! Keys of a network, as its files hold them.

use consensus::{
    Committee, KeyError, draw, hexadecimal, peer_secret, polynomial, public_key, share,
};
use rand::SeedableRng as _;
use rand_chacha::ChaCha20Rng;

fn drawn(seed: u64, count: u32) -> (Vec<consensus::AuthorityKey>, String) {
    let (keys, polynomial) = draw(&mut ChaCha20Rng::seed_from_u64(seed), count).expect("a count");
    (keys, hexadecimal(&polynomial))
}

fn committee(seed: u64, count: u32) -> Committee {
    let (keys, group) = drawn(seed, count);
    let names = keys.iter().map(|key| key.public()).collect();
    let group = polynomial(&group).expect("as written");
    Committee::new(names, group, b"test".to_vec()).expect("as drawn")
}

#[test]
fn keys_survive_their_file() {
    for key in drawn(1, 4).0 {
        let peer = peer_secret(&hexadecimal(&key.peer)).expect("as written");
        assert_eq!(hexadecimal(&peer), hexadecimal(&key.peer));
        assert_eq!(share(&hexadecimal(&key.share)), Ok(key.share.clone()));
        assert_eq!(public_key(&hexadecimal(&key.public())), Ok(key.public()));
    }
}

#[test]
fn the_share_of_another_network_does_not_sign_here() {
    let ours = committee(1, 4);
    for key in drawn(1, 4).0 {
        assert!(ours.signer(key.share).is_ok());
    }
    for key in drawn(2, 4).0 {
        assert_eq!(ours.signer(key.share).err(), Some(KeyError::ForeignShare));
    }
    let (of_seven, _) = drawn(1, 7);
    assert_eq!(
        ours.signer(of_seven[6].share.clone()).err(),
        Some(KeyError::ForeignShare)
    );
}

#[test]
fn damaged_keys_are_named() {
    assert_eq!(
        public_key("zz").err(),
        Some(KeyError::Malformed("a key", "hexadecimal string"))
    );
    assert_eq!(
        public_key("00").err(),
        Some(KeyError::Malformed("public_key", "ed25519 key"))
    );
    assert_eq!(
        share("00").err(),
        Some(KeyError::Malformed("share", "group share"))
    );
    assert_eq!(
        polynomial("00").err(),
        Some(KeyError::Malformed("group_polynomial", "polynomial"))
    );
    assert_eq!(
        peer_secret("00").err(),
        Some(KeyError::Malformed("peer_secret", "ed25519 secret"))
    );
}

#[test]
fn a_committee_has_the_members_it_was_dealt_to() {
    let (keys, group) = drawn(3, 4);
    let group = polynomial(&group).expect("as written");
    let names: Vec<_> = keys.iter().map(|key| key.public()).collect();
    let of = |names: Vec<_>| Committee::new(names, group.clone(), vec![]).err();
    assert_eq!(of(names.clone()), None);
    assert_eq!(of(vec![]), Some(KeyError::Authorities));
    assert_eq!(of(vec![names[0].clone(); 4]), Some(KeyError::Authorities));
    let three = names[..3].to_vec();
    assert_eq!(of(three), Some(KeyError::Polynomial { dealt: 4, named: 3 }));
    assert_eq!(
        draw(&mut ChaCha20Rng::seed_from_u64(0), 0).err(),
        Some(KeyError::Authorities)
    );
}

/// A third less one may fail.
#[test]
fn it_takes_more_than_two_thirds_to_agree() {
    let quorums = [1, 2, 3, 4, 5, 7, 10].map(|count| committee(1, count).quorum());
    assert_eq!(quorums, [1, 2, 3, 3, 4, 5, 7]);
}
