//! Vectors, angles and dihedrals in space.
//!
//! Sines, cosines and arc tangents come from `libm` rather than from the operating system, so that a chain built on one
//! machine has the same bits as on another, and with it every energy and every baseline.

use molecule::Point;

pub fn minus(a: Point, b: Point) -> Point {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

pub fn plus_scaled(a: Point, b: Point, scale: f64) -> Point {
    [
        a[0] + b[0] * scale,
        a[1] + b[1] * scale,
        a[2] + b[2] * scale,
    ]
}

pub fn dot(a: Point, b: Point) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub fn cross(a: Point, b: Point) -> Point {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

pub fn distance_squared(a: Point, b: Point) -> f64 {
    let between = minus(a, b);
    dot(between, between)
}

pub fn distance(a: Point, b: Point) -> f64 {
    distance_squared(a, b).sqrt()
}

/// The vector of length one in the same direction; the null vector stays null.
pub fn unit(a: Point) -> Point {
    let length = dot(a, a).sqrt();
    if length == 0.0 {
        return a;
    }
    [a[0] / length, a[1] / length, a[2] / length]
}

/// The angle a-b-c, in degrees.
pub fn angle(a: Point, b: Point, c: Point) -> f64 {
    let (to_a, to_c) = (minus(a, b), minus(c, b));
    let normal = cross(to_a, to_c);
    libm::atan2(dot(normal, normal).sqrt(), dot(to_a, to_c)).to_degrees()
}

/// The dihedral a-b-c-d, in degrees from -180 to 180: 0 where a and d are on the same side.
pub fn dihedral(a: Point, b: Point, c: Point, d: Point) -> f64 {
    let (first, axis, last) = (minus(b, a), minus(c, b), minus(d, c));
    let (before, after) = (cross(first, axis), cross(axis, last));
    let sine = dot(first, after) * dot(axis, axis).sqrt();
    libm::atan2(sine, dot(before, after)).to_degrees()
}

/// The same angle between -180 and 180 degrees.
pub fn wrapped(degrees: f64) -> f64 {
    degrees - 360.0 * (degrees / 360.0).round()
}

/// The hand of centre `x`: positive where a, b, c turn against the clock, seen from the side they are on.
pub fn handedness(x: Point, a: Point, b: Point, c: Point) -> f64 {
    dot(minus(a, x), cross(minus(b, x), minus(c, x)))
}

/// The place of an atom bonded to `c` at `length`, with the angle b-c-atom and the dihedral a-b-c-atom in degrees.
pub fn place([a, b, c]: [Point; 3], length: f64, angle: f64, dihedral: f64) -> Point {
    let along = unit(minus(c, b));
    let normal = unit(cross(minus(b, a), along));
    let across = cross(normal, along);
    let (angle, dihedral) = (angle.to_radians(), dihedral.to_radians());
    let radius = length * libm::sin(angle);
    let back = plus_scaled(c, along, -length * libm::cos(angle));
    let aside = plus_scaled(back, across, radius * libm::cos(dihedral));
    plus_scaled(aside, normal, radius * libm::sin(dihedral))
}

/// Turns points about the axis from one point through another, by an angle in degrees.
pub struct Rotation {
    centre: Point,
    axis: Point,
    sine: f64,
    cosine: f64,
}

impl Rotation {
    pub fn new(from: Point, to: Point, degrees: f64) -> Self {
        let radians = degrees.to_radians();
        Self {
            centre: from,
            axis: unit(minus(to, from)),
            sine: libm::sin(radians),
            cosine: libm::cos(radians),
        }
    }

    pub fn turn(&self, point: Point) -> Point {
        let arm = minus(point, self.centre);
        let aside = cross(self.axis, arm);
        let along = dot(self.axis, arm) * (1.0 - self.cosine);
        let turned = |k: usize| {
            self.centre[k] + arm[k] * self.cosine + aside[k] * self.sine + self.axis[k] * along
        };
        [turned(0), turned(1), turned(2)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_atom_is_placed_where_its_length_angle_and_dihedral_say() {
        let (a, b, c) = ([0.1, 1.2, 0.3], [0.0, 0.0, 0.0], [1.5, 0.2, -0.1]);
        for wanted in [-170.0, -60.0, 0.0, 33.0, 122.7] {
            let d = place([a, b, c], 1.33, 116.0, wanted);
            assert!((distance(c, d) - 1.33).abs() < 1e-12);
            assert!((angle(b, c, d) - 116.0).abs() < 1e-9);
            assert!((dihedral(a, b, c, d) - wanted).abs() < 1e-9);
        }
    }

    #[test]
    fn a_rotation_adds_its_angle_to_the_dihedral_about_its_axis() {
        let (a, b, c) = ([0.1, 1.2, 0.3], [0.0, 0.0, 0.0], [1.5, 0.2, -0.1]);
        let d = place([a, b, c], 1.5, 110.0, -30.0);
        let turned = Rotation::new(b, c, 45.0).turn(d);
        assert!((dihedral(a, b, c, turned) - 15.0).abs() < 1e-9);
        assert!((distance(c, turned) - 1.5).abs() < 1e-12);
    }

    #[test]
    fn angles_wrap_around_at_half_a_turn() {
        assert_eq!(wrapped(190.0), -170.0);
        assert_eq!(wrapped(-350.0), 10.0);
        assert_eq!(wrapped(725.0), 5.0);
    }
}
