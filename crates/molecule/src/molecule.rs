//! A protein chain: residues in order, the atoms of each, and where the atoms are.
//!
//! Atoms and positions are two lists of the same length, because what computes energies moves the positions of the same
//! atoms many thousand times. A residue's atoms are one stretch of both lists, and the stretches follow one another
//! without a gap; [`Molecule::begin_residue`] and [`Molecule::push_atom`] keep it so.

use std::fmt;
use std::ops::Range;

use crate::{AminoAcid, Element, Sequence};

/// A place in space, in ångström.
pub type Point = [f64; 3];

/// What a chain is made of: amino acids, and caps at its ends.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum Monomer {
    Amino(AminoAcid),
    /// Acetyl, CH₃–CO–, before the first residue.
    Ace,
    /// N-methyl amide, –NH–CH₃, after the last residue.
    Nme,
}

impl Monomer {
    /// The three-letter code as structure files have it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Amino(amino) => amino.code(),
            Self::Ace => "ACE",
            Self::Nme => "NME",
        }
    }

    /// The monomer of an upper-case three-letter code.
    pub fn from_code(code: &str) -> Option<Self> {
        match code {
            "ACE" => Some(Self::Ace),
            "NME" => Some(Self::Nme),
            _ => AminoAcid::from_code(code).map(Self::Amino),
        }
    }

    /// The amino acid, if it is no cap.
    pub fn amino(self) -> Option<AminoAcid> {
        match self {
            Self::Amino(amino) => Some(amino),
            Self::Ace | Self::Nme => None,
        }
    }
}

impl fmt::Display for Monomer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// The name of an atom within its residue: `CA`, `HB2`, `OXT`. One to four upper-case letters and digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AtomName {
    bytes: [u8; 4],
    length: u8,
}

impl AtomName {
    /// A name of one to four upper-case ASCII letters and digits, at least one of them a letter; nothing else is one.
    pub fn new(name: &str) -> Option<Self> {
        let is_allowed = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        let length = u8::try_from(name.len()).ok()?;
        let is_name = (1..=4).contains(&length)
            && name.as_bytes().iter().all(is_allowed)
            && name.bytes().any(|byte| byte.is_ascii_uppercase());
        is_name.then(|| {
            let mut bytes = [0; 4];
            bytes[..name.len()].copy_from_slice(name.as_bytes());
            Self { bytes, length }
        })
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        let bytes = &self.bytes[..usize::from(self.length)];
        std::str::from_utf8(bytes).expect("letters and digits of ASCII only")
    }
}

impl fmt::Display for AtomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for AtomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl PartialEq<str> for AtomName {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for AtomName {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

/// One residue, or one cap, of a chain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Residue {
    pub monomer: Monomer,
    /// Its number in the file it came from; not necessarily counted from 1.
    pub number: i32,
    /// Its atoms, by their place in [`Molecule::atoms`] and [`Molecule::positions`].
    pub atoms: Range<usize>,
}

/// One atom: everything about it except where it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Atom {
    pub name: AtomName,
    pub element: Element,
    /// Its residue, by its place in [`Molecule::residues`].
    pub residue: usize,
}

/// A protein chain.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Molecule {
    pub residues: Vec<Residue>,
    pub atoms: Vec<Atom>,
    /// Where each of [`Self::atoms`] is.
    pub positions: Vec<Point>,
}

impl Molecule {
    /// Begins a residue, whose atoms are pushed next.
    pub fn begin_residue(&mut self, monomer: Monomer, number: i32) {
        let end = self.atoms.len();
        self.residues.push(Residue {
            monomer,
            number,
            atoms: end..end,
        });
    }

    /// Adds an atom to the residue begun last.
    ///
    /// # Panics
    ///
    /// If no residue was begun.
    pub fn push_atom(&mut self, name: AtomName, element: Element, position: Point) {
        let last = self.residues.len().checked_sub(1);
        let residue = last.expect("a residue is begun before its atoms are pushed");
        self.atoms.push(Atom {
            name,
            element,
            residue,
        });
        self.positions.push(position);
        self.residues[residue].atoms.end = self.atoms.len();
    }

    /// The atom of this name in a residue.
    pub fn atom(&self, residue: usize, name: &str) -> Option<usize> {
        let mut atoms = self.residues.get(residue)?.atoms.clone();
        atoms.find(|&atom| self.atoms[atom].name == name)
    }

    /// Where the atom of this name in a residue is.
    pub fn position(&self, residue: usize, name: &str) -> Option<Point> {
        self.atom(residue, name).map(|atom| self.positions[atom])
    }

    /// The amino acids in order, and whether any cap is there.
    pub fn sequence(&self) -> Sequence {
        let monomers = || self.residues.iter().map(|residue| residue.monomer);
        Sequence {
            residues: monomers().filter_map(Monomer::amino).collect(),
            is_capped: monomers().any(|monomer| monomer.amino().is_none()),
        }
    }

    /// Every atom but hydrogen, by its place.
    pub fn heavy_atoms(&self) -> impl Iterator<Item = usize> {
        (0..self.atoms.len()).filter(|&atom| self.atoms[atom].element.is_heavy())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> AtomName {
        AtomName::new(text).unwrap()
    }

    #[test]
    fn a_name_is_one_to_four_letters_and_digits() {
        for good in ["N", "CA", "HB2", "HD21", "1HB"] {
            assert_eq!(name(good).as_str(), good);
        }
        for bad in ["", "HD211", "ca", "C A", "H'", "é", "12"] {
            assert_eq!(AtomName::new(bad), None, "{bad}");
        }
        assert_eq!(format!("{:<4}|", name("CA")), "CA  |");
    }

    #[test]
    fn atoms_are_found_by_residue_and_name() {
        let mut molecule = Molecule::default();
        molecule.begin_residue(Monomer::Ace, 1);
        molecule.push_atom(name("C"), Element::C, [1.0, 0.0, 0.0]);
        molecule.begin_residue(Monomer::Amino(AminoAcid::Gly), 2);
        molecule.push_atom(name("N"), Element::N, [2.0, 0.0, 0.0]);
        molecule.push_atom(name("H"), Element::H, [3.0, 0.0, 0.0]);

        assert_eq!(molecule.residues[1].atoms, 1..3);
        assert_eq!(molecule.atom(1, "H"), Some(2));
        assert_eq!(molecule.atom(0, "H"), None);
        assert_eq!(molecule.atom(7, "H"), None);
        assert_eq!(molecule.position(0, "C"), Some([1.0, 0.0, 0.0]));
        assert_eq!(molecule.heavy_atoms().collect::<Vec<_>>(), [0, 1]);
        let gly = "G".parse::<Sequence>().unwrap().capped();
        assert_eq!(molecule.sequence(), gly);
    }
}
