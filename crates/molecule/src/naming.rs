//! Atom names of today, from those of older files and other programs.
//!
//! Since version 3 of the PDB format every atom of an amino acid has one name, and Amber's force fields use the same ones.
//! Older files put the number of a hydrogen first (`1HB`), and programs number the two hydrogens of a CH₂ group as 1 and 2
//! where the format has 2 and 3. What such files mean is plain, so it is understood rather than refused. Names that are
//! right already stay, so that reading what was written changes nothing.
//!
//! | found | means |
//! |---|---|
//! | `1HB`, `2HD1` | `HB1`, `HD12` |
//! | CH₂ with hydrogens 1 and 2 | 1 is 3 |
//! | `HN`; `HT1`, `HN1` … | `H`; `H1` … |
//! | `H` beside `H2` and `H3` at the amino end | `H1`; at a proline `H3` |
//! | `OT1`, `O1`; `OT2`, `O2` | `O`; `OXT` |
//! | isoleucine `CD`, `HD1` … | `CD1`, `HD11` … |
//! | serine and cysteine `HG1` | `HG` |
//! | caps `HH31` …; N-methyl `CH3` | `H1` …; `C` |

use crate::AminoAcid::{
    Arg, Asn, Asp, Cys, Gln, Glu, Gly, His, Ile, Leu, Lys, Met, Phe, Pro, Ser, Trp, Tyr,
};
use crate::{AminoAcid, AtomName, Monomer};

/// A name with the digits it begins with put last: `1HB` becomes `HB1`.
pub(crate) fn rotated(name: &str) -> Option<AtomName> {
    let digits = name.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return AtomName::new(name);
    }
    let (first, rest) = name.split_at(digits);
    AtomName::new(&format!("{rest}{first}"))
}

/// Gives the atoms of one residue the names of today.
pub(crate) fn modernise(monomer: Monomer, names: &mut [AtomName]) {
    match monomer {
        Monomer::Ace | Monomer::Nme => names.iter_mut().for_each(|name| cap(monomer, name)),
        Monomer::Amino(amino) => {
            names.iter_mut().for_each(|name| synonym(amino, name));
            for (base, members) in METHYLENES {
                if members.contains(&amino) {
                    number_from_two(base, names);
                }
            }
            amino_end(amino, names);
        }
    }
}

/// The CH₂ groups: what their hydrogens are called before the number, and the amino acids that have them.
const METHYLENES: [(&str, &[AminoAcid]); 6] = [
    ("HA", &[Gly]),
    (
        "HB",
        &[
            Arg, Asn, Asp, Cys, Gln, Glu, His, Leu, Lys, Met, Phe, Pro, Ser, Trp, Tyr,
        ],
    ),
    ("HG", &[Arg, Gln, Glu, Lys, Met, Pro]),
    ("HG1", &[Ile]),
    ("HD", &[Arg, Lys, Pro]),
    ("HE", &[Lys]),
];

fn renamed(name: &mut AtomName, to: &str) {
    *name = AtomName::new(to).expect("the names in this file are atom names");
}

fn has(names: &[AtomName], wanted: &str) -> bool {
    names.iter().any(|name| *name == wanted)
}

fn replace(names: &mut [AtomName], from: &str, to: &str) {
    for name in names.iter_mut().filter(|name| **name == from) {
        renamed(name, to);
    }
}

fn cap(monomer: Monomer, name: &mut AtomName) {
    match (monomer, name.as_str()) {
        (_, "HH31") => renamed(name, "H1"),
        (_, "HH32") => renamed(name, "H2"),
        (_, "HH33") => renamed(name, "H3"),
        (Monomer::Nme, "CH3") => renamed(name, "C"),
        (Monomer::Nme, "HN") => renamed(name, "H"),
        _ => {}
    }
}

