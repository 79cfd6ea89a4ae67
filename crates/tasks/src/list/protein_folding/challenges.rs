//! What a validator asks to see folded, and for how long: chains drawn afresh, or those of a private folder of known structures.
//!
//! # The rule
//!
//! A miner that can tell a probe from an order works for probes alone. So there is no chain and no time of which it could say that
//! only the one or only the other has it:
//!
//! 1. A drawn chain has from 5 to 60 residues, as an order may: most often about [`LENGTH`], a quarter of them above 20, one in
//!    twenty above 32, few above 50. Short ones are commoner, for people try what is soon done, and judging costs the square of the
//!    length. Residues are as frequent as in nature, cysteine too: it stands as it is, with its hydrogen, and forms no bridge.
//! 2. The time is the default in half of the cases, as whoever says nothing is given that; otherwise most often one of the round numbers
//!    that people think of ([`ROUND_S`]), or any whole number of seconds.
//! 3. Nobody knows yet what customers ask. These proportions are a guess at it; a validator in doubt should make them its own
//!    customers'.
//!
//! An operator may bound the time (`--probe-budget-s`), where verdicts are wanted soon and nobody is to be deceived: on a development
//! network. Times above the bound are drawn again below it. On a network with customers that tells probes from orders, so it is to be left away.
//!
//! A folder's chains are known to have a structure, by which the answers are compared, and to be few.

use std::fs;
use std::path::Path;
use std::time::Duration;

use molecule::{AminoAcid, Molecule, Sequence, mmcif, pdb};
use rand::RngExt;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha20Rng;

use super::{BUDGET_DEFAULT_S, BUDGET_S, RESIDUES};
use crate::SetupError;

/// So many residues a drawn chain has in the middle: half have fewer.
const LENGTH: f64 = 14.0;
/// How far lengths scatter about that: the standard deviation of their logarithms.
const SCATTER: f64 = 0.5;
/// Of probes so many give the default time …
const DEFAULT: f64 = 0.5;
/// … and of the others so many a round number of seconds, of these, by their weights.
const ROUND: f64 = 0.7;
const ROUND_S: [(u64, u32); 12] = [
    (5, 2),
    (10, 5),
    (15, 2),
    (20, 3),
    (30, 6),
    (45, 1),
    (90, 2),
    (120, 4),
    (180, 1),
    (240, 1),
    (300, 2),
    (600, 1),
];
/// The least that an operator's bound can be, in seconds.
const BOUND_LEAST_S: u64 = 2;
/// The most files of a folder.
const FILES_MAX: usize = 1_000;
/// The largest file of a folder, in bytes.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Of drawn chains so many are capped: as seldom as customers want it.
const CAPPED: f64 = 0.1;

/// How often each amino acid stands in proteins, in thousandths.
const FREQUENCIES: [(AminoAcid, u32); 20] = [
    (AminoAcid::Ala, 83),
    (AminoAcid::Arg, 55),
    (AminoAcid::Asn, 41),
    (AminoAcid::Asp, 55),
    (AminoAcid::Cys, 14),
    (AminoAcid::Gln, 39),
    (AminoAcid::Glu, 67),
    (AminoAcid::Gly, 71),
    (AminoAcid::His, 23),
    (AminoAcid::Ile, 59),
    (AminoAcid::Leu, 97),
    (AminoAcid::Lys, 58),
    (AminoAcid::Met, 24),
    (AminoAcid::Phe, 39),
    (AminoAcid::Pro, 47),
    (AminoAcid::Ser, 66),
    (AminoAcid::Thr, 54),
    (AminoAcid::Trp, 11),
    (AminoAcid::Tyr, 29),
    (AminoAcid::Val, 69),
];

/// Where chains and times come from.
pub(super) struct Challenges {
    chains: Chains,
    /// The most seconds that are given.
    most_s: u64,
}

/// A source of chains.
enum Chains {
    /// Drawn ones.
    Drawn,
    /// Those of a folder, each with its structure.
    Folder(Vec<Molecule>),
}

