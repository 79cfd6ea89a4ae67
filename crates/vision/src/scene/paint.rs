//! Colours, grounds, clutter, the shape itself and what lies across it.

use std::f32::consts::TAU;

use rand::{Rng, RngExt};
use tiny_skia::{
    Color, FillRule, GradientStop, LineJoin, LinearGradient, Paint, PathBuilder, Pixmap, Point,
    RadialGradient, Rect, Shader, SpreadMode, Stroke, Transform,
};

use super::Shape;
use super::outline::Outline;

/// How far a shape's colour is from the ground's at least, of about 3 between black and white.
const DISTANCE_MIN: f32 = 0.6;
/// Colours tried before the ground's opposite is taken.
const TRIES_MAX: usize = 16;

fn colour(rng: &mut impl Rng) -> Color {
    let hue = rng.random_range(0.0..6.0f32);
    let saturation = rng.random_range(0.0..1.0f32).sqrt();
    let value = rng.random_range(0.08..1.0f32);
    let channel = |offset: f32| {
        let at = (hue + offset) % 6.0;
        let share = (at.min(4.0 - at)).clamp(0.0, 1.0);
        value * (1.0 - saturation * share)
    };
    opaque(channel(5.0), channel(3.0), channel(1.0))
}

fn opaque(red: f32, green: f32, blue: f32) -> Color {
    let clip = |value: f32| value.clamp(0.0, 1.0);
    Color::from_rgba(clip(red), clip(green), clip(blue), 1.0).expect("clipped to the unit range")
}

fn near(base: Color, by: f32, rng: &mut impl Rng) -> Color {
    let mut shift = || rng.random_range(-by..=by);
    let (red, green, blue) = (shift(), shift(), shift());
    opaque(base.red() + red, base.green() + green, base.blue() + blue)
}

/// How different two colours look: lightness counts twice.
fn distance(a: Color, b: Color) -> f32 {
    let light = |c: Color| 0.3 * c.red() + 0.59 * c.green() + 0.11 * c.blue();
    let hue =
        (a.red() - b.red()).abs() + (a.green() - b.green()).abs() + (a.blue() - b.blue()).abs();
    2.0 * (light(a) - light(b)).abs() + hue / 3.0
}

fn unlike(other: Color, rng: &mut impl Rng) -> Color {
    for _ in 0..TRIES_MAX {
        let tried = colour(rng);
        if DISTANCE_MIN < distance(tried, other) {
            return tried;
        }
    }
    let away = |value: f32| if value < 0.5 { 1.0 } else { 0.0 };
    opaque(away(other.red()), away(other.green()), away(other.blue()))
}

fn solid(colour: Color) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color(colour);
    paint
}

fn shaded(shader: Option<Shader<'static>>, otherwise: Color) -> Paint<'static> {
    Paint {
        shader: shader.unwrap_or(Shader::SolidColor(otherwise)),
        ..Paint::default()
    }
}

fn gradient(from: Color, to: Color, begin: Point, end: Point) -> Paint<'static> {
    let stops = vec![GradientStop::new(0.0, from), GradientStop::new(1.0, to)];
    let shader = LinearGradient::new(begin, end, stops, SpreadMode::Pad, Transform::identity());
    shaded(shader, from)
}

/// Paints the ground, and returns its prevailing colour.
pub(super) fn ground(canvas: &mut Pixmap, hardness: f32, rng: &mut impl Rng) -> Color {
    let base = colour(rng);
    let (width, height) = (canvas.width() as f32, canvas.height() as f32);
    canvas.fill(base);
    if !rng.random_bool(f64::from(hardness)) {
        return base;
    }
    match rng.random_range(0..6) {
        0 => (),
        1 => {
            let to = near(base, 0.45, rng);
            let (begin, end) = across(width, height, rng);
            cover(canvas, &gradient(base, to, begin, end));
        }
        2 => {
            let centre =
                Point::from_xy(rng.random_range(0.0..width), rng.random_range(0.0..height));
            let stops = vec![
                GradientStop::new(0.0, near(base, 0.45, rng)),
                GradientStop::new(1.0, base),
            ];
            let reach = width * rng.random_range(0.4..1.0);
            let mode = SpreadMode::Pad;
            let shader =
                RadialGradient::new(centre, centre, reach, stops, mode, Transform::identity());
            cover(canvas, &shaded(shader, base));
        }
        3 => stripes(canvas, near(base, 0.3, rng), rng),
        4 => chequers(canvas, near(base, 0.25, rng), rng),
        _ => {
            for _ in 0..rng.random_range(3..9) {
                let paint = solid(near(base, 0.2, rng));
                let radius = width * rng.random_range(0.08..0.3);
                let (x, y) = (rng.random_range(0.0..width), rng.random_range(0.0..height));
                disc(canvas, x, y, radius, &paint);
            }
        }
    }
    base
}

