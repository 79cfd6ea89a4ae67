//! Implicit water: how deep each atom is buried, and what that does to the energy (OBC2).
//!
//! # The rule
//!
//! Each atom has an intrinsic radius ρ (mbondi2: C 1.7, N 1.55, O 1.5, S 1.8, H on nitrogen 1.3, other H 1.2 Å), a reduced
//! radius o = ρ − 0.09 Å and a scaled one s = o × (H 0.85, C 0.72, N 0.79, O 0.85, S 0.96). An atom r away from another takes
//! from it, if r + s′ ≥ o,
//!
//! ```text
//!  ½ (1/L − 1/U + ¼ (r − s′²/r)(1/U² − 1/L²) + ½ ln(L/U)/r),   U = r + s′,  L = max(o, |r − s′|)
//! ```
//!
//! With I the sum over all others and ψ = I o, the Born radius is B = 1/(1/o − tanh(ψ − 0.8ψ² + 4.85ψ³)/ρ). The energy is
//! that of [`pairs`](crate::pairs), and for each atom −½ τ K′ q²/B + γ (ρ + 1.4 Å)² (ρ/B)⁶, the last being the surface term.
//!
//! # The derivative
//!
//! By r, the terms of U cancel, and those of L do so too unless L = s′ − r, which leaves ½ (2/L² + ¼ (1 + s′²/r²)(1/U² − 1/L²) −
//! ½ ln(L/U)/r²), the first term only then. These slopes are kept from the first pass over the pairs to the last.

use molecule::{Element, Molecule};

use crate::lanes::{
    Lanes, ONE, WIDTH, ZERO, all, get, grouped, ln, only_gt, polynomial, set, sum, where_ge,
};
use crate::pairs::{COULOMB, Radius, SCREENING};
use crate::rows::{Row, Tally, bump};
use crate::topology::Topology;

/// By how much radii are reduced, in ångström.
const REDUCTION: f64 = 0.09;
/// From how far on what is taken is computed by its series, in ångström. There L = r − s′, and with y = (s′/r)² the whole is
/// (s′³/r⁴) (1/3 + 2/5 y + 3/7 y² + …); nine terms are off by less than 10⁻¹¹.
const FAR: f64 = 7.0;
/// The radius of a water molecule, in ångström.
const PROBE: f64 = 1.4;
/// γ: 28.3919551 kJ/mol/nm².
const SURFACE: f64 = 28.391_955_1 / 418.4;

/// The parameters of implicit water.
pub struct Born {
    atoms: Vec<Buried>,
    groups: Vec<Group>,
}

/// One atom.
struct Buried {
    /// ρ
    radius: f64,
    /// o
    reduced: f64,
    /// τ K′ q²
    charge: f64,
}

/// o and s of a group of atoms.
#[derive(Clone, Copy)]
struct Group {
    reduced: Lanes,
    scaled: Lanes,
}

/// One atom and one group.
struct Between {
    /// r²
    square: Lanes,
    /// 1/r²
    inverse_square: Lanes,
}

impl Born {
    pub fn new(molecule: &Molecule, topology: &Topology) -> Self {
        let radius = |atom: usize| match molecule.atoms[atom].element {
            Element::C => 1.7,
            Element::N => 1.55,
            Element::O => 1.5,
            Element::S => 1.8,
            Element::H => {
                let mut neighbours = topology.neighbours[atom].iter();
                let is_on_nitrogen =
                    neighbours.any(|other| molecule.atoms[*other].element == Element::N);
                if is_on_nitrogen { 1.3 } else { 1.2 }
            }
        };
        let scale = |atom: usize| match molecule.atoms[atom].element {
            Element::H | Element::O => 0.85,
            Element::C => 0.72,
            Element::N => 0.79,
            Element::S => 0.96,
        };
        let count = molecule.atoms.len();
        let reduced = grouped((0..count).map(|atom| radius(atom) - REDUCTION), 1.);
        let scaled = (0..count).map(|atom| scale(atom) * (radius(atom) - REDUCTION));
        let scaled = grouped(scaled, 1.);
        let groups = reduced.iter().zip(&scaled);
        let buried = |atom: usize| Buried {
            radius: radius(atom),
            reduced: radius(atom) - REDUCTION,
            charge: SCREENING * COULOMB * topology.charges[atom] * topology.charges[atom],
        };
        Self {
            atoms: (0..count).map(buried).collect(),
            groups: groups
                .map(|(&reduced, &scaled)| Group { reduced, scaled })
                .collect(),
        }
    }

