//! Terms over two to five atoms: bonds, angles, torsions, φ/ψ corrections.
//!
//! - bond: k (r − r₀)²
//! - angle: k (θ − θ₀)²
//! - torsion, improper: h (1 + cos(nφ − δ)), by recurrences in cos φ and sin φ
//! - correction: the residue's [map](crate::map) at φ and ψ
//!
//! Everything is summed in the order of the topology.

use molecule::Point;

use crate::Energy;
use crate::map::surfaces;
use crate::parameters::{Spring, Wave};
use crate::topology::{Term, Topology};

/// The terms, ready to be evaluated.
pub struct Bonded {
    bonds: Vec<Term<2, Spring>>,
    angles: Vec<Term<3, Spring>>,
    torsions: Vec<Torsion>,
    corrections: Vec<Term<5, usize>>,
}

/// All waves of one torsion.
struct Torsion {
    atoms: [usize; 4],
    waves: Vec<Phased>,
}

/// A wave with the cosine and sine of its phase.
struct Phased {
    height: f64,
    periodicity: u8,
    cos: f64,
    sin: f64,
}

impl Bonded {
    pub fn new(topology: &Topology) -> Self {
        let mut torsions: Vec<Torsion> = Vec::new();
        for Term { atoms, parameter } in &topology.torsions {
            match torsions.last_mut() {
                Some(last) if last.atoms == *atoms => last.waves.push(Phased::new(parameter)),
                _ => torsions.push(Torsion {
                    atoms: *atoms,
                    waves: vec![Phased::new(parameter)],
                }),
            }
        }
        Self {
            bonds: topology.bonds.clone(),
            angles: topology.angles.clone(),
            torsions,
            corrections: topology.corrections.clone(),
        }
    }

    /// The bonded parts of the energy; their gradient is added to `gradient`.
    pub fn evaluate(&self, positions: &[Point], gradient: &mut [Point]) -> Energy {
        let mut energy = Energy::default();
        for bond in &self.bonds {
            energy.bond += stretch(bond, positions, gradient);
        }
        for angle in &self.angles {
            energy.angle += bend(angle, positions, gradient);
        }
        for torsion in &self.torsions {
            energy.torsion += torsion.turn(positions, gradient);
        }
        for correction in &self.corrections {
            energy.cmap += correct(correction, positions, gradient);
        }
        energy
    }
}

impl Phased {
    fn new(wave: &Wave) -> Self {
        Self {
            height: wave.height,
            periodicity: wave.periodicity,
            cos: libm::cos(wave.phase),
            sin: libm::sin(wave.phase),
        }
    }
}

fn stretch(bond: &Term<2, Spring>, positions: &[Point], gradient: &mut [Point]) -> f64 {
    let [a, b] = bond.atoms;
    let Spring { stiffness, rest } = bond.parameter;
    let apart = minus(positions[a], positions[b]);
    let length = dot(apart, apart).sqrt();
    let change = length - rest;
    let pull = scaled(apart, 2. * stiffness * change / length);
    add(&mut gradient[a], pull);
    subtract(&mut gradient[b], pull);
    stiffness * change * change
}

fn bend(angle: &Term<3, Spring>, positions: &[Point], gradient: &mut [Point]) -> f64 {
    let [a, b, c] = angle.atoms;
    let Spring { stiffness, rest } = angle.parameter;
    let u = minus(positions[a], positions[b]);
    let v = minus(positions[c], positions[b]);
    let normal = cross(u, v);
    let area = dot(normal, normal).sqrt();
    let change = libm::atan2(area, dot(u, v)) - rest;
    // On a straight line no direction is the one that bends; the force there is none.
    if area > 0. {
        let slope = 2. * stiffness * change / area;
        let at_a = scaled(cross(u, normal), slope / dot(u, u));
        let at_c = scaled(cross(normal, v), slope / dot(v, v));
        add(&mut gradient[a], at_a);
        add(&mut gradient[c], at_c);
        subtract(&mut gradient[b], at_a);
        subtract(&mut gradient[b], at_c);
    }
    stiffness * change * change
}

