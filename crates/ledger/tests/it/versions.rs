//! A chain that moves to another version of the runtime: what this program does not know, it neither builds nor executes.

use crate::fixture::{Chain, genesis, on_disk, signed};
use ledger::pool::Source;
use ledger::{Config, Error, Hash, Ledger, Limits};
use runtime::genesis::{GenesisSpec, build};
use runtime::{RuntimeCall, VERSION, versions};
use tempfile::TempDir;

const NEXT: u32 = VERSION.spec_version + 1;
const HEIGHT: u32 = 5;

/// Plans version [`NEXT`] for block [`HEIGHT`], and grows the chain up to the block before.
fn grow_to_the_end(chain: &Chain) {
    let plan = RuntimeCall::Versions(versions::Call::plan_upgrade {
        spec_version: NEXT,
        height: HEIGHT,
    });
    let sudo = RuntimeCall::Sudo(pallet_sudo::Call::sudo {
        call: Box::new(plan),
    });
    let bytes = signed(&chain.ledger, "Alice", sudo, 0, 0);
    chain.pool.submit(bytes, Source::Local).unwrap();
    while chain.ledger.finalized().number < HEIGHT - 1 {
        chain.ledger.ensure_known_version().unwrap();
        chain.advance();
    }
}

fn says_which_version_is_needed(error: &Error) {
    let said = error.to_string();
    let wanted = format!(
        "block {HEIGHT} needs version {NEXT} of the runtime, and this program has version {}",
        VERSION.spec_version
    );
    assert!(said.starts_with(&wanted), "{said}");
}

#[test]
fn a_ledger_stops_before_a_version_that_it_does_not_know() {
    let directory = TempDir::new().unwrap();
    let chain = Chain::over(on_disk(directory.path()));
    grow_to_the_end(&chain);
    let tip = chain.ledger.finalized();
    let refused = chain.ledger.build(
        tip.hash,
        u64::MAX / 2,
        vec![],
        vec![],
        Limits::default(),
        || true,
    );
    says_which_version_is_needed(&refused.unwrap_err());
    // A block from somebody who has the version is not judged by rules that do not count for it.
    let mut block = chain.ledger.block(&tip.hash).unwrap().unwrap();
    block.header.number = HEIGHT;
    block.header.parent_hash = tip.hash;
    says_which_version_is_needed(&chain.ledger.import(block).unwrap_err());
    drop(chain);
    // Every block up to it is there, and starting again says the same.
    let ledger = on_disk(directory.path());
    assert_eq!(ledger.finalized(), tip);
    says_which_version_is_needed(&ledger.ensure_known_version().unwrap_err());
}

/// A newer program makes another first state of the same description, and yet finds its chain.
#[test]
fn a_newer_program_finds_the_chain_by_its_description() {
    let directory = TempDir::new().unwrap();
    let described = |description: Option<u8>| Config {
        description: description.map(Hash::repeat_byte),
        ..Config::on_disk(directory.path())
    };
    let begun = Ledger::open(described(Some(1)), genesis())
        .unwrap()
        .genesis_hash();
    let other = || build(&GenesisSpec::development(1_000)).unwrap();
    let again = Ledger::open(described(Some(1)), other()).unwrap();
    assert_eq!(again.genesis_hash(), begun);
    drop(again);
    for description in [None, Some(2)] {
        let refused = Ledger::open(described(description), other());
        assert!(matches!(refused, Err(Error::WrongGenesis { .. })));
    }
}
