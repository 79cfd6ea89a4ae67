//! How far apart honest searches end, how much a longer one gains, and what a copier gains by a disguise: the experiment behind the
//! bounds of `folding::same` and the steepness of a fold's worth.
//!
//! `cargo run --release -p folding --example likeness -- 1500 6 1` lets six seeds search each chain with 1,500 evaluations and six with
//! half of them, from chain 1 on, and prints, one line each, apart by blanks:
//!
//! | line | what follows |
//! |---|---|
//! | `chain` | sequence, residues, the energy of a judge's short search |
//! | `full`, `half` | seed, energy |
//! | `pair` | two seeds of `full`, distance of backbones, of all atoms but hydrogens, newness |
//! | `copy` | degrees and side chains of the disguise, energy above the source, the two distances, newness |
//!
//! With a fourth argument, only so many chains are taken.

use std::ops::ControlFlow;

use amber::{Solvent, System};
use folding::anatomy::Anatomy;
use folding::same::{backbone_distance, fold_distance};
use folding::search::{minimised, shaken};
use folding::{Budget, build, newness, search};
use molecule::{Molecule, Point};
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;

/// Chains that like to be helices, hairpins, known small proteins, and some that nobody ever saw.
const CHAINS: [&str; 20] = [
    "AAAAKAAAAKAAAAK",
    "EAAAKEAAAKEAAAKA",
    "LKKLLKLLKKLLKL",
    "AEAAAKEAAAKA",
    "GYDPETGTWG",
    "GEWTYDDATKTFTVTE",
    "NLYIQWLKDGGPSSGRPPPS",
    "CYIQNCPLG",
    "LSVAGE",
    "VKDPALG",
    "TLQRGASI",
    "SFNLEKRVDG",
    "AVPTGLEKIHSD",
    "MKTLVNAGERSPYL",
    "DSLGRAVTIEQKFPHN",
    "QLAEVGTSKPIRDWLNYA",
    "GIVEQCCTSICSLYQLENYCN",
    "RTLDASGVPEKILNQFHAYMSGTV",
    "KLEADIRNTGSVPQFLAHYEMKGSVLIT",
    "MLSDEDFKAVFGMTRSAFANLPLWKQQNLKKEKGLF",
];
/// What a copier tries, as the cheat of the localnet does: degrees and side chains.
const DISGUISES: [(f64, usize); 7] = [
    (0.0, 1),
    (0.0, 3),
    (2.0, 0),
    (5.0, 1),
    (10.0, 0),
    (3.0, 3),
    (15.0, 2),
];
const TRIES: usize = 4;
/// The evaluations that relax a disguise.
const RELAXING: u64 = 100;
/// The judge's own search, as for a time of three seconds.
const JUDGES: u64 = 60;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<u64> = std::env::args()
        .skip(1)
        .map(|argument| argument.parse())
        .collect::<Result<_, _>>()?;
    let argument = |k: usize, otherwise| arguments.get(k).copied().unwrap_or(otherwise);
    let (evaluations, seeds, first) = (argument(0, 1_500), argument(1, 6), argument(2, 1));
    let chains = CHAINS.iter().skip(first.saturating_sub(1) as usize);
    for chain in chains.take(argument(3, CHAINS.len() as u64) as usize) {
        examine(chain, evaluations, seeds)?;
    }
    Ok(())
}

fn examine(chain: &str, evaluations: u64, seeds: u64) -> Result<(), Box<dyn std::error::Error>> {
    let molecule = build(&chain.parse()?);
    let system = System::new(&molecule, Solvent::Obc2)?;
    let go_on = |_: folding::Progress<'_>| ControlFlow::Continue(());
    let searched = |evaluations, seed| {
        let budget = Budget::Evaluations(evaluations);
        search(&system, &molecule, budget, seed, go_on)
    };
    let shortness = (16.0 / chain.len() as f64).min(1.0).powi(2);
    let judges = searched((JUDGES as f64 * shortness) as u64, 0).energy;
    println!("chain {chain} {} {judges:.3}", chain.len());
    let with = |positions: Vec<Point>| Molecule {
        positions,
        ..molecule.clone()
    };
    let mut full: Vec<(u64, f64, Molecule)> = Vec::new();
    for seed in 1..=seeds {
        let found = searched(evaluations, seed);
        println!("full {seed} {:.3}", found.energy);
        full.push((seed, found.energy, with(found.positions)));
        let half = searched(evaluations / 2, 1_000 + seed);
        println!("half {seed} {:.3}", half.energy);
    }
    let told = |a: &Molecule, b: &Molecule| {
        let distance = |distance: Option<f64>| distance.unwrap_or(f64::NAN);
        format!(
            "{:.4} {:.4} {:.3}",
            distance(backbone_distance(a, b)),
            distance(fold_distance(a, b)),
            newness(a, b)
        )
    };
    for (place, (seed, _, one)) in full.iter().enumerate() {
        for (other_seed, _, other) in &full[place + 1..] {
            println!("pair {seed} {other_seed} {}", told(one, other));
        }
    }
    let anatomy = Anatomy::new(&molecule.sequence());
    let mut rng = ChaCha12Rng::seed_from_u64(7);
    for (_, energy, source) in full.iter().take(2) {
        for (degrees, side_chains) in DISGUISES {
            for _ in 0..TRIES {
                let at = shaken(&anatomy, &source.positions, degrees, side_chains, &mut rng);
                let (at, disguised) = minimised(&system, &at, RELAXING);
                let lost = disguised - energy;
                let told = told(source, &with(at));
                println!("copy {degrees} {side_chains} {lost:.3} {told}");
            }
        }
    }
    Ok(())
}
