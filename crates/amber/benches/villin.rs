//! How long one energy with its gradient takes for villin's headpiece, 596 atoms, in water.

use amber::{Solvent, System};
use criterion::{Criterion, criterion_group, criterion_main};
use molecule::pdb;

fn villin(criterion: &mut Criterion) {
    let text = include_str!("../tests/structures/villin_1vii_0.pdb");
    let molecule = pdb::read(text).expect("the tests read this file");
    let mut gradient = vec![[0.; 3]; molecule.atoms.len()];
    for threads in [1, 2] {
        let system = System::new(&molecule, Solvent::Obc2).expect("the tests evaluate this file");
        let system = system.with_threads(threads);
        criterion.bench_function(&format!("villin on {threads}"), |bencher| {
            bencher.iter(|| system.gradient(&molecule.positions, &mut gradient).total());
        });
    }
}

criterion_group!(benches, villin);
criterion_main!(benches);
