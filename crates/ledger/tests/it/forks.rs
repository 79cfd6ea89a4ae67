//! Whatever branches grow, win and lose, a block's state is what executing its chain from genesis gives.

use crate::fixture::{
    Chain, INTERVAL_MS, START_MS, account, account_of, genesis, in_memory, transfer,
};
use ledger::pool::Source;
use ledger::{Config, Hash, Ledger, Limits, Retention};
use proptest::prelude::*;
use runtime::TAO;

const SENDERS: [&str; 3] = ["Alice", "Bob", "Charlie"];

#[derive(Clone, Debug)]
enum Step {
    /// Builds a block with one transfer on one of the blocks so far.
    Grow { parent: usize, sender: usize },
    /// Makes one of the blocks so far final, if it still can be.
    Finalize { block: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let grow = (any::<usize>(), 0..SENDERS.len())
        .prop_map(|(parent, sender)| Step::Grow { parent, sender });
    let finalize = any::<usize>().prop_map(|block| Step::Finalize { block });
    proptest::collection::vec(prop_oneof![4 => grow, 1 => finalize], 1..24)
}

/// Grows a block on `parent`, if that is still possible.
fn grow(chain: &Chain, parent: Hash, sender: &str) -> Option<Hash> {
    let ledger = &chain.ledger;
    let number = ledger.number_of(&parent).unwrap()? + 1;
    if number <= ledger.finalized().number {
        return None;
    }
    ledger.set_best(parent).unwrap();
    chain.pool.maintain().unwrap();
    let (nonce, _) = account(ledger, parent, &account_of(sender));
    let bytes = transfer(ledger, sender, "Dave", TAO, nonce, 0);
    // The pool may hold one of this nonce already, from a branch that was left; then that one goes in.
    let _ = chain.pool.submit(bytes, Source::Local);
    let time = START_MS + u64::from(number) * INTERVAL_MS;
    let built = ledger
        .build(
            parent,
            time,
            vec![],
            chain.pool.ready(),
            Limits::default(),
            || true,
        )
        .unwrap();
    assert!(built.block.extrinsics.len() > 1, "the pool offered nothing");
    Some(built.hash)
}

/// The blocks from genesis (excluded) to `hash`, oldest first.
fn path(ledger: &Ledger, hash: Hash) -> Vec<ledger::Block> {
    let mut path = Vec::new();
    let mut cursor = hash;
    while cursor != ledger.genesis_hash() {
        let block = ledger.block(&cursor).unwrap().unwrap();
        cursor = block.header.parent_hash;
        path.push(block);
    }
    path.reverse();
    path
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..Default::default() })]

    #[test]
    fn a_state_is_what_its_chain_gives(steps in steps()) {
        let config = Config { retention: Retention::Last(16), ..Config::in_memory() };
        let chain = Chain::over(Ledger::open(config, genesis()).unwrap());
        let mut blocks = vec![chain.ledger.genesis_hash()];
        for step in steps {
            match step {
                Step::Grow { parent, sender } => {
                    let parent = blocks[parent % blocks.len()];
                    blocks.extend(grow(&chain, parent, SENDERS[sender]));
                }
                Step::Finalize { block } => {
                    let block = blocks[block % blocks.len()];
                    if chain.ledger.contains(&block).unwrap() {
                        chain.ledger.finalize(block, vec![]).unwrap();
                        chain.pool.maintain().unwrap();
                    }
                }
            }
        }
        let replay = in_memory();
        for hash in blocks {
            if !chain.ledger.contains(&hash).unwrap() {
                continue;
            }
            for block in path(&chain.ledger, hash) {
                replay.import(block).unwrap();
            }
            let everything = |ledger: &Ledger| ledger.state(hash).unwrap().pairs(&[], 100_000).unwrap();
            prop_assert_eq!(everything(&chain.ledger), everything(&replay));
        }
    }
}