    /// The first pass over a share's pairs: what atoms take from each other's radii, and the slopes of that.
    pub fn integrate(&self, rows: &[Row], places: &[[Lanes; 3]], tally: &mut Tally) {
        let mut next = 0;
        for row in rows {
            let (group, lane) = (row.atom / WIDTH, row.atom % WIDTH);
            let own = |lanes: Lanes| all(lanes.as_array_ref()[lane]);
            let place = places[group].map(own);
            let own = Group {
                reduced: own(self.groups[group].reduced),
                scaled: own(self.groups[group].scaled),
            };
            let mut taken = ZERO;
            for masked in &row.masked {
                let apart = Between::new(&place, &places[masked.group], ONE - masked.is_pair);
                let other = &self.groups[masked.group];
                let (integral, slope) = apart.take(own.reduced, other.scaled);
                let (counter, counter_slope) = apart.take(other.reduced, own.scaled);
                taken += integral * masked.is_pair;
                tally.integrals[masked.group] += counter * masked.is_pair;
                tally.slopes[next] = [slope * masked.is_pair, counter_slope * masked.is_pair];
                next += 1;
            }
            for group in row.plain.clone() {
                let apart = Between::new(&place, &places[group], ZERO);
                let other = &self.groups[group];
                let ((integral, slope), (counter, counter_slope)) = if apart.is_far() {
                    let taken = apart.take_far(other.scaled);
                    (taken, apart.take_far(own.scaled))
                } else {
                    let taken = apart.take(own.reduced, other.scaled);
                    (taken, apart.take(other.reduced, own.scaled))
                };
                taken += integral;
                tally.integrals[group] += counter;
                tally.slopes[next] = [slope, counter_slope];
                next += 1;
            }
            bump(&mut tally.integrals, row.atom, sum(taken));
        }
    }

    /// The Born radii, of the shares' integrals; and in `slopes` each one's derivative by its integral.
    pub fn radii(&self, tallies: &[Tally], radii: &mut [Radius], slopes: &mut [f64]) {
        for (atom, buried) in self.atoms.iter().enumerate() {
            let integrals = tallies.iter().map(|tally| get(&tally.integrals, atom));
            let psi = integrals.sum::<f64>() * buried.reduced;
            let square = psi * psi;
            let depth = libm::tanh(psi - 0.8 * square + 4.85 * (square * psi));
            let born = 1. / (1. / buried.reduced - depth / buried.radius);
            let steepness = 1. - 1.6 * psi + 14.55 * square;
            slopes[atom] =
                born * born * (1. - depth * depth) * steepness * buried.reduced / buried.radius;
            let radius = &mut radii[atom / WIDTH];
            set(std::slice::from_mut(&mut radius.radius), atom % WIDTH, born);
            set(
                std::slice::from_mut(&mut radius.inverse),
                atom % WIDTH,
                1. / born,
            );
        }
    }

    /// The terms of single atoms. `slopes` turns from each radius' derivative by its integral into the energy's.
    pub fn alone(&self, tallies: &[Tally], radii: &[Radius], slopes: &mut [f64]) -> f64 {
        let mut energy = 0.;
        for (atom, buried) in self.atoms.iter().enumerate() {
            let inverse = radii[atom / WIDTH].inverse.as_array_ref()[atom % WIDTH];
            let charge = -0.5 * buried.charge * inverse;
            let ratio = buried.radius * inverse;
            let cube = ratio * ratio * ratio;
            let reach = buried.radius + PROBE;
            let surface = SURFACE * (reach * reach) * (cube * cube);
            energy += charge + surface;
            let pairs = tallies.iter().map(|tally| get(&tally.by_radius, atom));
            let by_radius = pairs.sum::<f64>() - (charge + 6. * surface) * inverse;
            slopes[atom] *= by_radius;
        }
        energy
    }

    /// The last pass over a share's pairs: the gradient by way of the Born radii. `slopes` are the energy's derivatives by
    /// the integrals.
    pub fn chain(rows: &[Row], places: &[[Lanes; 3]], slopes: &[Lanes], tally: &mut Tally) {
        let mut next = 0;
        for row in rows {
            let (group, lane) = (row.atom / WIDTH, row.atom % WIDTH);
            let own = |lanes: Lanes| all(lanes.as_array_ref()[lane]);
            let (place, slope) = (places[group].map(own), own(slopes[group]));
            let mut sums = [ZERO; 3];
            let masked = row.masked.iter().map(|masked| masked.group);
            for group in masked.chain(row.plain.clone()) {
                let [by_own, by_other] = tally.slopes[next];
                next += 1;
                let pull = slope * by_own + slopes[group] * by_other;
                let (other, gradient) = (&places[group], &mut tally.gradient[group]);
                for k in 0..3 {
                    let change = pull * (place[k] - other[k]);
                    sums[k] += change;
                    gradient[k] -= change;
                }
            }
            for (total, sums) in tally.gradient[group].iter_mut().zip(sums) {
                total.as_array_mut()[lane] += sum(sums);
            }
        }
    }
}

