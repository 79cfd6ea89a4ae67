//! The outlines of the shapes, each within about the unit circle, no two of a kind quite alike.

use std::f32::consts::{PI, TAU};

use rand::{Rng, RngExt};
use tiny_skia::{FillRule, Path, PathBuilder, Rect};

use super::Shape;

/// What is drawn of a shape.
pub(super) struct Outline {
    /// The silhouette.
    pub(super) body: Path,
    /// How its inside is told.
    pub(super) rule: FillRule,
    /// Details in another colour: a door, an eye, a flower's centre.
    pub(super) details: Option<Path>,
    /// The silhouette is a line of this width, not an area.
    pub(super) line: Option<f32>,
}

impl Outline {
    fn area(body: PathBuilder) -> Self {
        Self {
            body: body.finish().expect("every outline has points"),
            rule: FillRule::Winding,
            details: None,
            line: None,
        }
    }

    fn with_details(self, details: PathBuilder) -> Self {
        Self {
            details: details.finish(),
            ..self
        }
    }
}

/// One of a shape's many outlines.
pub(super) fn outline(shape: Shape, rng: &mut impl Rng) -> Outline {
    match shape {
        Shape::Arrow => arrow(rng),
        Shape::Circle => Outline::area(circle(0.0, 0.0, 0.95)),
        Shape::Crescent => crescent(rng),
        Shape::Cross => cross(rng),
        Shape::Fish => fish(rng),
        Shape::Flower => flower(rng),
        Shape::Heart => heart(rng),
        Shape::Hexagon => Outline::area(polygon(&regular(6, 1.0))),
        Shape::House => house(rng),
        Shape::Lightning => lightning(rng),
        Shape::Ring => ring(rng),
        Shape::Spiral => spiral(rng),
        Shape::Square => Outline::area(rectangle(-0.82, -0.82, 0.82, 0.82)),
        Shape::Star => star(rng),
        Shape::Tree => tree(rng),
        Shape::Triangle => Outline::area(polygon(&regular(3, 1.1))),
    }
}

fn polygon(points: &[(f32, f32)]) -> PathBuilder {
    let mut path = PathBuilder::new();
    add_polygon(&mut path, points);
    path
}

fn add_polygon(path: &mut PathBuilder, points: &[(f32, f32)]) {
    for (index, &(x, y)) in points.iter().enumerate() {
        if index == 0 {
            path.move_to(x, y);
        } else {
            path.line_to(x, y);
        }
    }
    path.close();
}

/// Corners at equal angles, the first at the top.
fn regular(corners: usize, radius: f32) -> Vec<(f32, f32)> {
    (0..corners)
        .map(|corner| at(corner as f32 * TAU / corners as f32 - PI / 2.0, radius))
        .collect()
}

fn at(angle: f32, radius: f32) -> (f32, f32) {
    (radius * angle.cos(), radius * angle.sin())
}

fn circle(x: f32, y: f32, radius: f32) -> PathBuilder {
    let mut path = PathBuilder::new();
    path.push_circle(x, y, radius);
    path
}

fn rectangle(left: f32, top: f32, right: f32, bottom: f32) -> PathBuilder {
    let mut path = PathBuilder::new();
    add_rectangle(&mut path, left, top, right, bottom);
    path
}

fn add_rectangle(path: &mut PathBuilder, left: f32, top: f32, right: f32, bottom: f32) {
    path.push_rect(
        Rect::from_ltrb(left, top, right, bottom).expect("left of right, top over bottom"),
    );
}

fn arrow(rng: &mut impl Rng) -> Outline {
    let shaft = rng.random_range(0.1..0.24);
    let head = rng.random_range(0.45..0.75);
    let neck = rng.random_range(-0.1..0.35);
    // A barbed head leans back over the shaft.
    let barb = rng.random_range(0.0..0.18);
    Outline::area(polygon(&[
        (1.0, 0.0),
        (neck - barb, head),
        (neck, shaft),
        (-1.0, shaft),
        (-1.0, -shaft),
        (neck, -shaft),
        (neck - barb, -head),
    ]))
}

