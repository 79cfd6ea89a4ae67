//! The Ramachandran plot: one point for each residue at its φ and ψ.

use super::regions::{ALLOWED, FAVOURED, Outline};
use super::{Canvas, Frame};
use crate::torsion::{Torsions, torsions};
use crate::{AminoAcid, Molecule, Residue};

const FRAME: Frame = Frame {
    left: 48.0,
    top: 28.0,
    width: 360.0,
    height: 360.0,
    x: (-180.0, 180.0),
    y: (-180.0, 180.0),
};

const TICKS: [f64; 7] = [-180.0, -120.0, -60.0, 0.0, 60.0, 120.0, 180.0];

/// The Ramachandran plot of a molecule as SVG.
///
/// Residues at an end, or beside a gap, have one of the two angles only and are not on it. Glycines are triangles and
/// prolines squares, because the shaded regions are those of the other amino acids.
pub fn ramachandran(molecule: &Molecule) -> String {
    let mut canvas = Canvas::new(424, 432, "Ramachandran plot");
    for (class, outlines) in [("allowed", &ALLOWED[..]), ("favoured", &FAVOURED[..])] {
        for outline in outlines {
            canvas.element(format_args!(
                "<path class=\"{class}\" d=\"{}\"/>",
                path(outline)
            ));
        }
    }
    FRAME.draw(
        &mut canvas,
        (&TICKS, &TICKS),
        ("φ (degrees)", "ψ (degrees)"),
    );
    for torsions in torsions(molecule) {
        let residue = &molecule.residues[torsions.residue];
        if let Some(point) = point(residue, &torsions) {
            canvas.element(point);
        }
    }
    canvas.finish()
}

fn path(outline: Outline) -> String {
    let corner = |(index, &(phi, psi)): (usize, &(f64, f64))| {
        let (x, y) = FRAME.place(phi, psi);
        let letter = if index == 0 { 'M' } else { 'L' };
        format!("{letter}{x:.0} {y:.0}")
    };
    let corners: String = outline.iter().enumerate().map(corner).collect();
    corners + "Z"
}

fn point(residue: &Residue, torsions: &Torsions) -> Option<String> {
    let is_number = |angle: &f64| angle.is_finite();
    let phi = torsions.phi.filter(is_number)?;
    let psi = torsions.psi.filter(is_number)?;
    let (x, y) = FRAME.place(phi, psi);
    let shape = match residue.monomer.amino()? {
        AminoAcid::Gly => format!(
            "<path class=\"point\" d=\"M{x:.1} {:.1}l4.5 8h-9z\">",
            y - 5.0
        ),
        AminoAcid::Pro => format!(
            "<rect class=\"point\" x=\"{:.1}\" y=\"{:.1}\" width=\"7\" height=\"7\">",
            x - 3.5,
            y - 3.5
        ),
        _ => format!("<circle class=\"point\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.8\">"),
    };
    let (element, _) = shape[1..].split_once(' ')?;
    let (code, number) = (residue.monomer.code(), residue.number);
    let title = format!("{code} {number}: φ {phi:.0}°, ψ {psi:.0}°");
    Some(format!("{shape}<title>{title}</title></{element}>"))
}
