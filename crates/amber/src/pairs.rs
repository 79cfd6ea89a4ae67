//! Lennard-Jones and Coulomb between all pairs, and the part of implicit water that is a sum over pairs.
//!
//! For two atoms r apart with charges q, q′ (in elementary charges), radii R, R′ and depths ε, ε′:
//!
//! - more than three bonds apart: √(εε′) ((S/r)¹² − 2 (S/r)⁶) + K qq′/r, where S = R + R′
//! - three bonds apart: the former divided by [`WEAKER_LENNARD_JONES`], the latter by [`WEAKER_COULOMB`]
//! - in water, every pair: −τ K′ qq′/f, where f² = r² + BB′ exp(−r²/4BB′) with the Born radii B, B′ of [`born`](crate::born)

use crate::lanes::{Lanes, ONE, ZERO, all, exp, get, grouped, sum};
use crate::rows::{Masked, Row, Tally};
use crate::topology::Topology;
use molecule::Point;

/// K: the energy of two elementary charges 1 Å apart, in kcal/mol: OpenMM's 138.93545764438198 kJ/mol at 1 nm.
pub const COULOMB: f64 = 138.935_457_644_381_98 * 10. / 4.184;
/// τ K′ / K: water's dielectric constant is 78.5, the protein's 1. K′ is the K of OpenMM's implicit water.
pub const SCREENING: f64 = (1. - 1. / 78.5) * (138.935_485 / 138.935_457_644_381_98);
/// Amber's SCNB.
pub const WEAKER_LENNARD_JONES: f64 = 2.0;
/// Amber's SCEE.
pub const WEAKER_COULOMB: f64 = 1.2;

/// The parameters by which atoms see each other.
pub struct Pairs {
    groups: Vec<Group>,
    charges: Vec<Lanes>,
    radii: Vec<Lanes>,
    depths: Vec<Lanes>,
    weakened: Vec<Weakened>,
}

/// The parameters of a group of atoms: charges are times √K, depths are roots.
#[derive(Clone, Copy)]
struct Group {
    charge: Lanes,
    radius: Lanes,
    depth: Lanes,
}

/// A pair three bonds apart.
struct Weakened {
    atoms: [usize; 2],
    charge: f64,
    radius: f64,
    depth: f64,
}

/// The Born radii by group, and their inverses.
#[derive(Clone, Copy)]
pub struct Radius {
    pub radius: Lanes,
    pub inverse: Lanes,
}

/// The atom of a row, in every lane.
#[derive(Clone, Copy)]
struct Own {
    place: [Lanes; 3],
    atom: Group,
    radius: Lanes,
    quarter: Lanes,
}

/// What a row sums up for its own atom.
struct Sums {
    gradient: [Lanes; 3],
    by_radius: Lanes,
}

impl Pairs {
    pub fn new(topology: &Topology) -> Self {
        let charge = |atom: usize| topology.charges[atom] * COULOMB.sqrt();
        let count = topology.charges.len();
        let charges = grouped((0..count).map(charge), 0.);
        let radii = grouped(topology.spheres.iter().map(|sphere| sphere.radius), 0.);
        let depth = topology.spheres.iter().map(|sphere| sphere.depth.sqrt());
        let depths = grouped(depth, 0.);
        let groups = (0..charges.len()).map(|k| Group {
            charge: charges[k],
            radius: radii[k],
            depth: depths[k],
        });
        let weakened = topology.weakened.iter().map(|&[a, b]| Weakened {
            atoms: [a, b],
            charge: charge(a) * charge(b) / WEAKER_COULOMB,
            radius: topology.spheres[a].radius + topology.spheres[b].radius,
            depth: (topology.spheres[a].depth * topology.spheres[b].depth).sqrt()
                / WEAKER_LENNARD_JONES,
        });
        Self {
            groups: groups.collect(),
            weakened: weakened.collect(),
            charges,
            radii,
            depths,
        }
    }

    /// The pairs three bonds apart; their gradient is added to `gradient`.
    pub fn weakened(&self, positions: &[Point], gradient: &mut [Point]) -> f64 {
        let mut energy = 0.;
        for pair in &self.weakened {
            let [a, b] = pair.atoms;
            let (p, q) = (positions[a], positions[b]);
            let apart = [p[0] - q[0], p[1] - q[1], p[2] - q[2]];
            let square = apart[0] * apart[0] + apart[1] * apart[1] + apart[2] * apart[2];
            let inverse = 1. / square;
            let ratio = pair.radius * pair.radius * inverse;
            let sixth = ratio * ratio * ratio;
            let coulomb = pair.charge * inverse.sqrt();
            energy += pair.depth * sixth * (sixth - 2.) + coulomb;
            let pull = -(12. * pair.depth * sixth * (sixth - 1.) + coulomb) * inverse;
            for k in 0..3 {
                gradient[a][k] += pull * apart[k];
                gradient[b][k] -= pull * apart[k];
            }
        }
        energy
    }

