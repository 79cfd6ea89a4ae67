//! What holds whatever is read and compared.

use molecule::compare::{Superposition, rmsd, tm_score};
use molecule::{AminoAcid, AtomName, Element, Molecule, Monomer, Point, mmcif, pdb, point};
use proptest::prelude::*;

use crate::ALANINE;

fn coordinate() -> impl Strategy<Value = f64> {
    prop_oneof![
        -60.0..60.0,
        Just(-0.0),
        Just(f64::MIN_POSITIVE),
        -9e3..9e3,
        -1e-7..1e-7
    ]
}

fn places(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Point>> {
    prop::collection::vec(prop::array::uniform3(coordinate()), count)
}

/// A chain of alpha carbons of any amino acids.
fn chain() -> impl Strategy<Value = Molecule> {
    let residue = (0_usize..20, prop::array::uniform3(coordinate()));
    prop::collection::vec(residue, 1..40).prop_map(|residues| {
        let mut molecule = Molecule::default();
        for (number, (amino, position)) in (-5..).zip(residues) {
            molecule.begin_residue(Monomer::Amino(AminoAcid::ALL[amino]), number);
            molecule.push_atom(AtomName::new("CA").expect("a name"), Element::C, position);
        }
        molecule
    })
}

fn bits(molecule: &Molecule) -> Vec<[u64; 3]> {
    let positions = molecule.positions.iter();
    positions
        .map(|position| position.map(f64::to_bits))
        .collect()
}

/// The rotation by `angle` about `axis`, as Rodrigues wrote it.
fn turned(place: Point, axis: Point, angle: f64) -> Point {
    let axis = point::scaled(axis, 1.0 / point::norm(axis));
    let (sin, cos) = angle.sin_cos();
    let along = point::scaled(axis, point::dot(axis, place) * (1.0 - cos));
    let across = point::scaled(point::cross(axis, place), sin);
    point::sum(point::sum(point::scaled(place, cos), across), along)
}

proptest! {
    /// Through mmCIF every position keeps every bit.
    #[test]
    fn mmcif_keeps_every_bit(molecule in chain()) {
        let read = mmcif::read(&mmcif::write(&molecule, "")).unwrap();
        prop_assert_eq!(&read, &molecule);
        prop_assert_eq!(bits(&read), bits(&molecule));
    }

    /// Through PDB a molecule keeps everything but digits past the third, and a second time all of it.
    #[test]
    fn pdb_keeps_what_it_has_room_for(molecule in chain()) {
        let text = pdb::write(&molecule);
        let read = pdb::read(&text).unwrap();
        prop_assert_eq!(&read.residues, &molecule.residues);
        prop_assert_eq!(&read.atoms, &molecule.atoms);
        for (read, written) in read.positions.iter().zip(&molecule.positions) {
            for (read, written) in read.iter().zip(written) {
                let rounding = if *written <= -999.0 { 0.005_001 } else { 0.000_501 };
                prop_assert!((read - written).abs() <= rounding);
            }
        }
        prop_assert_eq!(pdb::write(&read), text);
    }

    /// No text, and no damage to a right file, does worse than be refused.
    #[test]
    fn any_text_is_read_or_refused(text in "(ATOM|HETATM|TER|MODEL|loop_|_atom_site\\.id|[ -~é]|\\PC|\n){0,60}") {
        for refusal in [pdb::read(&text), mmcif::read(&text)].into_iter().filter_map(Result::err) {
            prop_assert!(refusal.to_string().len() < 200, "{}", refusal);
        }
    }

    #[test]
    fn damage_is_read_or_refused(at in 0_usize..2_000, damage in "[ -~\né]{0,12}") {
        for text in [ALANINE.to_owned(), mmcif::write(&crate::read(ALANINE), "")] {
            let end = (at + damage.len()).min(text.len());
            let text = format!("{}{damage}{}", &text[..at.min(end)], &text[end..]);
            for read in [pdb::read(&text), mmcif::read(&text)].into_iter().flatten() {
                prop_assert_eq!(mmcif::read(&mmcif::write(&read, "")).unwrap(), read);
            }
        }
    }

    /// A thing turned and shifted is laid back onto itself.
    #[test]
    fn a_rigid_motion_is_undone(
        points in prop::collection::vec(prop::array::uniform3(-60.0..60.0), 1..50),
        axis in prop::array::uniform3(0.1..1.0),
        angle in -3.2..3.2,
        shift in prop::array::uniform3(-100.0..100.0),
    ) {
        let moved: Vec<Point> =
            points.iter().map(|&place| point::sum(turned(place, axis, angle), shift)).collect();
        prop_assert!(rmsd(&points, &moved) < 1e-9);
        let motion = Superposition::of(&points, &moved);
        for (&from, &to) in points.iter().zip(&moved) {
            prop_assert!(point::distance(motion.apply(from), to) < 1e-6);
        }
    }

    /// The order of a comparison does not matter, and nothing small brings the structures nearer than the best motion.
    #[test]
    fn rmsd_is_symmetric_and_least(
        (a, b) in (3_usize..30).prop_flat_map(|n| (places(n..n + 1), places(n..n + 1))),
        axis in prop::array::uniform3(0.1..1.0),
    ) {
        let best = rmsd(&a, &b);
        prop_assert!((best - rmsd(&b, &a)).abs() <= 1e-6 * (1.0 + best));
        let motion = Superposition::of(&a, &b);
        let centre = point::centre(&b);
        for angle in [-0.1, 0.1] {
            let nudged = a.iter().map(|&place| {
                let place = point::difference(motion.apply(place), centre);
                point::sum(turned(place, axis, angle), centre)
            });
            let total: f64 = nudged.zip(&b).map(|(a, &b)| point::distance(a, b).powi(2)).sum();
            prop_assert!(best <= (total / b.len() as f64).sqrt() * (1.0 + 1e-9));
        }
    }

    /// A score is a share, and a chain is like itself.
    #[test]
    fn tm_score_is_a_share(molecule in chain(), other in chain()) {
        prop_assert!((tm_score(&molecule, &molecule) - 1.0).abs() < 1e-9);
        let score = tm_score(&other, &molecule);
        prop_assert!((0.0..=1.0 + 1e-12).contains(&score));
    }
}