fn crescent(rng: &mut impl Rng) -> Outline {
    let inner: f32 = rng.random_range(0.72..0.92);
    let shift: f32 = rng.random_range(0.38..0.55);
    // Where the circles meet, seen from the centre of each.
    let meet = (1.0 + shift * shift - inner * inner) / (2.0 * shift);
    let height = (1.0 - meet * meet).max(0.01).sqrt();
    let outer_angle = height.atan2(meet);
    let inner_angle = height.atan2(meet - shift);
    let steps = 40;
    let outer = (0..=steps).map(|step| {
        let angle = outer_angle + (TAU - 2.0 * outer_angle) * step as f32 / steps as f32;
        at(angle, 1.0)
    });
    let cut = (0..=steps).map(|step| {
        let angle = -inner_angle - (TAU - 2.0 * inner_angle) * step as f32 / steps as f32;
        let (x, y) = at(angle, inner);
        (x + shift, y)
    });
    let points: Vec<_> = outer.chain(cut).map(|(x, y)| (x + 0.15, y)).collect();
    Outline::area(polygon(&points))
}

fn cross(rng: &mut impl Rng) -> Outline {
    let arm = rng.random_range(0.17..0.34);
    Outline::area(polygon(&[
        (-arm, -0.98),
        (arm, -0.98),
        (arm, -arm),
        (0.98, -arm),
        (0.98, arm),
        (arm, arm),
        (arm, 0.98),
        (-arm, 0.98),
        (-arm, arm),
        (-0.98, arm),
        (-0.98, -arm),
        (-arm, -arm),
    ]))
}

fn fish(rng: &mut impl Rng) -> Outline {
    let belly = rng.random_range(0.42..0.62);
    let tail = rng.random_range(0.38..0.6);
    let waist = rng.random_range(-0.6..-0.45);
    let mut path = PathBuilder::new();
    path.move_to(1.0, 0.0);
    path.cubic_to(0.65, -1.25 * belly, -0.1, -1.25 * belly, waist, -0.08);
    path.line_to(-1.0, -tail);
    path.quad_to(-0.82, 0.0, -1.0, tail);
    path.line_to(waist, 0.08);
    path.cubic_to(-0.1, 1.25 * belly, 0.65, 1.25 * belly, 1.0, 0.0);
    path.close();
    let eye = circle(0.58, -0.14, rng.random_range(0.06..0.11));
    Outline::area(path).with_details(eye)
}

fn flower(rng: &mut impl Rng) -> Outline {
    let petals = rng.random_range(5..=8);
    let petal = PI * 0.58 / petals as f32 * rng.random_range(1.0..1.2);
    let distance = 1.0 - petal;
    let mut path = PathBuilder::new();
    for index in 0..petals {
        let (x, y) = at(index as f32 * TAU / petals as f32, distance);
        path.push_circle(x, y, petal);
    }
    path.push_circle(0.0, 0.0, distance);
    let centre = circle(0.0, 0.0, rng.random_range(0.24..0.36));
    Outline::area(path).with_details(centre)
}

fn heart(rng: &mut impl Rng) -> Outline {
    let dip = rng.random_range(-0.55..-0.38);
    let lobe = rng.random_range(-1.25..-1.05);
    let mut path = PathBuilder::new();
    path.move_to(0.0, 0.95);
    path.cubic_to(-0.5, 0.5, -1.05, 0.15, -1.0, -0.35);
    path.cubic_to(-0.95, lobe + 0.2, -0.2, lobe + 0.1, 0.0, dip);
    path.cubic_to(0.2, lobe + 0.1, 0.95, lobe + 0.2, 1.0, -0.35);
    path.cubic_to(1.05, 0.15, 0.5, 0.5, 0.0, 0.95);
    path.close();
    Outline::area(path)
}