fn synonym(amino: AminoAcid, name: &mut AtomName) {
    match (amino, name.as_str()) {
        (_, "HN") => renamed(name, "H"),
        (_, "HN1" | "HT1") => renamed(name, "H1"),
        (_, "HN2" | "HT2") => renamed(name, "H2"),
        (_, "HN3" | "HT3") => renamed(name, "H3"),
        (_, "OT1" | "O1") => renamed(name, "O"),
        (_, "OT2" | "O2") => renamed(name, "OXT"),
        (Ile, "CD") => renamed(name, "CD1"),
        (Ile, "HD1") => renamed(name, "HD11"),
        (Ile, "HD2") => renamed(name, "HD12"),
        (Ile, "HD3") => renamed(name, "HD13"),
        (Ser | Cys, "HG1") => renamed(name, "HG"),
        _ => {}
    }
}

fn number_from_two(base: &str, names: &mut [AtomName]) {
    let third = format!("{base}3");
    if !has(names, &third) {
        replace(names, &format!("{base}1"), &third);
    }
}

fn amino_end(amino: AminoAcid, names: &mut [AtomName]) {
    let is_charged = has(names, "H2") || has(names, "H3");
    if is_charged && !has(names, "H1") {
        replace(names, "H", "H1");
    }
    if amino == Pro && has(names, "H2") && !has(names, "H3") {
        replace(names, "H1", "H3");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modern(amino: AminoAcid, names: &str) -> String {
        let rotate = |name| rotated(name).unwrap();
        let mut names: Vec<_> = names.split(' ').map(rotate).collect();
        modernise(Monomer::Amino(amino), &mut names);
        let once = names.clone();
        modernise(Monomer::Amino(amino), &mut names);
        assert_eq!(names, once, "right names stay");
        let names: Vec<_> = names.iter().map(AtomName::as_str).collect();
        names.join(" ")
    }

    #[test]
    fn old_names_of_hydrogens_are_understood() {
        assert_eq!(modern(Leu, "HN 1HB 2HB 1HD1 3HD2"), "H HB3 HB2 HD11 HD23");
        assert_eq!(
            modern(Lys, "HB1 HB2 HG1 HG2 HE1 HE2"),
            "HB3 HB2 HG3 HG2 HE3 HE2"
        );
        assert_eq!(
            modern(Ile, "CD HG11 HG12 HD1 HD2"),
            "CD1 HG13 HG12 HD11 HD12"
        );
        assert_eq!(modern(Gly, "1HA 2HA"), "HA3 HA2");
        assert_eq!(modern(Ser, "HG1"), "HG");
    }

    #[test]
    fn ends_get_the_names_of_charged_ends() {
        assert_eq!(modern(Met, "N H H2 H3"), "N H1 H2 H3");
        assert_eq!(modern(Met, "1H 2H 3H"), "H1 H2 H3");
        assert_eq!(modern(Pro, "1H 2H"), "H3 H2");
        assert_eq!(modern(Phe, "OT1 OT2"), "O OXT");
    }

    #[test]
    fn names_of_today_stay() {
        for (amino, names) in [
            (Ile, "CD1 HG12 HG13 HG21 HG22 HG23 HD11 HD12 HD13"),
            (AminoAcid::Val, "HG11 HG12 HG13"),
            (AminoAcid::Thr, "HG1 OG1"),
            (AminoAcid::Ala, "H HB1 HB2 HB3"),
            (Met, "HE1 HE2 HE3"),
            (Trp, "HD1 HE1 HE3"),
            (His, "HD1 HD2 HE1 HE2"),
            (Pro, "H2 H3"),
        ] {
            assert_eq!(modern(amino, names), names);
        }
    }

    #[test]
    fn caps_have_the_names_of_amber() {
        let mut names = ["N", "HN", "CH3", "HH31"].map(|name| rotated(name).unwrap());
        modernise(Monomer::Nme, &mut names);
        assert_eq!(names.map(|name| name.to_string()), ["N", "H", "C", "H1"]);
        let mut names = ["CH3", "1HH3"].map(|name| rotated(name).unwrap());
        modernise(Monomer::Ace, &mut names);
        assert_eq!(names.map(|name| name.to_string()), ["CH3", "H1"]);
    }
}
