//! Lays one set of points on another so that they are as near as a rigid motion can bring them.
//!
//! Kabsch's problem, solved by quaternions (Horn 1987): the best rotation is the eigenvector, to the largest eigenvalue, of
//! a symmetric 4×4 matrix made of the points' covariances. A quaternion is always a proper rotation, so a mirror image
//! never passes for the thing itself. The eigenvector is found by Jacobi's method with a fixed bound of sweeps, in one
//! order of operations: every machine gets the same bits, and no input, however degenerate, keeps it from ending.

use crate::Point;
use crate::point::{centre, difference, distance, sum};

/// Jacobi's method needs 4 to 6 sweeps of a 4×4 matrix; past this many nothing changes any more.
const SWEEPS_MAX: usize = 20;

type Matrix = [[f64; 4]; 4];

/// A rigid motion: a rotation about one centre, then a shift to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Superposition {
    rotation: [Point; 3],
    from: Point,
    to: Point,
}

impl Superposition {
    /// The motion that brings `points` nearest to `onto`, by the sum of squared distances.
    ///
    /// # Panics
    ///
    /// If there are not as many of the ones as of the others.
    pub fn of(points: &[Point], onto: &[Point]) -> Self {
        assert_eq!(points.len(), onto.len(), "points are compared in pairs");
        let (from, to) = (centre(points), centre(onto));
        let mut covariance = [[0.0; 3]; 3];
        for (&point, &target) in points.iter().zip(onto) {
            let (point, target) = (difference(point, from), difference(target, to));
            for (row, coordinate) in covariance.iter_mut().zip(point) {
                for (cell, other) in row.iter_mut().zip(target) {
                    *cell += coordinate * other;
                }
            }
        }
        let rotation = rotation(principal(key_matrix(&covariance)));
        Self { rotation, from, to }
    }

    /// Where a point goes.
    pub fn apply(&self, point: Point) -> Point {
        let point = difference(point, self.from);
        let turned = self.rotation.map(|row| crate::point::dot(row, point));
        sum(turned, self.to)
    }
}

/// The root mean square distance of two sets of points, in ångström, after laying one on the other; zero of none.
///
/// # Panics
///
/// If there are not as many of the ones as of the others.
pub fn rmsd(a: &[Point], b: &[Point]) -> f64 {
    let motion = Superposition::of(a, b);
    let square = |(&a, &b): (&Point, &Point)| distance(motion.apply(a), b).powi(2);
    let total: f64 = a.iter().zip(b).map(square).sum();
    (total / a.len().max(1) as f64).sqrt()
}

/// Horn's matrix of the covariances.
fn key_matrix(covariance: &[Point; 3]) -> Matrix {
    let [[xx, xy, xz], [yx, yy, yz], [zx, zy, zz]] = *covariance;
    [
        [xx + yy + zz, yz - zy, zx - xz, xy - yx],
        [yz - zy, xx - yy - zz, xy + yx, zx + xz],
        [zx - xz, xy + yx, yy - xx - zz, yz + zy],
        [xy - yx, zx + xz, yz + zy, zz - xx - yy],
    ]
}

/// The unit eigenvector to the largest eigenvalue of a symmetric matrix.
fn principal(mut matrix: Matrix) -> [f64; 4] {
    let mut vectors: Matrix = [[0.0; 4]; 4];
    for (place, row) in vectors.iter_mut().enumerate() {
        row[place] = 1.0;
    }
    for _ in 0..SWEEPS_MAX {
        let mut is_diagonal = true;
        for p in 0..3 {
            for q in p + 1..4 {
                is_diagonal &= !annihilate(&mut matrix, &mut vectors, p, q);
            }
        }
        if is_diagonal {
            break;
        }
    }
    let mut best = 0;
    for place in 1..4 {
        if matrix[place][place] > matrix[best][best] {
            best = place;
        }
    }
    vectors.map(|row| row[best])
}

/// Rotates in the plane of two axes so that the cell between them becomes zero; false if it was zero beside the diagonal.
fn annihilate(matrix: &mut Matrix, vectors: &mut Matrix, p: usize, q: usize) -> bool {
    let cell = matrix[p][q];
    let beside = matrix[p][p].abs() + matrix[q][q].abs();
    if beside + cell.abs() == beside {
        return false;
    }
    let theta = (matrix[q][q] - matrix[p][p]) / (2.0 * cell);
    let tangent = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
    let cosine = 1.0 / (tangent * tangent + 1.0).sqrt();
    let sine = tangent * cosine;
    for row in matrix.iter_mut() {
        (row[p], row[q]) = (
            cosine * row[p] - sine * row[q],
            sine * row[p] + cosine * row[q],
        );
    }
    let (above, below) = (matrix[p], matrix[q]);
    for (column, (a, b)) in above.into_iter().zip(below).enumerate() {
        matrix[p][column] = cosine * a - sine * b;
        matrix[q][column] = sine * a + cosine * b;
    }
    for row in vectors.iter_mut() {
        (row[p], row[q]) = (
            cosine * row[p] - sine * row[q],
            sine * row[p] + cosine * row[q],
        );
    }
    true
}

/// The rotation of a unit quaternion.
fn rotation([w, x, y, z]: [f64; 4]) -> [Point; 3] {
    [
        [
            w * w + x * x - y * y - z * z,
            2.0 * (x * y - w * z),
            2.0 * (x * z + w * y),
        ],
        [
            2.0 * (x * y + w * z),
            w * w - x * x + y * y - z * z,
            2.0 * (y * z - w * x),
        ],
        [
            2.0 * (x * z - w * y),
            2.0 * (y * z + w * x),
            w * w - x * x - y * y + z * z,
        ],
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_image_is_not_the_thing_itself() {
        let hand = [[0.0; 3], [3.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 1.0]];
        let mirrored = hand.map(|[x, y, z]| [x, y, -z]);
        assert!(rmsd(&hand, &mirrored) > 0.3);
        assert!(rmsd(&hand, &hand) < 1e-12);
    }

    #[test]
    fn two_pairs_of_points_differ_by_half_the_difference_of_their_lengths() {
        let (short, long) = ([[0.0; 3], [2.0, 0.0, 0.0]], [[5.0; 3], [5.0, 5.0, 9.0]]);
        assert!((rmsd(&short, &long) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn degenerate_points_end_as_well() {
        assert_eq!(rmsd(&[], &[]), 0.0);
        assert_eq!(rmsd(&[[1.0; 3]], &[[7.0; 3]]), 0.0);
        assert_eq!(rmsd(&[[1.0; 3]; 4], &[[7.0; 3]; 4]), 0.0);
        assert!(rmsd(&[[f64::NAN; 3]; 4], &[[7.0; 3]; 4]).is_nan());
        assert!(!rmsd(&[[1e200; 3]; 4], &[[7.0; 3]; 4]).is_sign_negative());
    }
}
