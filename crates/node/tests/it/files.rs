//! The files of a network, and what a node says when they do not fit.

use node::{
    Config, Error,
    genesis::{Genesis, KeyFile, draw, write},
};
use rand::SeedableRng as _;
use rand_chacha::ChaCha20Rng;
use runtime::genesis::GenesisSpec;
use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt as _, path::Path};
use tempfile::TempDir;

fn network(seed: u64) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let spec = GenesisSpec::development(250);
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let (genesis, keys) = draw(&mut rng, spec, 4, 30_333).expect("four authorities");
    write(directory.path(), &genesis, &keys).expect("an empty directory");
    directory
}

/// A node that would run `key` in `directory`, on ports of the system's choice.
fn config(directory: &Path, key: Option<&Path>) -> Config {
    let anywhere = "127.0.0.1:0".parse().expect("an address");
    Config {
        base_path: directory.join("base"),
        genesis: directory.join("genesis.json"),
        key: key.map(Path::to_owned),
        rpc: anywhere,
        p2p: Some(anywhere),
        metrics: None,
        follow: vec![],
        archive: false,
    }
}

fn refusal(config: Config) -> String {
    let ended = node::run(config, std::future::ready(()));
    ended.expect_err("it must not start").to_string()
}

#[test]
fn a_network_survives_its_files() {
    let directory = network(1);
    let genesis = Genesis::read(&directory.path().join("genesis.json")).expect("as written");
    let committee = genesis.committee(ledger::Hash::zero()).expect("as drawn");
    for (index, authority) in genesis.authorities.iter().enumerate() {
        let path = directory.path().join(format!("{}.json", authority.name));
        assert_eq!(authority.name, format!("authority-{}", index + 1));
        let key = KeyFile::read(&path).expect("as written");
        assert_eq!(genesis.authority(&key).expect("named"), authority);
        assert!(committee.signer(key.share).is_ok());
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "a secret is its owner's");
    }
    assert_eq!(genesis.authorities[3].p2p, "127.0.0.1:30336");
}

#[test]
fn keys_are_never_overwritten() {
    let directory = network(1);
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let drawn = draw(&mut rng, GenesisSpec::development(250), 4, 30_333).expect("four");
    let again = write(directory.path(), &drawn.0, &drawn.1);
    assert!(matches!(again, Err(Error::File { .. })));
}

#[test]
fn a_key_of_another_network_is_refused() {
    let (ours, other) = (network(1), network(2));
    let key = other.path().join("authority-1.json");
    let said = refusal(config(ours.path(), Some(&key)));
    assert!(
        said.contains("is not an authority of this genesis"),
        "{said}"
    );
}

#[test]
fn a_busy_port_is_named_with_the_option_that_moves_it() {
    let directory = network(1);
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut config = config(
        directory.path(),
        Some(&directory.path().join("authority-1.json")),
    );
    config.rpc = taken.local_addr().expect("bound");
    let said = refusal(config);
    assert!(
        said.contains(&taken.local_addr().expect("bound").to_string()),
        "{said}"
    );
    assert!(said.contains("--rpc"), "{said}");
}

#[test]
fn a_directory_in_use_is_named() {
    let directory = network(1);
    let base = directory.path().join("base");
    fs::create_dir_all(&base).expect("an empty directory");
    let lock = fs::File::create(base.join("lock")).expect("a file");
    lock.lock().expect("nobody else has it");
    let key = directory.path().join("authority-1.json");
    let said = refusal(config(directory.path(), Some(&key)));
    assert!(said.contains("in use by another process"), "{said}");
}

#[test]
fn files_that_are_not_what_they_should_be_are_named() {
    let directory = network(1);
    let key = directory.path().join("authority-1.json");
    let said = refusal(config(
        directory.path(),
        Some(&directory.path().join("genesis.json")),
    ));
    assert!(said.contains("is not a key file"), "{said}");
    let mut wrong = config(directory.path(), Some(&key));
    wrong.genesis = key.clone();
    let said = refusal(wrong);
    assert!(said.contains("is not a genesis file"), "{said}");
    let mut absent = config(directory.path(), Some(&key));
    absent.genesis = directory.path().join("absent.json");
    let said = refusal(absent);
    assert!(said.contains("absent.json"), "{said}");
}

#[test]
fn a_node_with_nothing_to_do_says_so() {
    let directory = network(1);
    let said = refusal(config(directory.path(), None));
    assert!(said.contains("--follow"), "{said}");
}

/// The same directory under another genesis would mix two chains.
#[test]
fn a_directory_of_another_chain_is_refused() {
    let directory = network(1);
    let key = directory.path().join("authority-1.json");
    node::run(config(directory.path(), Some(&key)), std::future::ready(()))
        .expect("it starts and stops");
    let path = directory.path().join("genesis.json");
    let text = fs::read_to_string(&path).expect("readable");
    let text = text.replace("\"interval_ms\": 250", "\"interval_ms\": 500");
    fs::write(&path, text).expect("writable");
    let said = refusal(config(directory.path(), Some(&key)));
    assert!(said.contains("choose another directory"), "{said}");
}
