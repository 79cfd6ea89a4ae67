//! How long an epoch takes, on one thread.
//!
//! Each case is an epoch in steady state: bonds of a settled epoch before it, and weights that have
//! moved since. The time limit that the project holds itself to stands beside each name. Throughput
//! counts weights; as a yardstick, the nine multiplications that a weight and its bond need at the
//! least (eleven in Yuma 2) take about 4 ns at 2.6 GHz.

use std::collections::BTreeMap;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use economics::epoch::{Input, LiquidAlpha, Params, Yuma, settle};

/// A generator of test data: an LCG with an output mix, so that no figure depends on a library's
/// version.
struct Draws(u64);

impl Draws {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let mixed = (self.0 >> 33) ^ self.0;
        (mixed >> 16) % limit
    }

    fn weight(&mut self) -> u16 {
        1 + self.below(65_535) as u16
    }
}

struct Market {
    uids: u16,
    validators: u16,
    density_percent: u64,
}

impl Market {
    /// A subnet whose first uids validate, with the bonds of a settled epoch. Since then every
    /// weight has moved, and where not all pairs have one, one in ten is between another pair.
    fn in_steady_state(&self, params: &Params, seed: u64) -> Input {
        let mut draws = Draws(seed);
        let mut input = self.opinions(&mut draws);
        input.bonds = settle(params, &input).bonds;
        for row in &mut input.weights {
            let moved: BTreeMap<u16, u16> = row
                .iter()
                .map(|&(to, _)| self.moved(to, &mut draws))
                .collect();
            *row = moved.into_iter().collect();
        }
        input
    }

    fn moved(&self, to: u16, draws: &mut Draws) -> (u16, u16) {
        let changes = self.density_percent < 100 && draws.below(10) == 0;
        (
            if changes {
                draws.below(self.uids.into()) as u16
            } else {
                to
            },
            draws.weight(),
        )
    }

    fn opinions(&self, draws: &mut Draws) -> Input {
        let n = usize::from(self.uids);
        let is_validator = |uid: usize| uid < usize::from(self.validators);
        let mut weights = vec![Vec::new(); n];
        for row in weights.iter_mut().take(self.validators.into()) {
            for miner in 0..self.uids {
                if draws.below(100) < self.density_percent {
                    row.push((miner, draws.weight()));
                }
            }
        }
        let stake = |uid| {
            if is_validator(uid) {
                1_000_000_000 + draws.below(1 << 44)
            } else {
                0
            }
        };
        Input {
            block: 3_360,
            last_step_block: 3_000,
            emission: 1_000_000_000_000,
            stake: (0..n).map(stake).collect(),
            last_update: vec![3_350; n],
            registered_at: vec![1; n],
            validator_permit: (0..n).map(is_validator).collect(),
            commit_block: Vec::new(),
            weights,
            bonds: Vec::new(),
            past_consensus: None,
        }
    }
}

fn params(yuma: Yuma, validators: u16) -> Params {
    Params {
        yuma,
        validators_max: validators,
        ..Params::default()
    }
}

fn bench(criterion: &mut Criterion) {
    let three = Yuma::Three { liquid: None };
    let liquid = Some(LiquidAlpha {
        low: 45_875,
        high: 58_982,
        steepness: 1_000,
    });
    let large = Market {
        uids: 4_096,
        validators: 256,
        density_percent: 100,
    };
    let thin = Market {
        uids: 4_096,
        validators: 64,
        density_percent: 10,
    };
    let many = Market {
        uids: 256,
        validators: 64,
        density_percent: 50,
    };
    let cases = [
        ("4096x256 dense, yuma 3 (limit 25 ms)", &large, three, 1),
        ("4096x256 dense, yuma 2 (limit 25 ms)", &large, Yuma::Two, 1),
        (
            "4096x256 dense, yuma 3 liquid",
            &large,
            Yuma::Three { liquid },
            1,
        ),
        ("4096x64 at 0.1, yuma 3 (limit 1 ms)", &thin, three, 1),
        ("4096x64 at 0.1, yuma 2 (limit 1 ms)", &thin, Yuma::Two, 1),
        (
            "128 of 256x64 at 0.5, yuma 3 (limit 20 ms)",
            &many,
            three,
            128,
        ),
        (
            "128 of 256x64 at 0.5, yuma 2 (limit 20 ms)",
            &many,
            Yuma::Two,
            128,
        ),
    ];
    let mut group = criterion.benchmark_group("settle");
    group.sample_size(30);
    for (name, market, yuma, subnets) in cases {
        let params = params(yuma, market.validators);
        let inputs: Vec<Input> = (0..subnets)
            .map(|seed| market.in_steady_state(&params, seed + 1))
            .collect();
        let cells: usize = inputs
            .iter()
            .flat_map(|input| &input.weights)
            .map(Vec::len)
            .sum();
        group.throughput(Throughput::Elements(cells as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                inputs
                    .iter()
                    .for_each(|input| drop(black_box(settle(&params, input))))
            });
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
