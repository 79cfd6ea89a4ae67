//! What each residue looks like at rest, read from the table `residues.txt`.
//!
//! Bond lengths and angles are round figures near the middle of what the force field prefers; a search relaxes them
//! within its first steps. What matters is what no relaxation may change: which atoms there are, which are bonded, and
//! the hand of every centre.

use std::sync::LazyLock;

use molecule::{AminoAcid, AtomName, Element, Monomer};

static TABLE: LazyLock<Vec<Template>> = LazyLock::new(|| parse(include_str!("residues.txt")));

/// An atom and how it is placed from three that stand already.
pub struct Placed {
    pub name: AtomName,
    /// The atom it is bonded to, the one before that, and one more for the dihedral.
    pub parents: [AtomName; 3],
    pub length: f64,
    pub angle: f64,
    pub dihedral: f64,
}

/// One residue of the table. Atoms are given by their names within the residue.
#[derive(Default)]
pub struct Template {
    code: String,
    pub atoms: Vec<Placed>,
    /// Bonds that close a ring.
    pub rings: Vec<[AtomName; 2]>,
    /// Torsions of the side chain that a search may turn.
    pub chis: Vec<[AtomName; 4]>,
    /// Groups of atoms that stay in one plane.
    pub flats: Vec<Vec<AtomName>>,
    /// Centres whose hand is fixed: the centre and three of its neighbours, the triple product of which is positive.
    pub hands: Vec<[AtomName; 4]>,
    /// Pairs of atoms that may trade names without changing the molecule; the pairs of one group trade together.
    pub alike: Vec<Vec<[AtomName; 2]>>,
}

impl Template {
    /// The template of a residue or cap.
    pub fn of(monomer: Monomer) -> &'static Self {
        let found = TABLE
            .iter()
            .find(|template| template.code == monomer.code());
        found.expect("the table has every residue and cap; a test reads it")
    }

    /// Whether the residue is proline, whose ring holds its N.
    pub fn is_proline(monomer: Monomer) -> bool {
        monomer == Monomer::Amino(AminoAcid::Pro)
    }
}

/// A name that is known to be one.
pub fn named(name: &str) -> AtomName {
    AtomName::new(name).expect("names in the code and the table are one to four letters and digits")
}

/// The element of an atom by its name: in proteins, the first letter says it.
pub fn element(name: AtomName) -> Element {
    let first = name
        .as_str()
        .chars()
        .find(char::is_ascii_alphabetic)
        .map(String::from);
    first
        .and_then(|letter| Element::from_symbol(&letter))
        .expect("every atom of a protein is named after its element")
}

fn parse(table: &str) -> Vec<Template> {
    let mut templates: Vec<Template> = Vec::new();
    for line in table.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let Some((&kind, words)) = words.split_first() else {
            continue;
        };
        if kind == "residue" {
            templates.push(Template {
                code: words[0].to_owned(),
                ..Template::default()
            });
        } else if kind != "#" {
            let template = templates
                .last_mut()
                .expect("the table begins with a residue");
            add(template, kind, words);
        }
    }
    templates
}

fn add(template: &mut Template, kind: &str, words: &[&str]) {
    let names = || words.iter().map(|word| named(word));
    match kind {
        "atom" => template.atoms.push(placed(words)),
        "ring" => template.rings.push(exactly(names())),
        "chi" => template.chis.push(exactly(names())),
        "flat" => template.flats.push(names().collect()),
        "left" => template.hands.push(exactly(names())),
        "alike" => {
            let names: Vec<AtomName> = names().collect();
            let pairs = names.chunks(2).map(|pair| [pair[0], pair[1]]);
            template.alike.push(pairs.collect());
        }
        _ => unreachable!("{kind} is no kind of line in the table; a test reads all of it"),
    }
}

fn placed(words: &[&str]) -> Placed {
    let number = |k: usize| -> f64 { words[k].parse().expect("a number; a test reads the table") };
    Placed {
        name: named(words[0]),
        parents: [1, 2, 3].map(|k| named(words[k])),
        length: number(4),
        angle: number(5),
        dihedral: number(6),
    }
}

fn exactly<const N: usize>(names: impl Iterator<Item = AtomName>) -> [AtomName; N] {
    let names: Vec<AtomName> = names.collect();
    names
        .try_into()
        .expect("as many names as the line's kind has; a test reads the table")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_every_residue_and_cap_once() {
        assert_eq!(TABLE.len(), 22);
        for amino in AminoAcid::ALL {
            assert_eq!(Template::of(Monomer::Amino(amino)).code, amino.code());
        }
        assert_eq!(Template::of(Monomer::Ace).atoms.len(), 3);
        assert_eq!(Template::of(Monomer::Nme).atoms.len(), 3);
    }

    #[test]
    fn every_residue_but_glycine_is_left_handed() {
        for amino in AminoAcid::ALL {
            let hands = &Template::of(Monomer::Amino(amino)).hands;
            let is_left = hands.contains(&["CA", "N", "C", "CB"].map(named));
            assert_eq!(is_left, amino != AminoAcid::Gly, "{amino}");
        }
    }
}