/// Two points on opposite sides.
fn across(width: f32, height: f32, rng: &mut impl Rng) -> (Point, Point) {
    let angle = rng.random_range(0.0..TAU);
    let (x, y) = (angle.cos() * width / 2.0, angle.sin() * height / 2.0);
    let (left, top) = (width / 2.0, height / 2.0);
    (
        Point::from_xy(left - x, top - y),
        Point::from_xy(left + x, top + y),
    )
}

fn cover(canvas: &mut Pixmap, paint: &Paint) {
    let all = Rect::from_xywh(0.0, 0.0, canvas.width() as f32, canvas.height() as f32);
    canvas.fill_rect(
        all.expect("a canvas has an area"),
        paint,
        Transform::identity(),
        None,
    );
}

fn stripes(canvas: &mut Pixmap, colour: Color, rng: &mut impl Rng) {
    let (width, height) = (canvas.width() as f32, canvas.height() as f32);
    let step = width * rng.random_range(0.06..0.25);
    let reach = width + height;
    let turn = Transform::from_rotate_at(rng.random_range(0.0..180.0), width / 2.0, height / 2.0);
    let mut y = -reach;
    while y < reach {
        if let Some(stripe) = Rect::from_xywh(-reach, y, 3.0 * reach, step / 2.0) {
            canvas.fill_rect(stripe, &solid(colour), turn, None);
        }
        y += step;
    }
}

fn chequers(canvas: &mut Pixmap, colour: Color, rng: &mut impl Rng) {
    let side = canvas.width() as f32 * rng.random_range(0.07..0.22);
    let (columns, rows) = (canvas.width() as f32 / side, canvas.height() as f32 / side);
    let mut path = PathBuilder::new();
    for row in 0..=rows as usize {
        for column in (row % 2..=columns as usize).step_by(2) {
            let square = Rect::from_xywh(column as f32 * side, row as f32 * side, side, side);
            path.push_rect(square.expect("a square has an area"));
        }
    }
    if let Some(path) = path.finish() {
        let paint = solid(colour);
        canvas.fill_path(
            &path,
            &paint,
            FillRule::Winding,
            Transform::identity(),
            None,
        );
    }
}

fn disc(canvas: &mut Pixmap, x: f32, y: f32, radius: f32, paint: &Paint) {
    if let Some(path) = PathBuilder::from_circle(x, y, radius) {
        canvas.fill_path(&path, paint, FillRule::Winding, Transform::identity(), None);
    }
}

fn line(canvas: &mut Pixmap, from: (f32, f32), to: (f32, f32), width: f32, paint: &Paint) {
    let mut path = PathBuilder::new();
    path.move_to(from.0, from.1);
    path.line_to(to.0, to.1);
    if let Some(path) = path.finish() {
        let stroke = Stroke {
            width,
            ..Stroke::default()
        };
        canvas.stroke_path(&path, paint, &stroke, Transform::identity(), None);
    }
}

