//! Draws pictures that nobody has seen before, each of one shape that everybody can name.
//!
//! Whoever draws a picture knows what it shows; whoever is sent the file has to look. So a validator can ask for ever
//! about pictures whose labels exist nowhere else.
//!
//! # A picture
//!
//! 1. A ground: one colour, a gradient, stripes, a chequerboard or blotches.
//! 2. Clutter: up to a dozen small dots, strokes and splinters.
//! 3. The shape, once, between a half and nine tenths of the shorter side: turned, stretched, slanted, mirrored; filled,
//!    shaded, outlined, or both; in a colour that differs from the ground's.
//! 4. Sometimes bars or blots across it. They hide at most about a quarter.
//! 5. A camera: blur, contrast, brightness, less colour, noise.
//! 6. A file: PNG, WebP, or JPEG from poor to good, between 64 and 224 pixels a side.
//!
//! Every choice is drawn from the generator that is passed in, and there are far more of them than there will ever be
//! pictures. It is made to be hard at the edges (a small blurred hexagon outline does look like a ring), so that a good network
//! is right more than nine times in ten, and has reason to say when it is unsure. How hard is one number, [`HARDNESS`].
//!
//! The same generator gives the same picture on the same machine; between machines sines may differ in the last bit, which
//! matters to nobody, because the file is what is sent.

mod camera;
mod outline;
mod paint;

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder};
use rand::{Rng, RngExt};
use tiny_skia::{Pixmap, Transform};

use crate::picture::Picture;

/// The shorter and the longer bound of a drawn picture's sides.
pub const SIDES: std::ops::RangeInclusive<u32> = 64..=224;

/// How hard the pictures are that [`draw`] draws, of the 1 that [`draw_decoded`] can: so that a network of half a million weights
/// is right more than nine times in ten, and not always.
pub const HARDNESS: f32 = 0.4;

/// What a drawn picture shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shape {
    /// A shaft with a head.
    Arrow,
    /// A disc.
    Circle,
    /// A waxing or waning moon.
    Crescent,
    /// Two bars across each other.
    Cross,
    /// A body with a tail and an eye.
    Fish,
    /// Petals around a centre.
    Flower,
    /// Two lobes over a point.
    Heart,
    /// Six equal sides.
    Hexagon,
    /// Walls, a roof and a door.
    House,
    /// A jagged bolt.
    Lightning,
    /// A disc with a hole.
    Ring,
    /// A line winding outwards.
    Spiral,
    /// Four equal sides.
    Square,
    /// Five or six points.
    Star,
    /// A crown on a trunk.
    Tree,
    /// Three equal sides.
    Triangle,
}

/// All shapes, in the order of their names.
pub const SHAPES: [Shape; 16] = [
    Shape::Arrow,
    Shape::Circle,
    Shape::Crescent,
    Shape::Cross,
    Shape::Fish,
    Shape::Flower,
    Shape::Heart,
    Shape::Hexagon,
    Shape::House,
    Shape::Lightning,
    Shape::Ring,
    Shape::Spiral,
    Shape::Square,
    Shape::Star,
    Shape::Tree,
    Shape::Triangle,
];

impl Shape {
    /// What a person calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Arrow => "arrow",
            Self::Circle => "circle",
            Self::Crescent => "crescent",
            Self::Cross => "cross",
            Self::Fish => "fish",
            Self::Flower => "flower",
            Self::Heart => "heart",
            Self::Hexagon => "hexagon",
            Self::House => "house",
            Self::Lightning => "lightning",
            Self::Ring => "ring",
            Self::Spiral => "spiral",
            Self::Square => "square",
            Self::Star => "star",
            Self::Tree => "tree",
            Self::Triangle => "triangle",
        }
    }
}

/// A drawn picture as a file, and what it shows.
#[derive(Clone, Debug)]
pub struct Drawing {
    /// What it shows.
    pub shape: Shape,
    /// A PNG, JPEG or WebP file.
    pub file: Vec<u8>,
}

/// How a picture is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Storage {
    Png,
    WebP,
    Jpeg { quality: u8 },
}

impl Storage {
    fn draw(rng: &mut impl Rng) -> Self {
        match rng.random_range(0..5) {
            0 => Self::Png,
            1 => Self::WebP,
            _ => Self::Jpeg {
                quality: rng.random_range(25..=95),
            },
        }
    }
}

