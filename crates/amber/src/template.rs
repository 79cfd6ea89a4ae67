//! What each residue is made of where it stands: atoms, types, charges, bonds, and Amber's own positions of them.

use molecule::{Element, Point};

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
    pub name: String,
    pub element: Element,
    /// Amber's atom type, by which parameters are found: `XC`, `H1`.
    pub kind: String,
    /// The partial charge, in elementary charges.
    pub charge: f64,
    /// Where Amber's library has it: right bond lengths, angles and chirality, an arbitrary shape.
    pub position: Point,
}

impl Template {
    /// The residue of an Amber name.
    pub fn of(name: &str) -> Option<&'static Self> {
        let _ = name;
        unimplemented!("lands within minutes")
    }

    /// The place of an atom by name.
    pub fn atom(&self, name: &str) -> Option<usize> {
        self.atoms.iter().position(|atom| atom.name == name)
    }
}
