//! mmCIF files: a table of atoms whose columns have names.
//!
//! The newer of the two formats. Positions are written with as many digits as it takes to read the same number back, bit
//! for bit, so an energy computed from the file is the energy that was claimed.
//!
//! Only the loop of `_atom_site` is read, in the first block that has one:
//!
//! | column | what |
//! |---|---|
//! | `label_atom_id` (else `auth_atom_id`) | name |
//! | `label_comp_id` (else `auth_comp_id`) | residue |
//! | `auth_seq_id` (else `label_seq_id`) | residue number, as PDB files have it |
//! | `auth_asym_id` (else `label_asym_id`) | chain |
//! | `Cartn_x`, `Cartn_y`, `Cartn_z` | position |
//! | `label_alt_id`, `pdbx_PDB_ins_code`, `type_symbol`, `pdbx_PDB_model_num` | may be absent |
//!
//! What is read and what is refused is the same for both formats: [`crate::file`]. Why not a library: the one at hand
//! writes three decimals and takes a coordinate that it cannot read for zero.

use std::fmt::Write;

use crate::Molecule;
use crate::cif::{Token, Tokens};
use crate::file::{self, Draft, FileError, Row};

/// The most columns that the loop may have; the dictionary names about ninety.
const COLUMNS_MAX: usize = 128;

/// The longest title that is written, in characters.
const TITLE_MAX: usize = 200;

/// Reads the first model of an mmCIF file.
///
/// # Errors
///
/// If anything is not understood, the line and what is wrong with it.
pub fn read(text: &str) -> Result<Molecule, FileError> {
    file::bounded(text)?;
    let mut tokens = Tokens::of(text);
    let Some((line, names)) = atom_site(&mut tokens)? else {
        return Err(FileError::NoAtoms);
    };
    let columns = Columns::of(line, &names)?;
    let mut draft = Draft::default();
    let mut model = None;
    let mut values = Vec::with_capacity(names.len());
    let mut line = line;
    while let Some((place, Token::Value(value))) = tokens.next()? {
        if values.is_empty() {
            line = place;
        }
        values.push(value);
        if values.len() == names.len() {
            let number = columns.model.map(|column| values[column]);
            if *model.get_or_insert(number) == number {
                draft.take(&columns.row(line, &values))?;
            }
            values.clear();
        }
    }
    if !values.is_empty() {
        return Err(FileError::RaggedLoop { line });
    }
    draft.finish()
}

/// Goes to the loop of atoms: the line of its first column's name, and the names of all of them.
fn atom_site<'a>(tokens: &mut Tokens<'a>) -> Result<Option<(usize, Vec<&'a str>)>, FileError> {
    let mut names = Vec::new();
    let mut first = 0;
    let mut is_loop = false;
    while let Some((line, token)) = tokens.peek()? {
        match token {
            Token::Name(name) if is_loop => {
                if let Some(name) = column_of(name) {
                    if names.is_empty() {
                        first = line;
                    }
                    if names.len() == COLUMNS_MAX {
                        let max = COLUMNS_MAX;
                        return Err(FileError::TooManyColumns { line, max });
                    }
                    names.push(name);
                }
            }
            _ if !names.is_empty() => return Ok(Some((first, names))),
            Token::Loop => is_loop = true,
            _ => is_loop = false,
        }
        tokens.next()?;
    }
    Ok(None)
}

/// The column's name, if it is one of the atoms' table. Names are told apart without regard to case.
fn column_of(name: &str) -> Option<&str> {
    const TABLE: &str = "_atom_site.";
    let table = name.get(..TABLE.len())?;
    let is_table = table.eq_ignore_ascii_case(TABLE);
    is_table.then(|| &name[TABLE.len()..])
}

/// Where in a row each value stands.
struct Columns {
    name: usize,
    code: usize,
    number: usize,
    chain: Option<usize>,
    position: [usize; 3],
    location: Option<usize>,
    insertion: Option<usize>,
    element: Option<usize>,
    model: Option<usize>,
}