/// Scatters things too small to be taken for the shape.
pub(super) fn clutter(canvas: &mut Pixmap, ground: Color, hardness: f32, rng: &mut impl Rng) {
    let (width, height) = (canvas.width() as f32, canvas.height() as f32);
    let size = width.min(height) * 0.06;
    for _ in 0..rng.random_range(0..=(12.0 * hardness) as u32) {
        let paint = solid(if rng.random() {
            colour(rng)
        } else {
            near(ground, 0.35, rng)
        });
        let (x, y) = (rng.random_range(0.0..width), rng.random_range(0.0..height));
        let mut step = || rng.random_range(-size..size);
        let (a, b, c, d) = (step(), step(), step(), step());
        match rng.random_range(0..3) {
            0 => disc(canvas, x, y, a.abs().max(1.0), &paint),
            1 => line(
                canvas,
                (x, y),
                (x + 2.0 * a, y + 2.0 * b),
                c.abs().max(1.0) / 2.0,
                &paint,
            ),
            _ => {
                let mut path = PathBuilder::new();
                path.move_to(x, y);
                path.line_to(x + a, y + b);
                path.line_to(x + c, y + d);
                path.close();
                if let Some(path) = path.finish() {
                    let rule = FillRule::Winding;
                    canvas.fill_path(&path, &paint, rule, Transform::identity(), None);
                }
            }
        }
    }
}

/// Whether a shape is still itself when only its edge is drawn.
fn may_be_hollow(shape: Shape) -> bool {
    !matches!(
        shape,
        Shape::Circle | Shape::Ring | Shape::Flower | Shape::Tree | Shape::Spiral
    )
}

/// Paints the shape.
pub(super) fn shape(
    canvas: &mut Pixmap,
    shape: Shape,
    outline: &Outline,
    placed: Transform,
    radius: f32,
    ground: Color,
    rng: &mut impl Rng,
) {
    let main = unlike(ground, rng);
    let fill = if rng.random_bool(0.3) {
        let to = near(main, 0.3, rng);
        gradient(
            main,
            to,
            Point::from_xy(-1.0, -1.0),
            Point::from_xy(1.0, 1.0),
        )
    } else {
        solid(main)
    };
    // Widths are in the shape's own units, and at least a pixel and a half.
    let edge = Stroke {
        width: rng.random_range(0.07..0.16f32).max(1.5 / radius),
        line_join: LineJoin::Round,
        ..Stroke::default()
    };
    if let Some(width) = outline.line {
        let stroke = Stroke { width, ..edge };
        canvas.stroke_path(&outline.body, &fill, &stroke, placed, None);
        return;
    }
    let style = rng.random_range(0..10);
    let hollow = style < 2 && may_be_hollow(shape);
    let detail = solid(if hollow { main } else { unlike(main, rng) });
    if let (Shape::Tree, Some(trunk)) = (shape, &outline.details) {
        let paint = solid(unlike(ground, rng));
        canvas.fill_path(trunk, &paint, FillRule::Winding, placed, None);
    }
    if hollow {
        canvas.stroke_path(&outline.body, &fill, &edge, placed, None);
    } else {
        canvas.fill_path(&outline.body, &fill, outline.rule, placed, None);
        if 7 < style {
            let rim = solid(near(main, 0.6, rng));
            canvas.stroke_path(&outline.body, &rim, &edge, placed, None);
        }
    }
    if let (true, Some(details)) = (shape != Shape::Tree, &outline.details) {
        canvas.fill_path(details, &detail, FillRule::Winding, placed, None);
    }
}

/// Lays bars or blots over a part of the shape.
pub(super) fn occlude(canvas: &mut Pixmap, placed: Transform, radius: f32, rng: &mut impl Rng) {
    let reach = (canvas.width() + canvas.height()) as f32;
    for _ in 0..rng.random_range(1..=2) {
        let paint = solid(colour(rng));
        let angle = rng.random_range(0.0..TAU);
        let (dx, dy) = (angle.cos(), angle.sin());
        if rng.random() {
            let aside = radius * rng.random_range(-0.9..0.9);
            let (x, y) = (placed.tx - dy * aside, placed.ty + dx * aside);
            let (from, to) = (
                (x - dx * reach, y - dy * reach),
                (x + dx * reach, y + dy * reach),
            );
            line(
                canvas,
                from,
                to,
                radius * rng.random_range(0.08..0.22),
                &paint,
            );
        } else {
            let away = radius * rng.random_range(0.55..1.1);
            let blot = radius * rng.random_range(0.15..0.38);
            disc(
                canvas,
                placed.tx + dx * away,
                placed.ty + dy * away,
                blot,
                &paint,
            );
        }
    }
}
