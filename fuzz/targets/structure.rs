//! Structure files from strangers: whatever the bytes, they are refused in few words or become a molecule within bounds.
//!
//! What was read is written in both formats and read again: mmCIF gives the same molecule to the last bit, PDB the same
//! but for decimals that its columns have no room for, and writing that gives the same text. A molecule that was read is
//! also looked at in every other way there is: angles, secondary structure, pictures, comparison with itself.

#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use molecule::compare::{Atoms, lddt, rmsd_of, tm_score};
use molecule::file::{ATOMS_MAX, COORDINATE_MAX, FileError, NUMBERS, RESIDUES_MAX};
use molecule::{Molecule, dssp, mmcif, pdb, plot, torsion};

/// The longest refusal, in bytes: it quotes a few characters, never a stranger at length.
const WORDS_MAX: usize = 200;

/// Chains up to this long are compared with themselves; the search behind TM-score grows with the square of the length.
const COMPARED_MAX: usize = 80;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    for read in [pdb::read(&text), mmcif::read(&text)] {
        if let Some(molecule) = taken(read) {
            check(&molecule);
            write(&molecule);
            look(&molecule);
        }
    }
});

fn taken(read: Result<Molecule, FileError>) -> Option<Molecule> {
    let words = |refusal: &FileError| refusal.to_string().len();
    assert!(
        read.as_ref()
            .err()
            .is_none_or(|refusal| words(refusal) <= WORDS_MAX),
        "a long refusal"
    );
    read.ok()
}

/// What the readers promise.
fn check(molecule: &Molecule) {
    assert!((1..=ATOMS_MAX).contains(&molecule.atoms.len()));
    assert!((1..=RESIDUES_MAX).contains(&molecule.residues.len()));
    assert_eq!(molecule.atoms.len(), molecule.positions.len());
    let coordinates = molecule.positions.iter().flatten();
    assert!(
        coordinates
            .into_iter()
            .all(|value| value.abs() <= COORDINATE_MAX)
    );
    let mut numbers = HashSet::new();
    let mut end = 0;
    for (place, residue) in molecule.residues.iter().enumerate() {
        assert!(NUMBERS.contains(&residue.number) && numbers.insert(residue.number));
        assert_eq!(residue.atoms.start, end);
        assert!(!residue.atoms.is_empty());
        end = residue.atoms.end;
        let atoms = &molecule.atoms[residue.atoms.clone()];
        let names: HashSet<_> = atoms.iter().map(|atom| atom.name).collect();
        assert_eq!(names.len(), atoms.len());
        for atom in atoms {
            assert_eq!(atom.residue, place);
            assert!(atom.name.as_str().starts_with(atom.element.symbol()));
        }
    }
    assert_eq!(end, molecule.atoms.len());
}

/// What was read is written and read the same.
fn write(molecule: &Molecule) {
    let bits = |molecule: &Molecule| -> Vec<[u64; 3]> {
        let positions = molecule.positions.iter();
        positions
            .map(|position| position.map(f64::to_bits))
            .collect()
    };
    let text = mmcif::write(molecule, "fuzz");
    let read = mmcif::read(&text).expect("what was written is read");
    assert_eq!(&read, molecule);
    assert_eq!(bits(&read), bits(molecule));

    let text = pdb::write(molecule);
    let read = pdb::read(&text).expect("what was written is read");
    assert_eq!(read.residues, molecule.residues);
    assert_eq!(read.atoms, molecule.atoms);
    assert_eq!(pdb::write(&read), text);
}

/// Nothing about a molecule that was read breaks what looks at it.
fn look(molecule: &Molecule) {
    let length = molecule.sequence().len();
    assert_eq!(dssp::assign(molecule).len(), molecule.residues.len());
    assert_eq!(torsion::torsions(molecule).len(), length);
    assert!(!plot::ramachandran(molecule).contains("NaN"));
    if length <= COMPARED_MAX {
        let score = tm_score(molecule, molecule);
        assert!((0.0..1.000_001).contains(&score), "a score of {score}");
        assert!((0.0..=1.0).contains(&lddt(molecule, molecule)));
        let error = rmsd_of(molecule, molecule, Atoms::Heavy);
        assert!(
            error.is_none_or(|error| error < 1e-6),
            "{error:?} Å from itself"
        );
    }
}
