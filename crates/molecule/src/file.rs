//! What both readers of structure files share: their bounds, their refusals, and the molecule under construction.
//!
//! # What is read
//!
//! One chain of the twenty amino acids, with or without caps, as the first model of a file has it. Bytes from strangers
//! end up here, so whatever is not understood is refused with the line it stands on; nothing is guessed.
//!
//! | what a file may have | what becomes of it |
//! |---|---|
//! | water | left out |
//! | several models | the first counts |
//! | alternative locations | the one a residue names first counts |
//! | old atom names (`1HB`, `HN`, `OT1`) | today's ([`crate::naming`]) |
//! | protonated and bridged forms by other names (`HIE`, `CYX`, `ASH`) | the amino acid; the hydrogens tell which |
//! | a second chain, an insertion code, anything that is no amino acid | refused |
//!
//! # What always holds of a molecule that was read
//!
//! * 1..=[`ATOMS_MAX`] atoms, in 1..=[`RESIDUES_MAX`] residues, none of them empty.
//! * Residue numbers are within [`NUMBERS`] and differ; so do the names of a residue's atoms.
//! * An atom's name begins with its element.
//! * Coordinates are finite and at most [`COORDINATE_MAX`] from zero, so that both formats can hold them.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use thiserror::Error;

use crate::naming;
use crate::{AminoAcid, AtomName, Element, Molecule, Monomer, Point};

/// The longest file that is read, in bytes.
pub const BYTES_MAX: usize = 16 * 1024 * 1024;

/// The most atoms that are read.
pub const ATOMS_MAX: usize = 20_000;

/// The most residues that are read.
pub const RESIDUES_MAX: usize = 2_000;

/// The numbers that residues may have: what four columns of a PDB file hold.
pub const NUMBERS: RangeInclusive<i32> = -999..=9_999;

/// The farthest an atom may be from zero along each axis, in ångström.
pub const COORDINATE_MAX: f64 = 9_999.0;

/// So many characters of a stranger's file are quoted at most.
const QUOTED_MAX: usize = 16;