impl Columns {
    fn of(line: usize, names: &[&str]) -> Result<Self, FileError> {
        let find = |wanted: &str| {
            let mut columns = names.iter();
            columns.position(|name| name.eq_ignore_ascii_case(wanted))
        };
        let need = |column: &'static str, other: &str| {
            let found = find(column).or_else(|| find(other));
            found.ok_or(FileError::NoColumn { line, column })
        };
        Ok(Self {
            name: need("label_atom_id", "auth_atom_id")?,
            code: need("label_comp_id", "auth_comp_id")?,
            number: need("auth_seq_id", "label_seq_id")?,
            chain: find("auth_asym_id").or_else(|| find("label_asym_id")),
            position: [
                need("Cartn_x", "Cartn_x")?,
                need("Cartn_y", "Cartn_y")?,
                need("Cartn_z", "Cartn_z")?,
            ],
            location: find("label_alt_id"),
            insertion: find("pdbx_PDB_ins_code"),
            element: find("type_symbol"),
            model: find("pdbx_PDB_model_num"),
        })
    }

    fn row<'a>(&self, line: usize, values: &[&'a str]) -> Row<'a> {
        // A lone dot or question mark stands for nothing.
        let value = |column: usize| match values[column] {
            "." | "?" => "",
            value => value,
        };
        let optional = |column: Option<usize>| column.map(value).unwrap_or_default();
        Row {
            line,
            name: value(self.name),
            location: optional(self.location),
            code: value(self.code),
            chain: optional(self.chain),
            number: value(self.number),
            insertion: optional(self.insertion),
            position: self.position.map(value),
            element: optional(self.element),
        }
    }
}

const HEADER: &str = "\
loop_
_atom_site.group_PDB
_atom_site.id
_atom_site.type_symbol
_atom_site.label_atom_id
_atom_site.label_alt_id
_atom_site.label_comp_id
_atom_site.label_asym_id
_atom_site.label_entity_id
_atom_site.label_seq_id
_atom_site.pdbx_PDB_ins_code
_atom_site.Cartn_x
_atom_site.Cartn_y
_atom_site.Cartn_z
_atom_site.occupancy
_atom_site.B_iso_or_equiv
_atom_site.auth_seq_id
_atom_site.auth_asym_id
_atom_site.pdbx_PDB_model_num
";

/// Writes a molecule as one model, chain A, under a title, which may be empty.
///
/// Reading it gives the same molecule, its positions to the last bit.
pub fn write(molecule: &Molecule, title: &str) -> String {
    let mut text = String::from("data_fold\n#\n_entry.id fold\n");
    let title = tame(title);
    if !title.is_empty() {
        text.push_str(&format!(
            "_struct.entry_id fold\n_struct.title \"{title}\"\n"
        ));
    }
    text.push_str("#\n_entity.id 1\n_entity.type polymer\n#\n");
    text.push_str(HEADER);
    for (index, atom) in molecule.atoms.iter().enumerate() {
        let residue = &molecule.residues[atom.residue];
        let group = match residue.monomer.amino() {
            Some(_) => "ATOM",
            None => "HETATM",
        };
        let [x, y, z] = molecule.positions[index];
        let (name, element, code) = (atom.name, atom.element, residue.monomer);
        let (id, place, number) = (index + 1, atom.residue + 1, residue.number);
        writeln!(
            text,
            "{group} {id} {element} {name} . {code} A 1 {place} ? {x:?} {y:?} {z:?} 1.0 0.0 {number} A 1"
        )
        .expect("a string takes any text");
    }
    text.push_str("#\n");
    text
}

/// A title that can stand between double quotes on one line.
fn tame(title: &str) -> String {
    let tame = |letter: char| match letter {
        '"' => '\'',
        ' '..='~' => letter,
        _ => ' ',
    };
    let line: String = title.chars().take(TITLE_MAX).map(tame).collect();
    line.trim().to_owned()
}
