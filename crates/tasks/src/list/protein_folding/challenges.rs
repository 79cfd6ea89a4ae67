//! What a validator asks to see folded: chains drawn afresh, or those of a private folder of known structures.
//!
//! A drawn chain has [`LENGTHS`] residues, each as frequent as in nature; nobody has seen it before, and nobody knows its
//! structure. A folder's chains are known to have one, by which the answers are compared, and to be few.

use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

use molecule::{AminoAcid, Molecule, Sequence, mmcif, pdb};
use rand::RngExt;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha20Rng;

use super::RESIDUES;
use crate::SetupError;

/// So many residues a drawn chain has: enough to be hard, few enough to be judged in milliseconds.
const LENGTHS: RangeInclusive<usize> = 12..=20;
/// The most files of a folder.
const FILES_MAX: usize = 1_000;
/// The largest file of a folder, in bytes.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Of drawn chains so many are capped: as seldom as customers want it.
const CAPPED: f64 = 0.1;

/// How often each amino acid stands in proteins, in thousandths. Cysteine is left out: two of them would like a bridge.
const FREQUENCIES: [(AminoAcid, u32); 19] = [
    (AminoAcid::Ala, 83),
    (AminoAcid::Arg, 55),
    (AminoAcid::Asn, 41),
    (AminoAcid::Asp, 55),
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

/// A source of chains.
pub(super) enum Challenges {
    /// Drawn ones.
    Drawn,
    /// Those of a folder, each with its structure.
    Folder(Vec<Molecule>),
}

impl Challenges {
    /// Opens a folder of `.pdb` and `.cif` files, or the urn.
    pub fn open(folder: Option<&Path>) -> Result<Self, SetupError> {
        let Some(folder) = folder else {
            return Ok(Self::Drawn);
        };
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
        let natives: Result<Vec<Molecule>, SetupError> =
            paths.iter().map(|path| read(path)).collect();
        natives.map(Self::Folder)
    }

    /// A chain, and its structure where that is known.
    pub fn draw(&self, rng: &mut ChaCha20Rng) -> (Sequence, Option<Molecule>) {
        match self {
            Self::Drawn => (drawn(rng), None),
            Self::Folder(natives) => {
                let native = natives.choose(rng).expect("an empty folder is not opened");
                (native.sequence(), Some(native.clone()))
            }
        }
    }
}

/// A chain of residues in nature's proportions.
fn drawn(rng: &mut ChaCha20Rng) -> Sequence {
    let total: u32 = FREQUENCIES.iter().map(|(_, count)| count).sum();
    let residue = |rng: &mut ChaCha20Rng| {
        let mut rest = rng.random_range(0..total);
        let found = FREQUENCIES.iter().find(|(_, count)| {
            let is_it = rest < *count;
            rest = rest.saturating_sub(*count);
            is_it
        });
        found.expect("what is drawn is below the total").0
    };
    let length = rng.random_range(LENGTHS);
    Sequence {
        residues: (0..length).map(|_| residue(rng)).collect(),
        is_capped: rng.random_bool(CAPPED),
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
    use std::collections::BTreeMap;

    #[test]
    fn drawn_chains_are_as_long_as_said_and_made_of_what_nature_is() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let mut counts = BTreeMap::new();
        for _ in 0..500 {
            let (sequence, native) = Challenges::Drawn.draw(&mut rng);
            assert!(LENGTHS.contains(&sequence.len()) && native.is_none());
            for residue in sequence.residues {
                *counts.entry(residue).or_insert(0u32) += 1;
            }
        }
        assert_eq!(counts.len(), 19);
        let (leucine, tryptophan) = (counts[&AminoAcid::Leu], counts[&AminoAcid::Trp]);
        assert!(5 * tryptophan < leucine && 20 < tryptophan, "{counts:?}");
    }

    #[test]
    fn a_folder_without_structures_is_refused() {
        let folder = tempfile::tempdir().expect("a directory");
        let refusal = || {
            Challenges::open(Some(folder.path()))
                .err()
                .expect("a refusal")
                .to_string()
        };
        assert!(refusal().contains("no .pdb or .cif files"));
        fs::write(folder.path().join("one.pdb"), "REMARK nothing\nEND\n").expect("a file");
        assert!(refusal().contains("one.pdb"));
    }
}
