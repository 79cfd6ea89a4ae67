//! What files may have, and what is said about those that are refused.

use molecule::file::{ATOMS_MAX, BYTES_MAX, FileError};
use molecule::{AminoAcid, Molecule, Monomer, mmcif, pdb};

use crate::{ALANINE, NATIVE, VILLIN, read};

const GLYCINE: &str = "\
ATOM      1  N   GLY A   1       1.000   2.000   3.000  1.00  0.00           N
ATOM      2  CA  GLY A   1       2.000   2.000   3.000  1.00  0.00           C
";

fn refusal(text: &str) -> String {
    pdb::read(text).expect_err("is refused").to_string()
}

/// The glycine with one of its lines changed.
fn changed(from: &str, to: &str) -> String {
    assert!(GLYCINE.contains(from));
    GLYCINE.replacen(from, to, 1)
}

#[test]
fn a_file_of_openmm_is_read() {
    let villin = read(VILLIN[0]);
    assert_eq!(villin.atoms.len(), 596);
    assert_eq!(villin.residues.len(), 36);
    let letters = villin.sequence().to_string();
    assert_eq!(letters, "MLSDEDFKAVFGMTRSAFANLPLWKQQNLKKEKGLF");
    assert_eq!(villin.residues[0].number, 41);
    assert_eq!(villin.position(0, "CA"), Some([0.623, -10.759, -3.849]));
    for name in ["H1", "H2", "H3"] {
        assert!(villin.atom(0, name).is_some(), "{name}");
    }
    let alanine = read(ALANINE);
    let monomers: Vec<_> = alanine
        .residues
        .iter()
        .map(|residue| residue.monomer)
        .collect();
    let ala = Monomer::Amino(AminoAcid::Ala);
    assert_eq!(monomers, [Monomer::Ace, ala, Monomer::Nme]);
    assert!(alanine.sequence().is_capped);
}

#[test]
fn what_is_written_reads_the_same() {
    for text in [NATIVE, VILLIN[0], VILLIN[1], VILLIN[2], ALANINE] {
        let molecule = read(text);
        assert_eq!(read(&pdb::write(&molecule)), molecule);
        assert_eq!(
            mmcif::read(&mmcif::write(&molecule, "as written")).unwrap(),
            molecule
        );
    }
}

#[test]
fn the_first_model_and_the_first_locations_count() {
    let models = format!("MODEL        1\n{GLYCINE}ENDMDL\nMODEL        2\nATOM bad\nENDMDL\n");
    assert_eq!(read(&models), read(GLYCINE));
    let other = GLYCINE
        .replace("N   GLY", "N  BGLY")
        .replace("CA  GLY", "CA BGLY");
    let first = GLYCINE
        .replace("N   GLY", "N  AGLY")
        .replace("CA  GLY", "CA AGLY");
    assert_eq!(read(&(first.clone() + &other)), read(GLYCINE));
    assert_eq!(read(&(first + &other.replace("GLY", "SER"))), read(GLYCINE));
}

#[test]
fn water_is_left_out_wherever_it_is() {
    let water = "HETATM    3  O   HOH B 101       9.000   9.000   9.000  1.00  0.00           O\n";
    assert_eq!(
        read(&format!("{water}{GLYCINE}TER\n{water}")),
        read(GLYCINE)
    );
}

#[test]
fn columns_beyond_the_position_may_be_absent() {
    let short: String = GLYCINE
        .lines()
        .map(|line| format!("{}\r\n", &line[..54]))
        .collect();
    assert_eq!(read(&short), read(GLYCINE));
}

#[test]
fn a_refused_pdb_file_is_told_why_and_where() {
    for (text, words) in [
        (String::new(), "the file has no atoms"),
        (
            changed("   1.000   2", "         2"),
            "line 1: x is missing",
        ),
        (
            changed("   1.000   2", "   1.0x0   2"),
            r#"line 1: x is "1.0x0", which is no number"#,
        ),
        (
            changed("   1.000   2", "     nan   2"),
            r#"line 1: x is "nan", which is no number"#,
        ),
        (
            changed("   1.000   2", "     inf   2"),
            r#"line 1: x is "inf"; it must lie within ±9999"#,
        ),
        (
            changed("   1.000   2", "   1e300   2"),
            r#"line 1: x is "1e300"; it must lie within ±9999"#,
        ),
        (
            changed("GLY A   1", "GLY A    "),
            "line 1: the residue number is missing",
        ),
        (
            changed("GLY A   1", "GLY A  1x"),
            r#"line 1: the residue number is "1x", which is no number"#,
        ),
        (
            changed("GLY A   1 ", "GLY A   1B"),
            "line 1: residue 1 has an insertion code; renumber the residues",
        ),
        (
            changed("GLY", "XYZ"),
            r#"line 1: "XYZ" is no amino acid, cap or water; remove it"#,
        ),
        (
            changed("CA ", "N  "),
            r#"line 2: element "C" does not go with atom N"#,
        ),
        (
            changed("N   GLY", "?   GLY"),
            r#"line 1: "?" is no atom name"#,
        ),
        (
            changed("N   GLY", "X   GLY"),
            r#"line 1: "X" is no atom name"#,
        ),
        (
            changed("N\n", "O\n"),
            r#"line 1: element "O" does not go with atom N"#,
        ),
        (
            changed("GLY A", "GLY B"),
            "line 2: a second chain begins; keep one",
        ),
        (
            format!("{GLYCINE}TER\n{GLYCINE}"),
            "line 4: a second chain begins; keep one",
        ),
        (
            format!("{GLYCINE}{GLYCINE}"),
            "line 3: residue GLY 1 has two atoms N",
        ),
        (
            changed("CA  GLY", "CA  SER"),
            "line 2: a second residue 1; number the residues apart",
        ),
        (
            changed("GLY A", "GLÅ A"),
            "line 1: something other than printable ASCII in an atom's record",
        ),
    ] {
        assert_eq!(refusal(&text), words);
    }
}