impl Torsion {
    fn turn(&self, positions: &[Point], gradient: &mut [Point]) -> f64 {
        let turn = Turn::at(self.atoms.map(|atom| positions[atom]));
        let (mut energy, mut slope) = (0., 0.);
        for wave in &self.waves {
            let (mut cos, mut sin) = (1., 0.);
            for _ in 0..wave.periodicity {
                (cos, sin) = (
                    cos * turn.cos - sin * turn.sin,
                    sin * turn.cos + cos * turn.sin,
                );
            }
            energy += wave.height * (1. + (cos * wave.cos + sin * wave.sin));
            slope -= wave.height * f64::from(wave.periodicity) * (sin * wave.cos - cos * wave.sin);
        }
        turn.add(self.atoms, slope, gradient);
        energy
    }
}

fn correct(correction: &Term<5, usize>, positions: &[Point], gradient: &mut [Point]) -> f64 {
    let [a, b, c, d, e] = correction.atoms;
    let (phi, psi) = ([a, b, c, d], [b, c, d, e]);
    let by_phi = Turn::at(phi.map(|atom| positions[atom]));
    let by_psi = Turn::at(psi.map(|atom| positions[atom]));
    let surface = &surfaces()[correction.parameter];
    let (energy, phi_slope, psi_slope) = surface.at(by_phi.angle(), by_psi.angle());
    by_phi.add(phi, phi_slope, gradient);
    by_psi.add(psi, psi_slope, gradient);
    energy
}

/// A torsion angle by its cosine and sine, and what its derivatives are made of (Blondel and Karplus, 1996).
struct Turn {
    cos: f64,
    sin: f64,
    /// b → a, c → b, c → d.
    f: Point,
    g: Point,
    h: Point,
    /// The normals of both planes, f × g and h × g.
    first: Point,
    second: Point,
}

impl Turn {
    fn at([a, b, c, d]: [Point; 4]) -> Self {
        let f = minus(a, b);
        let g = minus(b, c);
        let h = minus(d, c);
        let first = cross(f, g);
        let second = cross(h, g);
        let product = (dot(first, first) * dot(second, second)).sqrt();
        let length = dot(g, g).sqrt();
        Self {
            cos: dot(first, second) / product,
            sin: dot(cross(second, first), g) / (product * length),
            f,
            g,
            h,
            first,
            second,
        }
    }

    /// The angle, −π to π.
    fn angle(&self) -> f64 {
        libm::atan2(self.sin, self.cos)
    }

    /// Adds the gradient of an energy of this derivative by the angle.
    fn add(&self, [a, b, c, d]: [usize; 4], slope: f64, gradient: &mut [Point]) {
        let length = dot(self.g, self.g).sqrt();
        let (first, second) = (
            scaled(self.first, slope / dot(self.first, self.first)),
            scaled(self.second, slope / dot(self.second, self.second)),
        );
        let at_a = scaled(first, -length);
        let at_d = scaled(second, length);
        let between = minus(
            scaled(first, dot(self.f, self.g) / length),
            scaled(second, dot(self.h, self.g) / length),
        );
        add(&mut gradient[a], at_a);
        add(&mut gradient[d], at_d);
        add(&mut gradient[b], minus(between, at_a));
        subtract(&mut gradient[c], between);
        subtract(&mut gradient[c], at_d);
    }
}

fn minus(a: Point, b: Point) -> Point {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

fn scaled(a: Point, factor: f64) -> Point {
    [a[0] * factor, a[1] * factor, a[2] * factor]
}

fn dot(a: Point, b: Point) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn cross(a: Point, b: Point) -> Point {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

fn add(to: &mut Point, change: Point) {
    for k in 0..3 {
        to[k] += change[k];
    }
}

fn subtract(from: &mut Point, change: Point) {
    for k in 0..3 {
        from[k] -= change[k];
    }
}
