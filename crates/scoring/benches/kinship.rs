//! What it costs to compare everybody's answers in a full subnet.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use scoring::{Judgement, Kinship, Observation, Record, Speed, WINDOW};

const SEATS: u64 = 256;
const GROUP: u64 = 4;

/// Full records of so many seats, asked in ever other groups; every eighth echoes the seat before it.
fn records() -> Vec<Record> {
    let mut records = vec![Record::default(); SEATS as usize];
    let mut challenge = 0;
    for round in 0..WINDOW as u64 {
        let stride = 2 * round + 1;
        for group in 0..SEATS / GROUP {
            challenge += 1;
            for member in 0..GROUP {
                let seat = (group * GROUP + member) * stride % SEATS;
                let mut judgement = Judgement::of(0.9, "");
                judgement.speed = Some(Speed {
                    per_second: 20.0,
                    first_ms: 50.0 + seat as f64,
                });
                let program = if seat % 8 == 7 { seat - 1 } else { seat };
                judgement.mark = Some(challenge * SEATS + program);
                judgement.figures = vec![0.1; 16];
                records[seat as usize].learn(Observation::new(challenge, round + seat, &judgement));
            }
        }
    }
    records
}

fn compare(criterion: &mut Criterion) {
    let mut records = records();
    criterion.bench_function("compare 256 records of 256 answers", |bencher| {
        bencher.iter(|| Kinship::of(black_box(&records)).originalities());
    });
    criterion.bench_function("quality of a record of 256 answers", |bencher| {
        bencher.iter(|| scoring::averaged(black_box(records[0].window())));
    });
}

criterion_group!(benches, compare);
criterion_main!(benches);