#[test]
fn numbers_outside_four_columns_are_refused() {
    let cif = mmcif::write(&read(GLYCINE), "");
    let far = cif.replacen(" 1.0 0.0 1 A", " 1.0 0.0 10000 A", 1);
    assert_eq!(
        mmcif::read(&far).unwrap_err().to_string(),
        "line 27: residue number 10000 is outside -999..=9999"
    );
}

#[test]
fn files_beyond_the_bounds_are_refused() {
    let bytes = BYTES_MAX + 1;
    let long = " ".repeat(bytes);
    assert_eq!(pdb::read(&long), Err(FileError::TooLong { bytes }));
    assert_eq!(mmcif::read(&long), Err(FileError::TooLong { bytes }));

    let record = |name: usize, number: usize| {
        format!("ATOM        C{name:<3} GLY A{number:>4}       1.000   2.000   3.000\n")
    };
    let atoms: String = (0..=ATOMS_MAX)
        .map(|atom| record(atom % 900, atom / 900))
        .collect();
    let line = ATOMS_MAX + 1;
    assert_eq!(pdb::read(&atoms), Err(FileError::TooManyAtoms { line }));
    let residues: String = (0..=2_000).map(|number| record(1, number)).collect();
    let line = 2_001;
    assert_eq!(
        pdb::read(&residues),
        Err(FileError::TooManyResidues { line })
    );
}

/// As archives write it: other blocks first, quotes, text fields, columns in any order, more than one model.
#[test]
fn an_mmcif_file_of_an_archive_is_read() {
    let text = "\
data_TEST
_struct.title 'a title with a loop_ in it'
loop_
_entity.id
_entity.pdbx_description
1 ;
_citation.abstract
;
loop_
_atom_site.id
;
loop_
_atom_site.Cartn_z
_atom_site.Cartn_y
_atom_site.Cartn_x
_atom_site.label_atom_id
_atom_site.label_comp_id
_atom_site.label_alt_id
_atom_site.auth_seq_id
_atom_site.auth_asym_id
_atom_site.pdbx_PDB_model_num
3.0 2.0 1.0 N GLY . 1 A 7 # the first
3.0 2.0
2.0 \"CA\" GLY ? 1 A 7
9.0 9.0 9.0 O HOH . 2 B 7
9.0 9.0 9.0 CA GLY . 1 A 8
#
data_OTHER
";
    let read_from = |text: &str| mmcif::read(text);
    assert_eq!(read_from(text).unwrap(), read(GLYCINE));
    let refused = |from: &str, to: &str| {
        let text = text.replacen(from, to, 1);
        read_from(&text).unwrap_err().to_string()
    };
    assert_eq!(
        refused("label_comp_id", "other"),
        "line 13: the loop of _atom_site has no column label_comp_id"
    );
    assert_eq!(
        refused(" 8\n#", "\n#"),
        "line 26: the last row of _atom_site has fewer values than the loop has columns"
    );
    assert_eq!(refused("3.0 2.0 1.0", "3.0 2.0 ."), "line 22: x is missing");
    assert_eq!(
        refused("'a title with a loop_ in it'", "'a title"),
        "line 2: a text begins here and never ends"
    );
    let columns: String = (0..200).map(|n| format!("_atom_site.c{n}\n")).collect();
    assert_eq!(
        read_from(&format!("loop_\n{columns}"))
            .unwrap_err()
            .to_string(),
        "line 130: the loop of _atom_site names more than 128 columns"
    );
    assert_eq!(read_from("data_x"), Err(FileError::NoAtoms));
}

/// A title cannot end its own quotes and add atoms.
#[test]
fn a_title_stays_a_title() {
    let molecule = read(GLYCINE);
    let title = "x\" \nloop_\n_atom_site.id\n1 'q' ö";
    let text = mmcif::write(&molecule, title);
    assert_eq!(mmcif::read(&text).unwrap(), molecule);
    assert!(
        text.contains("_struct.title \"x'  loop_ _atom_site.id 1 'q'\""),
        "{text}"
    );
}

/// Eight columns hold any coordinate that is read, if need be with fewer decimals.
#[test]
fn wide_coordinates_keep_to_their_columns() {
    let mut molecule: Molecule = read(GLYCINE);
    molecule.positions = vec![[-9999.0, 9999.0, -999.9996], [-0.0004, 1234.5678, f64::NAN]];
    let text = pdb::write(&molecule);
    let columns: Vec<&str> = text.lines().take(2).map(|line| &line[30..54]).collect();
    assert_eq!(
        columns,
        ["-9999.009999.000-1000.00", "  -0.0001234.568     NaN"]
    );
}
