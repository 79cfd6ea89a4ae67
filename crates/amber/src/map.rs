//! The φ/ψ correction between the points of its map: bicubic, from periodic cubic splines.
//!
//! Along every row and column of a map runs the cubic spline through its points that closes on itself with continuous second
//! derivatives. Its slopes at the points, and the slopes across of those slopes, fix one bicubic polynomial per cell (Hermite),
//! so that value and first derivatives are continuous everywhere. This is what OpenMM's `CMAPTorsionForce` computes.

use std::sync::LazyLock;

use crate::parameters::MAP_POINTS;
use crate::topology::Topology;

/// The width of a cell, in radians.
const CELL: f64 = 2. * std::f64::consts::PI / MAP_POINTS as f64;

/// A map with its slopes.
pub struct Surface {
    /// At each point: the value, its slope along φ, along ψ, and along both, per cell.
    nodes: Vec<[f64; 4]>,
}

/// The surfaces of all maps, in their order.
pub fn surfaces() -> &'static [Surface] {
    static SURFACES: LazyLock<Vec<Surface>> =
        LazyLock::new(|| Topology::maps().iter().map(|map| surface(map)).collect());
    &SURFACES
}

fn surface(map: &[f64]) -> Surface {
    let across = |values: &[f64], stride: usize| {
        let mut slopes = vec![0.; values.len()];
        for line in 0..MAP_POINTS {
            // Lines along ψ begin a row apart, lines along φ a point apart.
            let start = if stride == 1 { line * MAP_POINTS } else { line };
            let points: Vec<f64> = (0..MAP_POINTS)
                .map(|k| values[start + k * stride])
                .collect();
            for (k, slope) in periodic_slopes(&points).into_iter().enumerate() {
                slopes[start + k * stride] = slope;
            }
        }
        slopes
    };
    let by_phi = across(map, MAP_POINTS);
    let by_psi = across(map, 1);
    let by_both = across(&by_phi, 1);
    let nodes = (0..map.len()).map(|k| [map[k], by_phi[k], by_psi[k], by_both[k]]);
    Surface {
        nodes: nodes.collect(),
    }
}

/// The slopes, per step, of the periodic cubic spline through points one step apart: the solution of
/// mᵢ₋₁ + 4 mᵢ + mᵢ₊₁ = 3 (fᵢ₊₁ − fᵢ₋₁) around the circle.
///
/// On an endless line the inverse of (1, 4, 1) is z^|k| / (4 + 2z) with z = √3 − 2; on a circle of n points its images n
/// apart add up to (zᵏ + zⁿ⁻ᵏ) / ((4 + 2z) (1 − zⁿ)).
fn periodic_slopes(points: &[f64]) -> Vec<f64> {
    let n = points.len();
    let z = 3_f64.sqrt() - 2.;
    let mut powers = vec![1.; n + 1];
    for k in 1..=n {
        powers[k] = powers[k - 1] * z;
    }
    let scale = 1. / ((4. + 2. * z) * (1. - powers[n]));
    let right = |i: usize| 3. * (points[(i + 1) % n] - points[(i + n - 1) % n]);
    let slope = |i: usize| {
        let terms = (0..n).map(|j| {
            let k = (i + n - j) % n;
            (powers[k] + powers[n - k]) * scale * right(j)
        });
        terms.sum()
    };
    (0..n).map(slope).collect()
}

impl Surface {
    /// The value at φ and ψ in radians, −π to π, and its derivatives by both.
    pub fn at(&self, phi: f64, psi: f64) -> (f64, f64, f64) {
        let (row, t) = cell(phi);
        let (column, u) = cell(psi);
        let (along_phi, along_psi) = (Hermite::at(t), Hermite::at(u));
        let mut value = [0.; 3];
        for (a, b) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let node = self.nodes[(row + a) % MAP_POINTS * MAP_POINTS + (column + b) % MAP_POINTS];
            let (p, dp) = along_phi.weights(a);
            let (q, dq) = along_psi.weights(b);
            let mix = |p: [f64; 2], q: [f64; 2]| {
                p[0] * (q[0] * node[0] + q[1] * node[2]) + p[1] * (q[0] * node[1] + q[1] * node[3])
            };
            value[0] += mix(p, q);
            value[1] += mix(dp, q);
            value[2] += mix(p, dq);
        }
        (value[0], value[1] / CELL, value[2] / CELL)
    }
}

/// The cell of an angle, and how far into it the angle is, 0 to 1.
fn cell(angle: f64) -> (usize, f64) {
    let place = (angle + std::f64::consts::PI) / CELL;
    // An angle that is not finite falls into the first cell, and stays not finite.
    let cell = (place.floor().max(0.) as usize).min(MAP_POINTS - 1);
    (cell, place - cell as f64)
}

/// Hermite's four cubics at a place between 0 and 1: those of the values and slopes at both ends, and their derivatives.
struct Hermite {
    weights: [[f64; 2]; 2],
    derivatives: [[f64; 2]; 2],
}

impl Hermite {
    fn at(t: f64) -> Self {
        let s = 1. - t;
        Self {
            weights: [
                [(1. + 2. * t) * s * s, t * s * s],
                [t * t * (3. - 2. * t), -t * t * s],
            ],
            derivatives: [
                [-6. * t * s, s * (1. - 3. * t)],
                [6. * t * s, t * (3. * t - 2.)],
            ],
        }
    }

    /// Of value and slope at one end, and their derivatives.
    fn weights(&self, end: usize) -> ([f64; 2], [f64; 2]) {
        (self.weights[end], self.derivatives[end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_surface_goes_through_its_points() {
        for (surface, map) in surfaces().iter().zip(Topology::maps()) {
            for (k, value) in map.iter().enumerate() {
                let angle = |step: usize| step as f64 * CELL - std::f64::consts::PI;
                let (found, _, _) = surface.at(angle(k / MAP_POINTS), angle(k % MAP_POINTS));
                assert!((found - value).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn the_slopes_of_a_sampled_sine_are_a_cosine() {
        let angle = |k: usize| k as f64 * CELL;
        let points: Vec<f64> = (0..MAP_POINTS).map(|k| libm::sin(angle(k))).collect();
        for (k, slope) in periodic_slopes(&points).into_iter().enumerate() {
            assert!((slope / CELL - libm::cos(angle(k))).abs() < 1e-4);
        }
        let rest = |i: usize| {
            let slopes = periodic_slopes(&points);
            let n = MAP_POINTS;
            let (before, after) = ((i + n - 1) % n, (i + 1) % n);
            slopes[before] + 4. * slopes[i] + slopes[after] - 3. * (points[after] - points[before])
        };
        assert!((0..MAP_POINTS).all(|i| rest(i).abs() < 1e-14));
    }

    #[test]
    fn derivatives_are_those_of_the_value() {
        let surface = &surfaces()[3];
        for (phi, psi) in [(-1.3, 2.2), (0.01, -3.1), (3.1, 3.13), (-2.9, 0.4)] {
            let (_, by_phi, by_psi) = surface.at(phi, psi);
            let h = 1e-5;
            let slope = |dphi: f64, dpsi: f64| {
                let ahead = surface.at(phi + dphi, psi + dpsi).0;
                let behind = surface.at(phi - dphi, psi - dpsi).0;
                (ahead - behind) / (2. * h)
            };
            assert!((slope(h, 0.) - by_phi).abs() < 1e-6);
            assert!((slope(0., h) - by_psi).abs() < 1e-6);
        }
    }
}
