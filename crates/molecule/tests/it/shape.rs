//! Torsion angles, secondary structure, and the pictures of them.

use molecule::torsion::{self, torsions};
use molecule::{dssp, mmcif, plot};

use crate::{ALANINE, NATIVE, PI, SHEETS, VILLIN, near, read};

/// mdtraj 1.11.1.post2, `compute_phi`, `compute_psi`, `compute_omega`, `compute_chi1` to `compute_chi4`: the first ones, and
/// the sums of all.
#[test]
fn torsion_angles_are_those_of_mdtraj() {
    let angles = torsions(&read(NATIVE));
    assert_eq!(angles.len(), 36);
    assert_eq!(
        (angles[0].omega, angles[0].phi, angles[35].psi),
        (None, None, None)
    );
    near(angles[1].phi.unwrap(), -64.308, 1e-3);
    near(angles[0].psi.unwrap(), 132.907, 1e-3);
    near(angles[1].omega.unwrap(), -179.006, 1e-3);
    near(angles[2].omega.unwrap(), 178.918, 1e-3);
    let met: Vec<f64> = angles[0].chi.iter().flatten().copied().collect();
    for (found, wanted) in met.into_iter().zip([-95.176, 130.663, 128.575]) {
        near(found, wanted, 1e-3);
    }
    near(
        angles.iter().filter_map(|angles| angles.phi).sum(),
        -2124.0632,
        0.01,
    );
    near(
        angles.iter().filter_map(|angles| angles.psi).sum(),
        -195.74725,
        0.01,
    );
    let omega = angles.iter().filter_map(|angles| angles.omega);
    near(omega.map(f64::abs).sum(), 6272.8784, 0.01);
    for (place, (count, total)) in [(31, -1598.594), (27, -508.931), (12, 86.392), (6, -53.494)]
        .into_iter()
        .enumerate()
    {
        let chi = angles.iter().filter_map(|angles| *angles.chi.get(place)?);
        assert_eq!(chi.clone().count(), count, "χ{}", place + 1);
        near(chi.sum(), total, 0.01);
    }
}

/// mdtraj 1.11.1.post2 for φ and ψ; both peptide bonds of the caps are trans.
#[test]
fn caps_give_their_neighbour_its_angles() {
    let alanine = read(ALANINE);
    let angles = torsions(&alanine);
    assert_eq!(angles.len(), 1);
    assert_eq!(angles[0].residue, 1);
    near(angles[0].phi.unwrap(), -106.8161, 1e-3);
    near(angles[0].psi.unwrap(), 17.15441, 1e-3);
    for residue in [1, 2] {
        assert!(torsion::omega(&alanine, residue).unwrap().abs() > 150.0);
    }
    assert_eq!(torsion::omega(&alanine, 0), None);
}

#[test]
fn a_gap_has_no_angles() {
    let mut villin = read(NATIVE);
    for residue in &villin.residues[10..] {
        for atom in residue.atoms.clone() {
            villin.positions[atom][0] += 10.0;
        }
    }
    let angles = torsions(&villin);
    assert_eq!(
        (angles[9].psi, angles[10].phi, angles[10].omega),
        (None, None, None)
    );
    assert!(angles[9].phi.is_some() && angles[10].psi.is_some());
}

/// mdtraj 1.11.1.post2, `compute_dssp(simplified=False)`.
#[test]
fn secondary_structure_is_that_of_mdtraj() {
    let states = |text| dssp::assign(&read(text)).into_iter().collect::<String>();
    assert_eq!(states(NATIVE), "   HHHHHTTSSS HHHHTTS HHHHHHHHHHTT  ");
    assert_eq!(states(VILLIN[0]), "   HHHHHHHT S SGGGGSS HHHHHHHHTTSS  ");
    assert_eq!(states(VILLIN[1]), "   HHHHHHHTSS HHHHTTS HHHHHHHHTTSS  ");
    assert_eq!(states(VILLIN[2]), "   HHHHHHHT S TTGGGGS HHHHHHHHHHS   ");
    assert_eq!(
        states(SHEETS),
        " GGGGTSS    HHHHHHHHHTTTTTT EE      EEE TTT  EEEE    EEE  S HHHHHHHHHHHHHHHHSTT S GGG BTTB       \
    \x20   B SSSSSB "
    );
    assert_eq!(states(PI), " HHHHHHHIIIIIIIHHHHHH ");
    assert_eq!(states(ALANINE), "   ");
}

/// What is too short or incomplete for any state has none.
#[test]
fn secondary_structure_of_fragments_is_blank() {
    let mut villin = read(NATIVE);
    villin.residues.truncate(3);
    assert_eq!(dssp::assign(&villin), [' '; 3]);
    let helix = read(PI);
    let mut without = helix.clone();
    for atom in &mut without.atoms {
        if atom.name == "O" {
            atom.name = molecule::AtomName::new("OX").unwrap();
        }
    }
    assert!(dssp::assign(&without).iter().all(|state| *state == ' '));
    assert_eq!(dssp::assign(&without).len(), dssp::assign(&helix).len());
}

#[test]
fn every_residue_with_both_angles_is_on_the_ramachandran_plot() {
    let svg = plot::ramachandran(&read(NATIVE));
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    assert_eq!(svg.matches("class=\"point\"").count(), 34);
    assert_eq!(svg.matches("</circle>").count(), 31);
    assert!(
        svg.contains("<title>LEU 42: φ -64°, ψ 100°</title>"),
        "{svg}"
    );
    assert!(svg.len() < 10_000);
    let single = plot::ramachandran(&mmcif::read(&mmcif::write(&read(ALANINE), "")).unwrap());
    assert_eq!(single.matches("class=\"point\"").count(), 1);
}

#[test]
fn the_course_of_an_energy_is_drawn_down_to_its_lowest() {
    let svg = plot::energy_over_time(&[(0.0, 1e6), (1.0, -100.0), (2.0, -120.5), (3.0, -130.25)]);
    assert!(svg.contains("lowest -130.25 kcal/mol"));
    assert!(svg.contains("<title>-130.25 kcal/mol after 3.0 s</title>"));
    assert!(!svg.contains("NaN") && !svg.contains("inf"));
    assert!(plot::energy_over_time(&[]).contains("no energies yet"));
    assert!(plot::energy_over_time(&[(0.0, f64::NAN)]).contains("no energies yet"));
    for odd in [vec![(0.0, 5.0)], vec![(1.0, 1e300), (1.0, -1e300)]] {
        let svg = plot::energy_over_time(&odd);
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
