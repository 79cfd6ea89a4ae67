//! PDB files: a record of fixed columns for each atom.
//!
//! The older of the two formats, which every program reads. Positions are written with three decimals, so an energy
//! computed from a PDB file is not the one of the positions it was written from; [`crate::mmcif`] keeps every bit.
//!
//! | columns | what |
//! |---|---|
//! | 1–6 | `ATOM` or `HETATM` |
//! | 13–16, 17 | name, alternative location |
//! | 18–21, 22 | residue (a fourth letter where programs write one), chain |
//! | 23–26, 27 | residue number, insertion code |
//! | 31–38, 39–46, 47–54 | x, y, z |
//! | 77–78 | element; may be absent |
//!
//! What is read and what is refused is the same for both formats: [`crate::file`].

use std::fmt::Write;
use std::ops::Range;

use crate::Molecule;
use crate::file::{self, Draft, FileError, Row};

/// Reads the first model of a PDB file.
///
/// # Errors
///
/// If anything is not understood, the line and what is wrong with it.
pub fn read(text: &str) -> Result<Molecule, FileError> {
    file::bounded(text)?;
    let mut draft = Draft::default();
    for (line, record) in (1..).zip(text.lines()) {
        match field(record, 0..6) {
            Some("ATOM" | "HETATM") => draft.take(&row(line, record)?)?,
            Some("TER") => draft.end_chain(),
            Some("ENDMDL" | "MODEL" | "END") if !draft.is_empty() => break,
            _ => {}
        }
    }
    draft.finish()
}

/// Writes a molecule as one model, chain A.
///
/// Coordinates that do not fit their eight columns with three decimals get fewer.
pub fn write(molecule: &Molecule) -> String {
    let mut text = String::new();
    for (index, atom) in molecule.atoms.iter().enumerate() {
        let residue = &molecule.residues[atom.residue];
        let record = match residue.monomer.amino() {
            Some(_) => "ATOM  ",
            None => "HETATM",
        };
        let name = match atom.name.as_str().len() {
            4 => atom.name.to_string(),
            _ => format!(" {}", atom.name),
        };
        let [x, y, z] = molecule.positions[index].map(coordinate);
        let (serial, code, number) = (index + 1, residue.monomer.code(), residue.number);
        let element = atom.element.symbol();
        writeln!(
            text,
            "{record}{serial:>5} {name:<4} {code:>3} A{number:>4}    {x}{y}{z}  1.00  0.00          {element:>2}  ",
        )
        .expect("a string takes any text");
    }
    if let Some(last) = molecule.residues.last() {
        let (serial, code, number) = (molecule.atoms.len() + 1, last.monomer.code(), last.number);
        writeln!(text, "TER   {serial:>5}      {code:>3} A{number:>4}")
            .expect("a string takes any text");
    }
    text.push_str("END\n");
    text
}

fn row(line: usize, record: &str) -> Result<Row<'_>, FileError> {
    if !record.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Err(FileError::NotAscii { line });
    }
    let column = |columns: Range<usize>| field(record, columns).unwrap_or_default();
    Ok(Row {
        line,
        name: column(12..16),
        location: column(16..17),
        code: code(record),
        chain: column(21..22),
        number: column(22..26),
        insertion: column(26..27),
        position: [column(30..38), column(38..46), column(46..54)],
        element: column(76..78),
    })
}

/// The residue's code; its fourth column belongs to it only where some program's water is called `TIP3`.
fn code(record: &str) -> &str {
    field(record, 17..21).unwrap_or_default()
}

/// These columns, counted from 0, without the blanks around; none where a letter of several bytes is in the way.
fn field(record: &str, columns: Range<usize>) -> Option<&str> {
    let end = columns.end.min(record.len());
    let start = columns.start.min(end);
    record.get(start..end).map(str::trim)
}

fn coordinate(value: f64) -> String {
    let fits = |decimals: &usize| format!("{value:.decimals$}").len() <= 8;
    let decimals = (0..=3).rev().find(fits).unwrap_or_default();
    format!("{value:>8.decimals$}")
}
