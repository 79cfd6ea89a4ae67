//! Folds a chain on one core and says what it found: energy, torsions, secondary structure by DSSP's rules.
//!
//! `cargo run --release -p folding --example fold -- GYDPETGTWG 60 1` searches for 60 seconds from seed 1. With a fourth
//! argument, a folder, it writes the structure and the plots there.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use amber::{Solvent, System};
use folding::{Budget, baseline, build, check, search};
use molecule::{Sequence, dssp, mmcif, plot};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument =
        |k: usize, otherwise: &str| arguments.get(k).cloned().unwrap_or(otherwise.to_owned());
    let sequence: Sequence = argument(0, "GYDPETGTWG").parse()?;
    let seconds: f64 = argument(1, "60").parse()?;
    let seed: u64 = argument(2, "1").parse()?;

    let mut molecule = build(&sequence);
    let system = System::new(&molecule, Solvent::Obc2)?;
    let began = Instant::now();
    let own = baseline(&sequence, seed)?;
    println!("baseline {own:.3} kcal/mol in {:.2?}", began.elapsed());

    let began = Instant::now();
    let clock = || began.elapsed();
    let budget = Budget::Time {
        duration: Duration::from_secs_f64(seconds),
        effort: 1.0,
        clock: &clock,
    };
    let found = search(&system, &molecule, budget, seed, |_| {
        ControlFlow::Continue(())
    });
    molecule.positions = found.positions;
    let rate = found.evaluations as f64 / seconds;
    println!(
        "found    {:.3} kcal/mol in {seconds} s: {} evaluations, {rate:.0}/s",
        found.energy, found.evaluations
    );
    let began = Instant::now();
    check(&sequence, &molecule, found.energy)?;
    println!("checked in {:.2?}", began.elapsed());
    println!("{sequence}");
    println!(
        "{}",
        dssp::assign(&molecule).into_iter().collect::<String>()
    );
    for (s, energy) in found
        .history
        .iter()
        .step_by(found.history.len().div_ceil(12).max(1))
    {
        println!("{s:8.1} s {energy:10.3}");
    }
    if let Some(folder) = arguments.get(3).map(Path::new) {
        std::fs::create_dir_all(folder)?;
        std::fs::write(
            folder.join("fold.cif"),
            mmcif::write(&molecule, &sequence.to_string()),
        )?;
        std::fs::write(
            folder.join("ramachandran.svg"),
            plot::ramachandran(&molecule),
        )?;
        std::fs::write(
            folder.join("energy.svg"),
            plot::energy_over_time(&found.history),
        )?;
    }
    Ok(())
}
