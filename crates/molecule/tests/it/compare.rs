//! RMSD, TM-score and lDDT, as other programs compute them.

use molecule::compare::{Atoms, Lddt, Names, lddt, pairs, rmsd, rmsd_of, tm_score};
use molecule::{AminoAcid, Molecule};

use crate::{ALANINE, NATIVE, VILLIN, near, read};

/// biotite 1.6.0, `superimpose` and `rmsd`: alpha carbons, then all heavy atoms.
#[test]
fn rmsd_is_that_of_biotite() {
    let native = read(NATIVE);
    let figures = [
        (1.241898, 1.6614782),
        (1.2068864, 1.7703177),
        (1.4055916, 1.832351),
    ];
    for (text, (alpha, heavy)) in VILLIN.into_iter().zip(figures) {
        let model = read(text);
        near(rmsd_of(&model, &native, Atoms::Alpha).unwrap(), alpha, 2e-6);
        near(rmsd_of(&model, &native, Atoms::Heavy).unwrap(), heavy, 2e-6);
    }
}

/// tmtools 0.3.0, the authors' TM-align code, told to keep each residue paired with itself.
#[test]
fn tm_score_is_that_of_its_authors_program() {
    let native = read(NATIVE);
    let models = VILLIN.map(read);
    let figures = [0.681091614050728, 0.6839820355248302, 0.6415464482984896];
    for (model, figure) in models.iter().zip(figures) {
        near(tm_score(model, &native), figure, 1e-4);
    }
    near(tm_score(&models[1], &models[0]), 0.788441574621588, 1e-4);
    near(tm_score(&models[2], &models[0]), 0.7184534689188505, 1e-4);
    near(tm_score(&models[2], &models[1]), 0.7397399272120216, 1e-4);
    near(tm_score(&native, &native), 1.0, 1e-12);
}

/// biotite 1.6.0, `lddt`, which takes names as they are given: all heavy atoms, then alpha carbons.
#[test]
fn lddt_is_that_of_biotite() {
    let native = read(NATIVE);
    let figures = [
        (0.6346291377196567, 0.6520127118644068),
        (0.6339650592562321, 0.6663135593220338),
        (0.6231354720065386, 0.6679025423728814),
    ];
    for (text, (heavy, alpha)) in VILLIN.into_iter().zip(figures) {
        let model = read(text);
        let score = |atoms| {
            let names = Names::Given;
            Lddt { atoms, names }.score(&model, &native)
        };
        near(score(Atoms::Heavy), heavy, 1e-9);
        near(score(Atoms::Alpha), alpha, 1e-9);
    }
    near(lddt(&native, &native), 1.0, 0.0);
}

/// Which of two like ends of a side chain is called 1 is chance, and costs nothing.
#[test]
fn exchanged_twins_cost_no_lddt() {
    let native = read(NATIVE);
    let mut renamed = native.clone();
    let mut exchange = |residue: usize, names: [&str; 2]| {
        let [a, b] = names.map(|name| native.atom(residue, name).unwrap());
        renamed.positions.swap(a, b);
    };
    for (place, residue) in native.residues.iter().enumerate() {
        match residue.monomer.amino() {
            Some(AminoAcid::Phe) => {
                exchange(place, ["CD1", "CD2"]);
                exchange(place, ["CE1", "CE2"]);
            }
            Some(AminoAcid::Glu) => exchange(place, ["OE1", "OE2"]),
            Some(AminoAcid::Arg) => exchange(place, ["NH1", "NH2"]),
            _ => {}
        }
    }
    let given = Lddt {
        atoms: Atoms::Heavy,
        names: Names::Given,
    };
    assert!(given.score(&renamed, &native) < 0.999);
    near(lddt(&renamed, &native), 1.0, 0.0);
}

/// A model that was shifted and turned is as good as it was.
#[test]
fn no_measure_sees_a_rigid_motion() {
    let (native, model) = (read(NATIVE), read(VILLIN[0]));
    let mut moved = model.clone();
    let (sin, cos) = 2.0_f64.sin_cos();
    for [x, y, z] in &mut moved.positions {
        (*x, *y, *z) = (cos * *x - sin * *y + 40.0, *z - 7.0, -sin * *x - cos * *y);
    }
    let copied = rmsd_of(&moved, &model, Atoms::Heavy).unwrap();
    assert!(copied < 1e-12, "{copied}");
    near(tm_score(&moved, &native), tm_score(&model, &native), 1e-9);
    near(lddt(&moved, &native), lddt(&model, &native), 1e-9);
}

/// A chain counted from 1 is compared with the same chain counted from 41.
#[test]
fn numbers_do_not_matter_where_the_sequence_is_the_same() {
    let (native, mut model) = (read(NATIVE), read(VILLIN[0]));
    for residue in &mut model.residues {
        residue.number -= 40;
    }
    assert_eq!(pairs(&model, &native).len(), 36);
    near(tm_score(&model, &native), 0.681091614050728, 1e-4);
}

/// A model that lacks half of the chain scores for the half it has; residues are then found by their numbers.
#[test]
fn what_a_model_lacks_counts_as_wrong() {
    let native = read(NATIVE);
    let mut half = Molecule::default();
    for residue in &native.residues[18..] {
        half.begin_residue(residue.monomer, residue.number);
        for atom in residue.atoms.clone() {
            let (name, element) = (native.atoms[atom].name, native.atoms[atom].element);
            half.push_atom(name, element, native.positions[atom]);
        }
    }
    near(tm_score(&half, &native), 0.5, 1e-9);
    let score = lddt(&half, &native);
    assert!((0.1..0.5).contains(&score), "{score}");
    assert_eq!(
        rmsd_of(&half, &native, Atoms::Heavy).map(|rmsd| rmsd < 1e-9),
        Some(true)
    );

    let other = read(ALANINE);
    assert_eq!(tm_score(&other, &native), 0.0);
    assert_eq!(lddt(&other, &native), 0.0);
    assert_eq!(rmsd_of(&other, &native, Atoms::Heavy), None);
}

/// Laying one structure on the other can only bring them nearer.
#[test]
fn rmsd_is_never_more_than_without_superposition() {
    let native = read(NATIVE);
    for text in VILLIN {
        let model = read(text);
        let square = |(a, b): (&[f64; 3], &[f64; 3])| molecule::point::distance(*a, *b).powi(2);
        let total: f64 = model
            .positions
            .iter()
            .zip(&native.positions)
            .map(square)
            .sum();
        let unmoved = (total / model.positions.len() as f64).sqrt();
        assert!(rmsd(&model.positions, &native.positions) <= unmoved + 1e-12);
    }
}