fn house(rng: &mut impl Rng) -> Outline {
    let eaves = rng.random_range(-0.25..0.0);
    let wall = rng.random_range(0.6..0.78);
    let overhang = wall + rng.random_range(0.06..0.2);
    let path = polygon(&[
        (0.0, -0.98),
        (overhang, eaves),
        (wall, eaves),
        (wall, 0.85),
        (-wall, 0.85),
        (-wall, eaves),
        (-overhang, eaves),
    ]);
    let door = rng.random_range(-0.35..0.1);
    let mut details = rectangle(door, 0.32, door + 0.25, 0.85);
    if rng.random() {
        add_rectangle(
            &mut details,
            door - 0.28,
            eaves + 0.12,
            door - 0.06,
            eaves + 0.34,
        );
    }
    Outline::area(path).with_details(details)
}

fn lightning(rng: &mut impl Rng) -> Outline {
    let bend = rng.random_range(-0.08..0.08);
    let wide = rng.random_range(0.0..0.12);
    Outline::area(polygon(&[
        (0.1 - wide, -1.0),
        (0.6 + wide, -1.0),
        (0.2 + wide, -0.28 + bend),
        (0.62 + wide, -0.28 + bend),
        (-0.35, 1.0),
        (-0.05 - wide, 0.08 + bend),
        (-0.5 - wide, 0.08 + bend),
    ]))
}

fn ring(rng: &mut impl Rng) -> Outline {
    let mut path = circle(0.0, 0.0, 0.97);
    path.push_circle(0.0, 0.0, rng.random_range(0.48..0.78));
    Outline {
        rule: FillRule::EvenOdd,
        ..Outline::area(path)
    }
}

fn spiral(rng: &mut impl Rng) -> Outline {
    let turns = rng.random_range(2.0..3.2);
    let steps = 90;
    let mut path = PathBuilder::new();
    for step in 0..=steps {
        let share = step as f32 / steps as f32;
        let (x, y) = at(share * turns * TAU, 0.04 + 0.9 * share);
        if step == 0 {
            path.move_to(x, y);
        } else {
            path.line_to(x, y);
        }
    }
    Outline {
        line: Some(0.9 / turns * rng.random_range(0.34..0.52)),
        ..Outline::area(path)
    }
}

fn star(rng: &mut impl Rng) -> Outline {
    let points = if rng.random_bool(0.75) { 5 } else { 6 };
    let inner = rng.random_range(0.36..0.5);
    let corners: Vec<_> = (0..2 * points)
        .map(|corner| {
            let radius = if corner % 2 == 0 { 1.05 } else { inner };
            at(corner as f32 * PI / points as f32 - PI / 2.0, radius)
        })
        .collect();
    Outline::area(polygon(&corners))
}

fn tree(rng: &mut impl Rng) -> Outline {
    let trunk = rng.random_range(0.09..0.17);
    let mut path = PathBuilder::new();
    let foot = if rng.random() {
        // A conifer: two or three tiers.
        let tiers = rng.random_range(2..=3);
        let step = 1.5 / tiers as f32;
        for tier in 0..tiers {
            let top = -1.0 + tier as f32 * step * 0.9;
            let wide = 0.45 + 0.3 * tier as f32 / (tiers - 1) as f32;
            add_polygon(
                &mut path,
                &[
                    (0.0, top),
                    (wide, top + step * 1.15),
                    (-wide, top + step * 1.15),
                ],
            );
        }
        0.45
    } else {
        // A broad crown: three overlapping balls.
        let ball = rng.random_range(0.36..0.46);
        path.push_circle(-0.36, -0.1, ball);
        path.push_circle(0.36, -0.1, ball);
        path.push_circle(0.0, -0.5, ball);
        path.push_circle(0.0, -0.05, ball);
        0.15
    };
    Outline::area(path).with_details(rectangle(-trunk, foot, trunk, 1.0))
}