impl Between {
    /// `more` is added to the square of the distance, so that what is masked is some distance away.
    #[inline(always)]
    fn new(a: &[Lanes; 3], b: &[Lanes; 3], more: Lanes) -> Self {
        let apart = [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
        let square = (apart[0] * apart[0] + apart[1] * apart[1] + apart[2] * apart[2]) + more;
        Self {
            square,
            inverse_square: ONE / square,
        }
    }

    /// Whether every pair is more than [`FAR`] apart.
    #[inline(always)]
    fn is_far(&self) -> bool {
        let [nearest, other] = self.square.to_array();
        nearest > FAR * FAR && other > FAR * FAR
    }

    /// As [`Self::take`], of pairs more than [`FAR`] apart.
    #[inline(always)]
    fn take_far(&self, s: Lanes) -> (Lanes, Lanes) {
        const SERIES: [f64; 9] = [
            1.0 / 3.0,
            2.0 / 5.0,
            3.0 / 7.0,
            4.0 / 9.0,
            5.0 / 11.0,
            6.0 / 13.0,
            7.0 / 15.0,
            8.0 / 17.0,
            9.0 / 19.0,
        ];
        let y = s * s * self.inverse_square;
        let scaled = s * self.inverse_square;
        let integral = scaled * y * polynomial(y, &SERIES);
        let inverse = ONE / (self.square - s * s);
        let between = all(0.5) * s * inverse;
        let rest = (integral - between) * self.inverse_square;
        (integral, -(rest + (ONE + y) * between * inverse))
    }

    /// What an atom of scaled radius `s` takes from one of reduced radius `o`, and its derivative by the distance, over the
    /// distance.
    #[inline(always)]
    fn take(&self, o: Lanes, s: Lanes) -> (Lanes, Lanes) {
        let r = self.square.sqrt();
        let inverse_r = r * self.inverse_square;
        let upper = r + s;
        let inside = s - r;
        let lower = o.fast_max(inside.abs());
        let inverse = ONE / (upper * lower);
        let (by_upper, by_lower) = (lower * inverse, upper * inverse);
        let squares = by_upper * by_upper - by_lower * by_lower;
        let log = all(0.5) * ln(lower * by_upper) * inverse_r;
        let quarter = all(0.25) * squares;
        let scaled = s * s * inverse_r;
        let integral = all(0.5) * ((by_lower - by_upper) + quarter * (r - scaled) + log);
        let engulfed = only_gt(inside, o, all(2.) * by_lower * by_lower);
        let slope = all(0.5)
            * ((engulfed + quarter * (ONE + scaled * inverse_r)) - log * inverse_r)
            * inverse_r;
        let counts = |value: Lanes| where_ge(upper, o, value, ZERO);
        (counts(integral), counts(slope))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn far_apart_the_series_is_the_whole() {
        for r in [7.001, 7.5, 9.0, 12.0, 20.0, 35.0] {
            for (o, s) in [(1.71, 1.64), (1.61, 1.16), (1.11, 0.95)] {
                let apart = Between::new(&[ZERO; 3], &[all(r), ZERO, ZERO], ZERO);
                assert!(apart.is_far());
                let (whole, slope) = apart.take(all(o), all(s));
                let (series, series_slope) = apart.take_far(all(s));
                // The whole loses digits to what cancels in it, the more the farther apart.
                let near = |a: Lanes, b: Lanes| (sum(a) / sum(b) - 1.).abs() < 1e-9;
                assert!(near(whole, series) && near(slope, series_slope), "{r} {s}");
            }
        }
    }

    #[test]
    fn slopes_are_those_of_what_is_taken() {
        let take = |r: f64, o: f64, s: f64| {
            let apart = Between::new(&[ZERO; 3], &[all(r), ZERO, ZERO], ZERO);
            let (taken, slope) = apart.take(all(o), all(s));
            (sum(taken) / 2., sum(slope) / 2.)
        };
        // Apart, overlapping, the other within this one (nothing is taken), this one within the other.
        for (r, o, s) in [
            (4., 1.6, 1.1),
            (1.5, 1.6, 1.1),
            (0.3, 1.6, 1.1),
            (0.2, 1.1, 1.6),
        ] {
            let h = 1e-6;
            let slope = (take(r + h, o, s).0 - take(r - h, o, s).0) / (2. * h);
            assert!((slope / r - take(r, o, s).1).abs() < 1e-6, "{r} {o} {s}");
        }
    }
}
