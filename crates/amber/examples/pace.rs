//! How long an energy with its gradient takes: `pace FILE.pdb THREADS SECONDS` prints the median in milliseconds, how many
//! evaluations it is of, and the energy in kcal/mol. `cargo xtask bench-fold` sets it beside OpenMM's.

use amber::{Solvent, System};
use molecule::pdb;
use std::error::Error;
use std::time::{Duration, Instant};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, threads, seconds] = arguments.as_slice() else {
        return Err("usage: pace FILE.pdb THREADS SECONDS".into());
    };
    let molecule = pdb::read(&std::fs::read_to_string(file)?)?;
    let system = System::new(&molecule, Solvent::Obc2)?.with_threads(threads.parse()?);
    let mut gradient = vec![[0.; 3]; molecule.atoms.len()];
    let mut energy = system.gradient(&molecule.positions, &mut gradient);
    let duration = Duration::from_secs_f64(seconds.parse()?);
    let start = Instant::now();
    let mut times = Vec::new();
    while start.elapsed() < duration {
        let begun = Instant::now();
        energy = system.gradient(&molecule.positions, &mut gradient);
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    let median = times.get(times.len() / 2).ok_or("no time for one")?;
    println!("{median} {} {}", times.len(), energy.total());
    Ok(())
}
