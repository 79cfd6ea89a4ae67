//! Secondary structure by the rules of DSSP (Kabsch & Sander, Biopolymers 22, 2577, 1983).
//!
//! # The rule
//!
//! 1. **Hydrogen bonds.** The energy between the C=O of one residue and the N–H of another follows from four distances; below
//!    −0.5 kcal/mol they are bonded. The hydrogen is put where the C=O before it points away from. (`dssp/bonds.rs`)
//! 2. **Turns.** An n-turn at `i` is a bond from C=O of `i` to N–H of `i + n`, for n of 3, 4 and 5.
//! 3. **Helices.** Two turns of one n in a row: 4 is `H`, 3 is `G`, 5 is `I`.
//! 4. **Strands.** A bridge joins two residues by the patterns of bonds in `dssp/sheet.rs`. A lone one is `B`; bridges in a row
//!    make a ladder, whose residues are `E`, small bulges between ladders included.
//! 5. **The rest.** Inside a turn `T`, where the chain bends by more than 70° `S`, else a blank.
//!
//! Where two apply, the first of H, E, B, G, I, T, S counts, except that a five-turn helix takes over the α-helix it
//! lies in, as in the program's later versions.

mod bonds;
mod sheet;

use crate::torsion::is_joined;
use crate::{AminoAcid, Molecule, Monomer, Point, point};

use bonds::Bonds;

/// A chain bends where the directions of two residues before and after differ by more, in degrees.
const BEND: f64 = 70.0;

/// The state of each of [`Molecule::residues`]: `H` `G` `I` helices, `E` strand, `B` bridge, `T` turn, `S` bend, or a blank. A
/// residue without N, CA, C and O has a blank and breaks the chain; a cap has a blank.
pub fn assign(molecule: &Molecule) -> Vec<char> {
    let chain = Chain::of(molecule);
    let bonds = Bonds::of(&chain);
    let mut states = vec![' '; chain.residues.len()];
    sheet::mark(&chain, &bonds, &mut states);
    let turns = [3, 4, 5].map(|span| turns(&chain, &bonds, span));
    helix(&turns[1], 4, 'H', &mut states, |_| true);
    helix(&turns[0], 3, 'G', &mut states, |state| " G".contains(state));
    helix(&turns[2], 5, 'I', &mut states, |state| {
        " IH".contains(state)
    });
    for (place, state) in states.iter_mut().enumerate() {
        if *state == ' ' {
            *state = remainder(&chain, &turns, place);
        }
    }
    let mut states = states.into_iter();
    let monomers = molecule.residues.iter().map(|residue| residue.monomer);
    let mut state = |monomer: Monomer| monomer.amino().and_then(|_| states.next());
    monomers
        .map(|monomer| state(monomer).unwrap_or(' '))
        .collect()
}

/// What of a residue its hydrogen bonds follow from.
#[derive(Clone, Copy)]
struct Backbone {
    nitrogen: Point,
    alpha: Point,
    carbon: Point,
    oxygen: Point,
    /// Where the hydrogen of the nitrogen would be; a proline has none, and neither has the first residue after a gap.
    hydrogen: Option<Point>,
}

/// The residues that are no caps.
struct Chain {
    residues: Vec<Option<Backbone>>,
    /// For each residue, how many before it follow each other without a gap.
    run: Vec<usize>,
}

impl Chain {
    fn of(molecule: &Molecule) -> Self {
        let mut chain = Self {
            residues: Vec::new(),
            run: Vec::new(),
        };
        for (place, residue) in molecule.residues.iter().enumerate() {
            let Some(amino) = residue.monomer.amino() else {
                continue;
            };
            let backbone = Backbone::of(molecule, place, amino);
            let follows = is_joined(molecule, place)
                && backbone.is_some()
                && matches!(chain.residues.last(), Some(Some(_)));
            let before = chain.run.last().map_or(0, |run| run + 1);
            chain.run.push(if follows { before } else { 0 });
            chain.residues.push(backbone);
        }
        chain
    }

    /// Whether the chain has no gap from one residue to another, both included.
    fn is_whole(&self, first: usize, last: usize) -> bool {
        self.residues[first].is_some() && self.run[last] >= last - first
    }
}

impl Backbone {
    fn of(molecule: &Molecule, residue: usize, amino: AminoAcid) -> Option<Self> {
        let position = |name| molecule.position(residue, name);
        let nitrogen = position("N")?;
        let hydrogen = || {
            let before = residue.checked_sub(1).filter(|_| amino != AminoAcid::Pro)?;
            if !is_joined(molecule, residue) {
                return None;
            }
            let (carbon, oxygen) = (
                molecule.position(before, "C")?,
                molecule.position(before, "O")?,
            );
            let away = point::difference(carbon, oxygen);
            let unit = point::scaled(away, 1.0 / point::norm(away));
            Some(point::sum(nitrogen, unit))
        };
        Some(Self {
            nitrogen,
            alpha: position("CA")?,
            carbon: position("C")?,
            oxygen: position("O")?,
            hydrogen: hydrogen(),
        })
    }
}

/// Where turns of a span begin.
fn turns(chain: &Chain, bonds: &Bonds, span: usize) -> Vec<bool> {
    let begins = |place: usize| {
        let end = place + span;
        end < chain.residues.len() && chain.is_whole(place, end) && bonds.has(end, place)
    };
    (0..chain.residues.len()).map(begins).collect()
}

/// Marks a helix wherever two turns begin in a row and every state there may be overwritten.
fn helix(turns: &[bool], span: usize, mark: char, states: &mut [char], may: fn(char) -> bool) {
    for place in 1..turns.len() {
        if turns[place - 1] && turns[place] {
            let stretch = &mut states[place..place + span];
            if stretch.iter().all(|&state| may(state)) {
                stretch.fill(mark);
            }
        }
    }
}

/// The state of a residue that is part of no helix and no sheet.
fn remainder(chain: &Chain, turns: &[Vec<bool>; 3], place: usize) -> char {
    let is_inside = |(turns, span): (&Vec<bool>, usize)| {
        (1..span).any(|back| place.checked_sub(back).is_some_and(|start| turns[start]))
    };
    if turns.iter().zip([3, 4, 5]).any(is_inside) {
        'T'
    } else if bends(chain, place) {
        'S'
    } else {
        ' '
    }
}

fn bends(chain: &Chain, place: usize) -> bool {
    let (Some(before), after) = (place.checked_sub(2), place + 2) else {
        return false;
    };
    if after >= chain.residues.len() || !chain.is_whole(before, after) {
        return false;
    }
    let alpha = |place: usize| chain.residues[place].map(|residue| residue.alpha);
    let (Some(before), Some(here), Some(after)) = (alpha(before), alpha(place), alpha(after))
    else {
        return false;
    };
    180.0 - point::angle(before, here, after) > BEND
}