impl Challenges {
    /// Opens a folder of `.pdb` and `.cif` files, or the urn; gives no more time than `bound`.
    pub fn open(folder: Option<&Path>, bound: Option<Duration>) -> Result<Self, SetupError> {
        let longest_s = *BUDGET_S.end() as u64;
        let most_s = bound.map_or(longest_s, |bound| {
            bound.as_secs().clamp(BOUND_LEAST_S, longest_s)
        });
        let chains = match folder {
            None => Chains::Drawn,
            Some(folder) => Chains::Folder(natives(folder)?),
        };
        Ok(Self { chains, most_s })
    }

    /// A chain, and its structure where that is known.
    pub fn draw(&self, rng: &mut ChaCha20Rng) -> (Sequence, Option<Molecule>) {
        match &self.chains {
            Chains::Drawn => (drawn(rng), None),
            Chains::Folder(natives) => {
                let native = natives.choose(rng).expect("an empty folder is not opened");
                (native.sequence(), Some(native.clone()))
            }
        }
    }

    /// The seconds to search for.
    pub fn budget_s(&self, rng: &mut ChaCha20Rng) -> u64 {
        let drawn = match () {
            () if rng.random_bool(DEFAULT) => BUDGET_DEFAULT_S as u64,
            () if rng.random_bool(ROUND) => weighted(&ROUND_S, rng),
            () => any_s(*BUDGET_S.end() as u64, rng),
        };
        match drawn <= self.most_s {
            true => drawn,
            false => any_s(self.most_s, rng),
        }
    }
}

/// A whole number of seconds up to so many, short ones as often as long ones of twice the length.
fn any_s(most: u64, rng: &mut ChaCha20Rng) -> u64 {
    let (low, high) = ((BOUND_LEAST_S as f64).ln(), (most as f64 + 1.0).ln());
    let drawn = (low + rng.random::<f64>() * (high - low)).exp();
    (drawn as u64).clamp(BOUND_LEAST_S, most)
}

/// One of these, as often as its weight says.
fn weighted<T: Copy>(choices: &[(T, u32)], rng: &mut ChaCha20Rng) -> T {
    let chosen = choices.choose_weighted(rng, |(_, weight)| *weight);
    chosen.expect("the weights are constants above zero").0
}

/// The structures of a folder.
fn natives(folder: &Path) -> Result<Vec<Molecule>, SetupError> {
    let unusable = |what: String| SetupError::Unusable(format!("{}: {what}", folder.display()));
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| unusable(error.to_string()))? {
        let path = entry.map_err(|error| unusable(error.to_string()))?.path();
        if is_structure(&path) {
            paths.push(path);
        }
        if FILES_MAX < paths.len() {
            return Err(unusable(format!("holds more than {FILES_MAX} structures")));
        }
    }
    if paths.is_empty() {
        return Err(unusable("holds no .pdb or .cif files".into()));
    }
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

/// A chain of residues in nature's proportions.
fn drawn(rng: &mut ChaCha20Rng) -> Sequence {
    let length = length(rng);
    Sequence {
        residues: (0..length).map(|_| weighted(&FREQUENCIES, rng)).collect(),
        is_capped: rng.random_bool(CAPPED),
    }
}

