//! How fast blocks of transfers are built, imported and made final, and how fast the pool takes transactions in.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use ledger::pool::{self, Pool, Source};
use ledger::{Block, Config, Ledger, Limits};
use parity_scale_codec::Encode;
use runtime::genesis::{GenesisSpec, build, development_account, development_pair};
use runtime::{RuntimeCall, TAO};
use sp_core::storage::Storage;
use sp_runtime::MultiAddress;
use std::path::Path;

const TRANSFERS: u32 = 1_000;
const TIME_MS: u64 = 1_700_000_000_000;

fn genesis() -> Storage {
    // A long interval, so that one block has room for all transfers.
    build(&GenesisSpec::development(6_000)).expect("the development chain is valid")
}

fn memory() -> Ledger {
    Ledger::open(Config::in_memory(), genesis()).expect("memory opens")
}

fn disk(path: &Path) -> Ledger {
    Ledger::open(Config::on_disk(path), genesis()).expect("the directory opens")
}

/// Transfers of several senders, each in order.
fn transfers(ledger: &Ledger, senders: &[&str], count: u32) -> Vec<Vec<u8>> {
    let genesis = ledger.genesis_hash();
    let senders_count = u32::try_from(senders.len()).expect("a handful");
    (0..count)
        .map(|index| {
            let call = RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive {
                dest: MultiAddress::Id(development_account("Ferdie")),
                value: TAO / 1_000,
            });
            let pair = development_pair(senders[(index % senders_count) as usize]);
            runtime::extrinsic::sign(&pair, call, index / senders_count, genesis, 0).encode()
        })
        .collect()
}

fn filled_pool(ledger: &Ledger, transfers: &[Vec<u8>]) -> Pool {
    let pool = Pool::new(ledger.clone(), pool::Config::default());
    for bytes in transfers {
        pool.submit(bytes.clone(), Source::Local)
            .expect("a valid transfer");
    }
    pool
}

fn built(ledger: &Ledger, pool: &Pool) -> Block {
    let parent = ledger.genesis_hash();
    let built = ledger
        .build(
            parent,
            TIME_MS,
            vec![],
            pool.ready(),
            Limits::default(),
            || true,
        )
        .expect("the parent is known");
    assert_eq!(built.block.extrinsics.len(), TRANSFERS as usize + 1);
    built.block
}

fn blocks(criterion: &mut Criterion) {
    let senders = ["Alice", "Bob", "Charlie", "Dave", "Eve"];
    let source = memory();
    let signed = transfers(&source, &senders, TRANSFERS);
    let block = built(&source, &filled_pool(&source, &signed));
    let mut group = criterion.benchmark_group("block of 1000 transfers");
    group.sample_size(10);
    group.throughput(Throughput::Elements(TRANSFERS.into()));
    group.bench_function("build from the pool", |bencher| {
        let prepare = || {
            let ledger = memory();
            let pool = filled_pool(&ledger, &signed);
            (ledger, pool)
        };
        let run = |(ledger, pool): (Ledger, Pool)| {
            built(&ledger, &pool);
            (ledger, pool)
        };
        bencher.iter_batched(prepare, run, BatchSize::PerIteration);
    });
    group.bench_function("import, signatures unknown", |bencher| {
        let run = |ledger: Ledger| {
            ledger.import(block.clone()).expect("a valid block");
            ledger
        };
        bencher.iter_batched(memory, run, BatchSize::PerIteration);
    });
    group.bench_function("import, signatures known from the pool", |bencher| {
        let prepare = || {
            let ledger = memory();
            filled_pool(&ledger, &signed);
            ledger
        };
        let run = |ledger: Ledger| {
            ledger.import(block.clone()).expect("a valid block");
            ledger
        };
        bencher.iter_batched(prepare, run, BatchSize::PerIteration);
    });
    group.bench_function("finalize on disk", |bencher| {
        let prepare = || {
            let directory = tempfile::tempdir().expect("a scratch directory");
            let ledger = disk(directory.path());
            ledger.import(block.clone()).expect("a valid block");
            (ledger, directory)
        };
        let run = |(ledger, directory): (Ledger, tempfile::TempDir)| {
            ledger
                .finalize(block.header.hash(), vec![0; 131])
                .expect("a disk that works");
            (ledger, directory)
        };
        bencher.iter_batched(prepare, run, BatchSize::PerIteration);
    });
    group.finish();
}

/// An idle chain: what a block costs when nothing happens.
fn empty_blocks(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().expect("a scratch directory");
    let ledger = disk(directory.path());
    let mut time = TIME_MS;
    criterion.bench_function("empty block on disk, built and finalized", |bencher| {
        bencher.iter(|| {
            time += 6_000;
            let parent = ledger.finalized().hash;
            let built = ledger
                .build(parent, time, vec![], [], Limits::default(), || true)
                .expect("the parent is known");
            ledger
                .finalize(built.hash, vec![0; 131])
                .expect("a disk that works");
        });
    });
}

fn pool(criterion: &mut Criterion) {
    let source = memory();
    let mut signed = transfers(&source, &["Alice"], 3_000);
    signed.reverse();
    let mut group = criterion.benchmark_group("pool");
    group.sample_size(10);
    group.throughput(Throughput::Elements(3_000));
    group.bench_function("3000 transfers of one sender, backwards", |bencher| {
        let run = |ledger: Ledger| {
            let pool = filled_pool(&ledger, &signed);
            assert_eq!(pool.ready().len(), 3_000);
        };
        bencher.iter_batched(memory, run, BatchSize::PerIteration);
    });
    group.finish();
}

criterion_group!(benches, blocks, empty_blocks, pool);
criterion_main!(benches);
