//! Arithmetic of places and directions in space.

use crate::Point;

/// From `b` to `a`.
pub fn difference(a: Point, b: Point) -> Point {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

/// The sum of two.
pub fn sum(a: Point, b: Point) -> Point {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

/// So many times as long.
pub fn scaled(a: Point, factor: f64) -> Point {
    a.map(|coordinate| coordinate * factor)
}

/// The scalar product.
pub fn dot(a: Point, b: Point) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// The vector product, by the right hand.
pub fn cross(a: Point, b: Point) -> Point {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

/// The length.
pub fn norm(a: Point) -> f64 {
    dot(a, a).sqrt()
}

/// How far apart two places are.
pub fn distance(a: Point, b: Point) -> f64 {
    norm(difference(a, b))
}

/// The angle at `b` between `a` and `c`, in degrees, 0..=180.
pub fn angle(a: Point, b: Point, c: Point) -> f64 {
    let (u, v) = (difference(a, b), difference(c, b));
    norm(cross(u, v)).atan2(dot(u, v)).to_degrees()
}

/// The angle between the planes `a b c` and `b c d`, in degrees, −180..=180: positive if, seen along `b` to `c`, the far
/// bond is turned clockwise from the near one.
pub fn dihedral(a: Point, b: Point, c: Point, d: Point) -> f64 {
    let (first, axis, last) = (difference(b, a), difference(c, b), difference(d, c));
    let (near, far) = (cross(first, axis), cross(axis, last));
    let y = dot(first, far) * norm(axis);
    y.atan2(dot(near, far)).to_degrees()
}

/// The mean of places; zero of none.
pub fn centre(points: &[Point]) -> Point {
    let total = points.iter().copied().fold([0.0; 3], sum);
    scaled(total, 1.0 / (points.len().max(1) as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn angles_have_the_sign_chemists_give_them() {
        let (a, b, c) = ([1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]);
        assert!((angle(a, b, c) - 90.0).abs() < 1e-12);
        // Seen from b towards c, along z, clockwise is from x to y.
        let turned = |degrees: f64| {
            let (sin, cos) = degrees.to_radians().sin_cos();
            dihedral(a, b, c, [cos, sin, 1.0])
        };
        for degrees in [0.0, 60.0, 120.0, -60.0, -120.0, 179.0] {
            assert!((turned(degrees) - degrees).abs() < 1e-9, "{degrees}");
        }
    }
}