/// How many residues: log-normal, and drawn again outside of what may be asked.
fn length(rng: &mut ChaCha20Rng) -> usize {
    loop {
        // The sum of twelve uniform draws is near enough to a normal one, and its tails end: one draw in twenty is repeated at most.
        let normal = (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
        let length = (LENGTH * (SCATTER * normal).exp()).round() as usize;
        if RESIDUES.contains(&length) {
            return length;
        }
    }
}

fn is_structure(path: &Path) -> bool {
    let kind = path.extension().and_then(|extension| extension.to_str());
    matches!(kind, Some("pdb" | "cif"))
}

fn read(path: &Path) -> Result<Molecule, SetupError> {
    let unusable = |what: String| SetupError::Unusable(format!("{}: {what}", path.display()));
    let bytes = fs::metadata(path)
        .map_err(|error| unusable(error.to_string()))?
        .len();
    if FILE_BYTES_MAX < bytes {
        return Err(unusable(format!("is larger than {FILE_BYTES_MAX} bytes")));
    }
    let text = fs::read_to_string(path).map_err(|error| unusable(error.to_string()))?;
    let is_pdb = path.extension().is_some_and(|extension| extension == "pdb");
    let read = if is_pdb {
        pdb::read(&text)
    } else {
        mmcif::read(&text)
    };
    let native = read.map_err(|error| unusable(error.to_string()))?;
    let residues = native.sequence().len();
    if !RESIDUES.contains(&residues) {
        return Err(unusable(format!(
            "has {residues} residues; chains of {} to {} can be asked about",
            RESIDUES.start(),
            RESIDUES.end()
        )));
    }
    Ok(native)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use std::collections::{BTreeMap, BTreeSet};

    fn open(bound: Option<Duration>) -> Challenges {
        Challenges::open(None, bound).expect("the urn needs nothing")
    }

    #[test]
    fn drawn_chains_are_as_long_as_orders_and_made_of_what_nature_is() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let (mut counts, mut lengths) = (BTreeMap::new(), Vec::new());
        for _ in 0..2_000 {
            let (sequence, native) = open(None).draw(&mut rng);
            assert!(native.is_none());
            lengths.push(sequence.len());
            for residue in sequence.residues {
                *counts.entry(residue).or_insert(0u32) += 1;
            }
        }
        lengths.sort_unstable();
        let of_all = |part: f64| lengths[(part * 2_000.0) as usize];
        assert!(lengths[0] == 5 && 50 < lengths[1_999], "{lengths:?}");
        assert!((13..=15).contains(&of_all(0.5)) && (18..=22).contains(&of_all(0.75)));
        assert!((28..=36).contains(&of_all(0.95)), "{}", of_all(0.95));
        assert_eq!(counts.len(), 20);
        let count = |residue| counts[&residue];
        let (leucine, tryptophan) = (count(AminoAcid::Leu), count(AminoAcid::Trp));
        assert!(5 * tryptophan < leucine && 20 < tryptophan, "{counts:?}");
        let all: u32 = counts.values().sum();
        assert!((0.01..0.02).contains(&(f64::from(count(AminoAcid::Cys)) / f64::from(all))));
    }

    #[test]
    fn probes_give_what_people_give() {
        let (challenges, mut rng) = (open(None), ChaCha20Rng::seed_from_u64(2));
        let times: Vec<u64> = (0..4_000).map(|_| challenges.budget_s(&mut rng)).collect();
        let share = |holds: fn(u64) -> bool| {
            times.iter().filter(|time| holds(**time)).count() as f64 / 4_000.0
        };
        assert!((0.47..0.55).contains(&share(|time| time == 60)));
        assert!((0.27..0.36).contains(&share(|time| time < 60)));
        assert!((0.15..0.3).contains(&share(|time| 60 < time)));
        assert!(0.004 < share(|time| 300 < time), "some are very long");
        assert!(times.iter().all(|time| (2..=600).contains(time)));
        let kinds: BTreeSet<&u64> = times.iter().collect();
        assert!(100 < kinds.len(), "{}", kinds.len());
        let mean = times.iter().sum::<u64>() as f64 / 4_000.0;
        assert!((55.0..90.0).contains(&mean), "{mean}");
    }

    #[test]
    fn an_operator_may_bound_the_time() {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        let mut kinds = |bound| -> Vec<u64> {
            let challenges = open(Some(Duration::from_secs(bound)));
            let drawn: BTreeSet<u64> = (0..200).map(|_| challenges.budget_s(&mut rng)).collect();
            drawn.into_iter().collect()
        };
        assert_eq!(kinds(4), [2, 3, 4]);
        assert_eq!((kinds(2), kinds(1)), (vec![2], vec![2]));
        let up_to_60 = kinds(60);
        assert!(up_to_60.contains(&60) && up_to_60.iter().all(|time| *time <= 60));
    }

    #[test]
    fn a_folder_without_structures_is_refused() {
        let folder = tempfile::tempdir().expect("a directory");
        let refusal = || {
            Challenges::open(Some(folder.path()), None)
                .err()
                .expect("a refusal")
                .to_string()
        };
        assert!(refusal().contains("no .pdb or .cif files"));
        fs::write(folder.path().join("one.pdb"), "REMARK nothing\nEND\n").expect("a file");
        assert!(refusal().contains("one.pdb"));
    }
}