/// Why a file is not read. Lines count from 1.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum FileError {
    #[error("the file has {bytes} bytes; at most {BYTES_MAX} are read")]
    TooLong { bytes: usize },
    #[error("the file has no atoms")]
    NoAtoms,
    #[error("line {line}: more than {ATOMS_MAX} atoms")]
    TooManyAtoms { line: usize },
    #[error("line {line}: more than {RESIDUES_MAX} residues")]
    TooManyResidues { line: usize },
    #[error("line {line}: {what} is missing")]
    Missing { line: usize, what: &'static str },
    #[error("line {line}: {what} is {found}, which is no number")]
    NoNumber {
        line: usize,
        what: &'static str,
        found: String,
    },
    #[error("line {line}: {what} is {found}; it must lie within ±{COORDINATE_MAX}")]
    FarCoordinate {
        line: usize,
        what: &'static str,
        found: String,
    },
    #[error("line {line}: residue number {number} is outside {first}..={last}", first = NUMBERS.start(), last = NUMBERS.end())]
    FarNumber { line: usize, number: i64 },
    #[error("line {line}: {found} is no amino acid, cap or water; remove it")]
    UnknownResidue { line: usize, found: String },
    #[error("line {line}: {found} is no atom name")]
    UnknownAtom { line: usize, found: String },
    #[error("line {line}: element {found} does not go with atom {atom}")]
    WrongElement {
        line: usize,
        atom: AtomName,
        found: String,
    },
    #[error("line {line}: residue {code} {number} has two atoms {atom}")]
    RepeatedAtom {
        line: usize,
        code: &'static str,
        number: i32,
        atom: AtomName,
    },
    #[error("line {line}: a second residue {number}; number the residues apart")]
    RepeatedResidue { line: usize, number: i32 },
    #[error("line {line}: residue {number} has an insertion code; renumber the residues")]
    InsertionCode { line: usize, number: i32 },
    #[error("line {line}: a second chain begins; keep one")]
    SecondChain { line: usize },
    #[error("line {line}: something other than printable ASCII in an atom's record")]
    NotAscii { line: usize },
    #[error("line {line}: a text begins here and never ends")]
    UnendedText { line: usize },
    #[error("line {line}: the last row of _atom_site has fewer values than the loop has columns")]
    RaggedLoop { line: usize },
    #[error("line {line}: the loop of _atom_site has no column {column}")]
    NoColumn { line: usize, column: &'static str },
    #[error("line {line}: the loop of _atom_site names more than {max} columns")]
    TooManyColumns { line: usize, max: usize },
}

/// The first characters of what was found, for an error.
pub(crate) fn quoted(found: &str) -> String {
    let mut start: String = found.chars().take(QUOTED_MAX).collect();
    if start.len() < found.len() {
        start.push('…');
    }
    format!("{start:?}")
}

/// Refuses files that are too long to look at.
pub(crate) fn bounded(text: &str) -> Result<(), FileError> {
    let bytes = text.len();
    if bytes > BYTES_MAX {
        return Err(FileError::TooLong { bytes });
    }
    Ok(())
}

/// An atom as a file has it, columns not yet understood. An absent column is empty.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'a> {
    pub line: usize,
    pub name: &'a str,
    /// Which of several locations, or empty.
    pub location: &'a str,
    pub code: &'a str,
    pub chain: &'a str,
    pub number: &'a str,
    pub insertion: &'a str,
    pub position: [&'a str; 3],
    pub element: &'a str,
}

/// A molecule under construction, a row at a time.
#[derive(Default)]
pub(crate) struct Draft {
    molecule: Molecule,
    chain: Option<String>,
    is_ended: bool,
    numbers: HashSet<i32>,
    /// The location that counts in the residue begun last, once it named one.
    location: Option<String>,
    /// The lines of the atoms of the residue begun last.
    lines: Vec<usize>,
}

impl Draft {
    /// Whether no atom was taken yet.
    pub fn is_empty(&self) -> bool {
        self.molecule.atoms.is_empty()
    }

    /// Notes that the chain ends here: more atoms, other than water, would be a second chain.
    pub fn end_chain(&mut self) {
        self.is_ended = !self.is_empty();
    }

    /// Takes one row.
    pub fn take(&mut self, row: &Row<'_>) -> Result<(), FileError> {
        let line = row.line;
        if is_water(row.code) {
            return Ok(());
        }
        let monomer = monomer(row.code).ok_or_else(|| FileError::UnknownResidue {
            line,
            found: quoted(row.code),
        })?;
        if self.is_ended || *self.chain.get_or_insert_with(|| row.chain.to_owned()) != row.chain {
            return Err(FileError::SecondChain { line });
        }
        let number = number(row)?;
        if !row.insertion.is_empty() {
            return Err(FileError::InsertionCode { line, number });
        }
        if !self.is_of(number, row.location) {
            return Ok(());
        }
        self.enter(monomer, number, row)?;
        self.push(row)
    }

    /// The molecule, once all rows were taken.
    pub fn finish(mut self) -> Result<Molecule, FileError> {
        if self.is_empty() {
            return Err(FileError::NoAtoms);
        }
        self.close()?;
        Ok(self.molecule)
    }

    /// Whether an atom of this residue at this location counts.
    fn is_of(&self, number: i32, location: &str) -> bool {
        let is_same = (self.molecule.residues.last()).is_some_and(|last| last.number == number);
        let chosen = self.location.as_deref().filter(|_| is_same);
        location.is_empty() || chosen.is_none_or(|chosen| chosen == location)
    }

    /// Begins a residue unless the atom belongs to the one begun last.
    fn enter(&mut self, monomer: Monomer, number: i32, row: &Row<'_>) -> Result<(), FileError> {
        let line = row.line;
        let last = self.molecule.residues.last();
        let last = last.map(|last| (last.monomer, last.number));
        if last != Some((monomer, number)) {
            self.close()?;
            if !self.numbers.insert(number) {
                return Err(FileError::RepeatedResidue { line, number });
            }
            if self.molecule.residues.len() == RESIDUES_MAX {
                return Err(FileError::TooManyResidues { line });
            }
            self.molecule.begin_residue(monomer, number);
            self.location = None;
        }
        if !row.location.is_empty() && self.location.is_none() {
            self.location = Some(row.location.to_owned());
        }
        Ok(())
    }

    fn push(&mut self, row: &Row<'_>) -> Result<(), FileError> {
        let line = row.line;
        if self.molecule.atoms.len() == ATOMS_MAX {
            return Err(FileError::TooManyAtoms { line });
        }
        let name = naming::rotated(row.name).ok_or_else(|| FileError::UnknownAtom {
            line,
            found: quoted(row.name),
        })?;
        let element = element_of(name).ok_or_else(|| FileError::UnknownAtom {
            line,
            found: quoted(row.name),
        })?;
        let is_right = Element::from_symbol(row.element) == Some(element);
        if !row.element.is_empty() && !is_right {
            let found = quoted(row.element);
            let atom = name;
            return Err(FileError::WrongElement { line, atom, found });
        }
        self.molecule.push_atom(name, element, position(row)?);
        self.lines.push(line);
        Ok(())
    }

    /// Gives the atoms of the residue begun last the names of today, and refuses two of one name.
    fn close(&mut self) -> Result<(), FileError> {
        let lines = std::mem::take(&mut self.lines);
        let Some(residue) = self.molecule.residues.last() else {
            return Ok(());
        };
        let atoms = &mut self.molecule.atoms[residue.atoms.clone()];
        let mut names: Vec<AtomName> = atoms.iter().map(|atom| atom.name).collect();
        naming::modernise(residue.monomer, &mut names);
        let mut seen = HashSet::new();
        for ((atom, &name), &line) in atoms.iter_mut().zip(&names).zip(&lines) {
            if !seen.insert(name) {
                return Err(FileError::RepeatedAtom {
                    line,
                    code: residue.monomer.code(),
                    number: residue.number,
                    atom: name,
                });
            }
            atom.name = name;
        }
        Ok(())
    }
}

fn is_water(code: &str) -> bool {
    ["HOH", "WAT", "DOD", "TIP", "TIP3", "SOL", "H2O", "SPC"].contains(&code)
}

/// The monomer of a code, by today's name or by what other programs call its protonated and bridged forms.
fn monomer(code: &str) -> Option<Monomer> {
    let amino = match code {
        "HID" | "HIE" | "HIP" | "HSD" | "HSE" | "HSP" => AminoAcid::His,
        "CYX" | "CYM" => AminoAcid::Cys,
        "ASH" => AminoAcid::Asp,
        "GLH" => AminoAcid::Glu,
        "LYN" => AminoAcid::Lys,
        _ => return Monomer::from_code(code),
    };
    Some(Monomer::Amino(amino))
}

/// In proteins the first letter of an atom's name is its element.
fn element_of(name: AtomName) -> Option<Element> {
    name.as_str().get(..1).and_then(Element::from_symbol)
}

fn number(row: &Row<'_>) -> Result<i32, FileError> {
    let (line, what) = (row.line, "the residue number");
    if row.number.is_empty() {
        return Err(FileError::Missing { line, what });
    }
    let number: i64 = row.number.parse().map_err(|_| FileError::NoNumber {
        line,
        what,
        found: quoted(row.number),
    })?;
    let is_near = |number: &i32| NUMBERS.contains(number);
    let near = i32::try_from(number).ok().filter(is_near);
    near.ok_or(FileError::FarNumber { line, number })
}

fn position(row: &Row<'_>) -> Result<Point, FileError> {
    let [x, y, z] = row.position;
    let line = row.line;
    Ok([
        coordinate(line, "x", x)?,
        coordinate(line, "y", y)?,
        coordinate(line, "z", z)?,
    ])
}

fn coordinate(line: usize, what: &'static str, text: &str) -> Result<f64, FileError> {
    if text.is_empty() {
        return Err(FileError::Missing { line, what });
    }
    let found = || quoted(text);
    let value: f64 = text.parse().map_err(|_| FileError::NoNumber {
        line,
        what,
        found: found(),
    })?;
    if value.is_nan() {
        let found = found();
        return Err(FileError::NoNumber { line, what, found });
    }
    if value.abs() > COORDINATE_MAX {
        let found = found();
        return Err(FileError::FarCoordinate { line, what, found });
    }
    Ok(value)
}
