//! `kill -9` at any moment: no final block is lost, and blocks, states and certificates agree.
//!
//! A child process builds and finalizes blocks as fast as it can and says so after each; the parent kills it in the
//! middle, opens what is left, and goes on from there.

use crate::fixture::{INTERVAL_MS, START_MS, account, account_of, genesis, in_memory, transfer};
use ledger::pool::{self, Pool, Source};
use ledger::{Config, Hash, Ledger, Limits, Retention};
use runtime::TAO;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

const DIRECTORY: &str = "STOA_LEDGER_CRASH_DIRECTORY";
const RETAINED: u32 = 16;

fn open(path: &Path) -> Ledger {
    let config = Config {
        retention: Retention::Last(RETAINED),
        ..Config::on_disk(path)
    };
    Ledger::open(config, genesis()).expect("a crash leaves a directory that opens")
}

/// Finalizes one more block with a transfer in it.
fn extend(ledger: &Ledger, pool: &Pool) -> (u32, Hash) {
    let parent = ledger.finalized();
    let (nonce, _) = account(ledger, parent.hash, &account_of("Alice"));
    let bytes = transfer(ledger, "Alice", "Bob", TAO, nonce, 0);
    pool.submit(bytes, Source::Local).unwrap();
    let number = parent.number + 1;
    let time = START_MS + u64::from(number) * INTERVAL_MS;
    let built = ledger
        .build(
            parent.hash,
            time,
            vec![],
            pool.ready(),
            Limits::default(),
            || true,
        )
        .unwrap();
    let certificate = number.to_be_bytes().to_vec();
    ledger.finalize(built.hash, certificate).unwrap();
    pool.maintain().unwrap();
    (number, built.hash)
}

/// Does nothing unless the test below started it as a child.
#[test]
fn child_that_writes_until_it_is_killed() {
    let Ok(directory) = std::env::var(DIRECTORY) else {
        return;
    };
    let ledger = open(Path::new(&directory));
    let pool = Pool::new(ledger.clone(), pool::Config::default());
    loop {
        let (number, hash) = extend(&ledger, &pool);
        println!("final {number} {hash:?}");
    }
}

/// Runs the child until it has reported `blocks` blocks, kills it, and returns the last report.
fn write_and_kill(directory: &Path, blocks: usize) -> (u32, String) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "crash::child_that_writes_until_it_is_killed",
            "--nocapture",
        ])
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut reports = lines.map_while(Result::ok).filter_map(|line| {
        let report = line.split("final ").nth(1)?.to_owned();
        let (number, hash) = report.split_once(' ')?;
        Some((number.parse::<u32>().ok()?, hash.to_owned()))
    });
    let last = reports
        .by_ref()
        .take(blocks)
        .last()
        .expect("the child reports");
    child.kill().unwrap();
    // It went on while the last report was read: what it said since counts as well.
    let last = reports.last().unwrap_or(last);
    child.wait().unwrap();
    last
}

#[test]
fn killing_the_process_loses_no_final_block() {
    let directory = tempfile::tempdir().unwrap();
    let mirror = in_memory();
    for round in 0..6 {
        let (number, hash) = write_and_kill(directory.path(), 3 + 7 * round % 17);
        let ledger = open(directory.path());
        let tip = ledger.finalized();
        assert!(
            tip.number >= number,
            "round {round}: {number} was final, {} is left",
            tip.number
        );
        assert_eq!(
            format!("{:?}", ledger.hash_of(number).unwrap().unwrap()),
            hash
        );
        replay(&ledger, &mirror);
        check_states(&ledger, &mirror);
        let pool = Pool::new(ledger.clone(), pool::Config::default());
        extend(&ledger, &pool);
    }
    assert!(
        mirror.finalized().number > 2 * RETAINED,
        "too few blocks to prune any"
    );
}

/// Every block is there with its certificate, and executing it anew gives its state root.
fn replay(ledger: &Ledger, mirror: &Ledger) {
    for number in mirror.finalized().number + 1..=ledger.finalized().number {
        let hash = ledger.hash_of(number).unwrap().unwrap();
        let block = ledger.block(&hash).unwrap().unwrap();
        let certificate = ledger.certificate(number).unwrap();
        assert_eq!(certificate, Some(number.to_be_bytes().to_vec()));
        mirror.import(block).unwrap();
        mirror.finalize(hash, vec![]).unwrap();
    }
}

/// Every retained state is whole, down to the last key.
fn check_states(ledger: &Ledger, mirror: &Ledger) {
    let tip = ledger.finalized().number;
    for number in [tip.saturating_sub(RETAINED - 1), tip.saturating_sub(3), tip] {
        let hash = ledger.hash_of(number).unwrap().unwrap();
        let pairs = |ledger: &Ledger| ledger.state(hash).unwrap().pairs(&[], 100_000).unwrap();
        assert_eq!(pairs(ledger), pairs(mirror));
    }
}
