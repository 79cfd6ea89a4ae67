//! What each residue is made of where it stands: atoms, types, charges, bonds, and Amber's own positions of them.
//!
//! Within a chain a residue has Amber's name of it (`ALA`), at the charged ends `NALA` and `CALA`. Histidine is `HID`, `HIE`
//! or `HIP` by which of its nitrogens have a hydrogen, cysteine without `HG` is `CYX`.

use bio_files::mol_templates::{TemplateData, load_templates};
use molecule::{AminoAcid, AtomName, Element, Monomer, Point};
use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::parameters::{Kind, decimal, parameters};

const LIBRARIES: [&str; 3] = [
    include_str!("../data/amino19.lib"),
    include_str!("../data/aminont12.lib"),
    include_str!("../data/aminoct12.lib"),
];

/// Where in its chain a residue stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum End {
    /// First, with –NH₃⁺.
    First,
    /// Between two others (caps count).
    Middle,
    /// Last, with –COO⁻.
    Last,
}

/// One residue as Amber's libraries have it.
#[derive(Clone, Debug)]
pub struct Template {
    /// Amber's name: `ALA` within a chain, `NALA` and `CALA` at its ends, `HIE`, `CYX`, `ACE`, `NME`.
    pub name: String,
    /// The atoms, in Amber's order.
    pub atoms: Vec<TemplateAtom>,
    /// The bonds within the residue, as pairs of places in `atoms`.
    pub bonds: Vec<(usize, usize)>,
}

/// One atom of a residue.
#[derive(Clone, Debug)]
pub struct TemplateAtom {
    pub name: AtomName,
    pub element: Element,
    /// The atom type, by which parameters are found.
    pub kind: Kind,
    /// The partial charge, in elementary charges.
    pub charge: f64,
    /// Where Amber's library has it: right bond lengths, angles and chirality, an arbitrary shape.
    pub position: Point,
}

impl Template {
    /// The residue of an Amber name.
    pub fn of(name: &str) -> Option<&'static Self> {
        static TEMPLATES: LazyLock<BTreeMap<String, Template>> = LazyLock::new(read);
        TEMPLATES.get(name)
    }

    /// What a monomer may be where it stands, the usual form first: histidine is `HIE`, cysteine has its hydrogen.
    pub fn forms(monomer: Monomer, end: End) -> Vec<&'static Self> {
        let names: &[&str] = match monomer {
            Monomer::Amino(AminoAcid::His) => &["HIE", "HID", "HIP"],
            Monomer::Amino(AminoAcid::Cys) => &["CYS", "CYX"],
            Monomer::Amino(amino) => &[amino.code()],
            Monomer::Ace => return Self::of("ACE").into_iter().collect(),
            Monomer::Nme => return Self::of("NME").into_iter().collect(),
        };
        let letter = match end {
            End::First => "N",
            End::Middle => "",
            End::Last => "C",
        };
        let forms = names
            .iter()
            .filter_map(|name| Self::of(&format!("{letter}{name}")));
        forms.collect()
    }

    /// The place of an atom by name.
    pub fn atom(&self, name: &str) -> Option<usize> {
        self.atoms.iter().position(|atom| atom.name == name)
    }
}

fn read() -> BTreeMap<String, Template> {
    let mut templates = BTreeMap::new();
    for library in LIBRARIES {
        let residues = load_templates(library).expect("the tests read these files");
        for (name, residue) in residues {
            // The libraries also have residues that proteins of the twenty amino acids have not; those of other types or
            // elements are left out.
            if let Some(template) = template(&name, &residue) {
                templates.insert(name, template);
            }
        }
    }
    templates
}

fn template(name: &str, residue: &TemplateData) -> Option<Template> {
    let mut atoms = Vec::with_capacity(residue.atoms.len());
    for atom in &residue.atoms {
        atoms.push(TemplateAtom {
            name: AtomName::new(atom.type_in_res_general.as_deref()?)?,
            element: Element::from_symbol(&atom.element.to_letter())?,
            kind: parameters().kind(atom.force_field_type.as_deref()?)?,
            charge: decimal(atom.partial_charge?),
            position: [atom.posit.x, atom.posit.y, atom.posit.z],
        });
    }
    let place = |serial: u32| usize::try_from(serial).ok()?.checked_sub(1);
    let mut bonds = Vec::with_capacity(residue.bonds.len());
    for bond in &residue.bonds {
        bonds.push((place(bond.atom_0_sn)?, place(bond.atom_1_sn)?));
    }
    Some(Template {
        name: name.to_owned(),
        atoms,
        bonds,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_amino_acid_has_a_form_everywhere() {
        for amino in AminoAcid::ALL {
            for end in [End::First, End::Middle, End::Last] {
                let forms = Template::forms(Monomer::Amino(amino), end);
                assert!(!forms.is_empty(), "{amino} {end:?}");
                for form in forms {
                    assert_eq!(form.atom("N"), Some(0), "{}", form.name);
                    assert_eq!(form.atom("OXT").is_some(), end == End::Last);
                }
            }
        }
        for cap in [Monomer::Ace, Monomer::Nme] {
            assert_eq!(Template::forms(cap, End::Middle)[0].atoms.len(), 6);
        }
    }

    #[test]
    fn charges_of_a_residue_sum_to_a_whole_number() {
        for amino in AminoAcid::ALL {
            for end in [End::First, End::Middle, End::Last] {
                for form in Template::forms(Monomer::Amino(amino), end) {
                    let charge: f64 = form.atoms.iter().map(|atom| atom.charge).sum();
                    assert!((charge - charge.round()).abs() < 1e-4, "{}", form.name);
                }
            }
        }
    }

    #[test]
    fn bonds_are_as_long_in_the_library_as_at_rest() {
        let alanine = Template::of("ALA").unwrap();
        assert_eq!(alanine.bonds.len(), 9);
        for &(a, b) in &alanine.bonds {
            let (a, b) = (&alanine.atoms[a], &alanine.atoms[b]);
            let squares = (0..3).map(|k| (a.position[k] - b.position[k]).powi(2));
            let length = squares.sum::<f64>().sqrt();
            let rest = parameters().bond([a.kind, b.kind]).unwrap().rest;
            assert!((length - rest).abs() < 0.03, "{}-{}", a.name, b.name);
        }
    }
}