/// Draws a picture of a shape chosen evenly, as a file.
pub fn draw(rng: &mut impl Rng) -> Drawing {
    let shape = SHAPES[rng.random_range(0..SHAPES.len())];
    Drawing {
        shape,
        file: draw_one(shape, rng),
    }
}

/// Draws a picture of the given shape, as a file.
pub fn draw_one(shape: Shape, rng: &mut impl Rng) -> Vec<u8> {
    let storage = Storage::draw(rng);
    encode(&render(shape, HARDNESS, rng), storage)
}

/// What [`draw`] and [`Picture::decode`] give together, without storing what is stored without loss.
///
/// `hardness` from 0 to 1 scales what is in the way: at 0 the shape is whole, bold, nearly upright and alone.
pub fn draw_decoded(hardness: f32, rng: &mut impl Rng) -> (Shape, Picture) {
    let shape = SHAPES[rng.random_range(0..SHAPES.len())];
    let storage = Storage::draw(rng);
    let picture = render(shape, hardness, rng);
    let picture = match storage {
        Storage::Png | Storage::WebP => picture,
        Storage::Jpeg { .. } => {
            Picture::decode(&encode(&picture, storage)).expect("what was just encoded decodes")
        }
    };
    (shape, picture)
}

/// The picture before it is stored.
fn render(shape: Shape, hardness: f32, rng: &mut impl Rng) -> Picture {
    let longer = rng.random_range(88..=*SIDES.end());
    let shorter = (longer as f32 * rng.random_range(0.72..=1.0)).round() as u32;
    let shorter = shorter.max(*SIDES.start());
    let (width, height) = if rng.random() {
        (longer, shorter)
    } else {
        (shorter, longer)
    };
    let mut canvas = Pixmap::new(width, height).expect("sides are above zero");
    let ground = paint::ground(&mut canvas, hardness, rng);
    paint::clutter(&mut canvas, ground, hardness, rng);

    let short = shorter as f32;
    let radius = short * rng.random_range(0.34 - 0.1 * hardness..0.45);
    let placed = place(shape, radius, (width, height), hardness, rng);
    let drawing = outline::outline(shape, rng);
    paint::shape(&mut canvas, shape, &drawing, placed, radius, ground, rng);
    if rng.random_bool(0.4 * f64::from(hardness)) {
        paint::occlude(&mut canvas, placed, radius, rng);
    }
    camera::photograph(&canvas, hardness, rng)
}

/// Where a shape drawn within the unit circle comes to lie.
fn place(
    shape: Shape,
    radius: f32,
    (width, height): (u32, u32),
    hardness: f32,
    rng: &mut impl Rng,
) -> Transform {
    let tilt = match shape {
        Shape::House | Shape::Tree => 30.0,
        Shape::Fish | Shape::Heart | Shape::Lightning => 50.0,
        _ => 180.0,
    };
    let tilt = tilt * (0.1 + 0.9 * hardness);
    let (width, height) = (width as f32, height as f32);
    // A shape may reach over the edge, by a sixth of its radius.
    let reach = radius * 0.84;
    let x = rng.random_range(reach..=width - reach);
    let y = rng.random_range(reach..=height - reach);
    let stretch: f32 = rng.random_range(0.86..1.16);
    let mirror = if rng.random() { 1.0 } else { -1.0 };
    let slant: f32 = rng.random_range(-0.15..0.15);
    Transform::from_translate(x, y)
        .pre_rotate(rng.random_range(-tilt..=tilt))
        .pre_scale(radius * stretch * mirror, radius / stretch)
        .pre_concat(Transform::from_skew(slant, 0.0))
}

fn encode(picture: &Picture, storage: Storage) -> Vec<u8> {
    let (width, height, rgb) = (picture.width(), picture.height(), picture.rgb());
    let colour = ExtendedColorType::Rgb8;
    let mut file = Cursor::new(Vec::new());
    let written = match storage {
        Storage::Png => {
            PngEncoder::new_with_quality(&mut file, CompressionType::Fast, FilterType::Adaptive)
                .write_image(rgb, width, height, colour)
        }
        Storage::WebP => {
            WebPEncoder::new_lossless(&mut file).write_image(rgb, width, height, colour)
        }
        Storage::Jpeg { quality } => JpegEncoder::new_with_quality(&mut file, quality)
            .write_image(rgb, width, height, colour),
    };
    written.expect("a picture of a few hundred pixels fits every format, and memory takes it");
    file.into_inner()
}

#[cfg(test)]
mod tests;