    /// The pairs of a share in vacuum.
    pub fn tally(&self, rows: &[Row], places: &[[Lanes; 3]], tally: &mut Tally) {
        self.visit::<false>(rows, places, &[], tally);
    }

    /// The pairs of a share in water.
    pub fn tally_in_water(
        &self,
        rows: &[Row],
        places: &[[Lanes; 3]],
        radii: &[Radius],
        tally: &mut Tally,
    ) {
        self.visit::<true>(rows, places, radii, tally);
    }

    fn visit<const WATER: bool>(
        &self,
        rows: &[Row],
        places: &[[Lanes; 3]],
        radii: &[Radius],
        tally: &mut Tally,
    ) {
        for row in rows {
            let own = self.own::<WATER>(row.atom, places, radii);
            let mut sums = Sums {
                gradient: [ZERO; 3],
                by_radius: ZERO,
            };
            for masked in &row.masked {
                let group = masked.group;
                self.group::<true, WATER>(&own, group, masked, places, radii, &mut sums, tally);
            }
            for group in row.plain.clone() {
                let all = &Masked {
                    group,
                    is_pair: ONE,
                    is_far: ONE,
                };
                self.group::<false, WATER>(&own, group, all, places, radii, &mut sums, tally);
            }
            let (group, lane) = (
                row.atom / crate::lanes::WIDTH,
                row.atom % crate::lanes::WIDTH,
            );
            for k in 0..3 {
                let total = sum(sums.gradient[k]);
                tally.gradient[group][k].as_array_mut()[lane] += total;
            }
            if WATER {
                crate::rows::bump(&mut tally.by_radius, row.atom, sum(sums.by_radius));
            }
        }
    }

    fn own<const WATER: bool>(&self, atom: usize, places: &[[Lanes; 3]], radii: &[Radius]) -> Own {
        let (group, lane) = (atom / crate::lanes::WIDTH, atom % crate::lanes::WIDTH);
        let own = |lanes: Lanes| all(lanes.as_array_ref()[lane]);
        let (radius, quarter) = if WATER {
            let Radius { radius, inverse } = radii[group];
            (own(radius), own(inverse) * all(0.25))
        } else {
            (ZERO, ZERO)
        };
        Own {
            place: places[group].map(own),
            atom: Group {
                charge: all(get(&self.charges, atom)),
                radius: all(get(&self.radii, atom)),
                depth: all(get(&self.depths, atom)),
            },
            radius,
            quarter,
        }
    }

    /// The pairs of one atom with one group. `pull` is the energy's derivative by the distance, over the distance.
    #[inline(always)]
    #[expect(
        clippy::too_many_arguments,
        reason = "inlined into two loops over the same state"
    )]
    fn group<const MASKED: bool, const WATER: bool>(
        &self,
        own: &Own,
        group: usize,
        mask: &Masked,
        places: &[[Lanes; 3]],
        radii: &[Radius],
        sums: &mut Sums,
        tally: &mut Tally,
    ) {
        let place = &places[group];
        let apart = [
            own.place[0] - place[0],
            own.place[1] - place[1],
            own.place[2] - place[2],
        ];
        let mut square = apart[0] * apart[0] + apart[1] * apart[1] + apart[2] * apart[2];
        if MASKED {
            // An atom is no distance from itself.
            square += ONE - mask.is_pair;
        }
        let other = &self.groups[group];
        let charges = own.atom.charge * other.charge;
        let depth = own.atom.depth * other.depth;
        let touching = own.atom.radius + other.radius;
        let inverse = ONE / square;
        let ratio = touching * touching * inverse;
        let sixth = ratio * ratio * ratio;
        let coulomb = charges * (square.sqrt() * inverse);
        let mut energy = depth * sixth * (sixth - all(2.)) + coulomb;
        let mut pull = -(all(12.) * depth * sixth * (sixth - ONE) + coulomb) * inverse;
        if MASKED {
            energy *= mask.is_far;
            pull *= mask.is_far;
        }
        tally.nonbonded += energy;
        if WATER {
            let Radius { radius, inverse } = radii[group];
            let exponent = square * (own.quarter * inverse);
            let decay = exp(-exponent);
            let effective = square + own.radius * radius * decay;
            let inverse = ONE / effective;
            let mut energy = all(-SCREENING) * charges * (effective.sqrt() * inverse);
            if MASKED {
                energy *= mask.is_pair;
            }
            tally.solvation += energy;
            let slope = energy * inverse;
            pull -= slope * (ONE - all(0.25) * decay);
            let by_radius = all(-0.5) * slope * decay * (ONE + exponent);
            sums.by_radius += by_radius * radius;
            tally.by_radius[group] += by_radius * own.radius;
        }
        let gradient = &mut tally.gradient[group];
        for k in 0..3 {
            let change = pull * apart[k];
            sums.gradient[k] += change;
            gradient[k] -= change;
        }
    }
}
