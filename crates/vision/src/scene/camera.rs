//! What a camera does to a picture: blur, contrast, brightness, less colour, noise.

use rand::{Rng, RngExt};
use tiny_skia::Pixmap;

use crate::picture::Picture;

/// The standard deviation of the sum of two random bytes.
const GRAIN: f32 = 104.5;

/// Takes a picture of the canvas.
pub(super) fn photograph(canvas: &Pixmap, hardness: f32, rng: &mut impl Rng) -> Picture {
    let (width, height) = (canvas.width(), canvas.height());
    let mut rgb: Vec<u8> = canvas
        .pixels()
        .iter()
        .flat_map(|pixel| [pixel.red(), pixel.green(), pixel.blue()])
        .collect();
    if rng.random_bool(0.55 * f64::from(hardness)) {
        let short = width.min(height) as f32;
        let radius = (short * rng.random_range(0.002..0.018f32)).round() as usize;
        for _ in 0..2 {
            blur_rows(&mut rgb, width as usize, radius);
            rgb = transposed(&rgb, width as usize);
            blur_rows(&mut rgb, height as usize, radius);
            rgb = transposed(&rgb, height as usize);
        }
    }
    expose(&mut rgb, hardness, rng);
    Picture::from_rgb(width, height, rgb)
}

/// Replaces each pixel by the mean of its row within a radius; beyond the ends the last pixel goes on.
fn blur_rows(rgb: &mut [u8], width: usize, radius: usize) {
    if radius == 0 {
        return;
    }
    let window = (2 * radius + 1) as u32;
    let mut line = vec![0u8; width];
    for row in rgb.chunks_exact_mut(3 * width) {
        for channel in 0..3 {
            for (x, value) in line.iter_mut().enumerate() {
                *value = row[3 * x + channel];
            }
            let clipped = |x: isize| u32::from(line[x.clamp(0, width as isize - 1) as usize]);
            let reach = radius as isize;
            let mut sum: u32 = (-reach..=reach).map(clipped).sum();
            for x in 0..width {
                row[3 * x + channel] = ((sum + window / 2) / window) as u8;
                sum += clipped(x as isize + reach + 1);
                sum -= clipped(x as isize - reach);
            }
        }
    }
}

fn transposed(rgb: &[u8], width: usize) -> Vec<u8> {
    let height = rgb.len() / 3 / width;
    let mut turned = vec![0u8; rgb.len()];
    for (y, row) in rgb.chunks_exact(3 * width).enumerate() {
        for (x, pixel) in row.chunks_exact(3).enumerate() {
            turned[3 * (x * height + y)..][..3].copy_from_slice(pixel);
        }
    }
    turned
}

/// Contrast, brightness, colour and noise in one pass.
fn expose(rgb: &mut [u8], hardness: f32, rng: &mut impl Rng) {
    let contrast = rng.random_range(1.0 - 0.5 * hardness..1.1);
    let light = rng.random_range(-35.0..35.0f32);
    let grey = if rng.random_bool(0.2) {
        rng.random_range(0.3..0.8f32)
    } else {
        0.0
    };
    let noise = if rng.random_bool(0.6 * f64::from(hardness)) {
        rng.random_range(2.0..22.0f32) / GRAIN
    } else {
        0.0
    };
    for pixel in rgb.chunks_exact_mut(3) {
        let mean = pixel.iter().map(|value| f32::from(*value)).sum::<f32>() / 3.0;
        // Two bytes of randomness a channel: their sum is a hill, near enough a bell.
        let grains = if noise == 0.0 { 0 } else { rng.next_u64() };
        for (channel, value) in pixel.iter_mut().enumerate() {
            let bytes = (grains >> (16 * channel)).to_le_bytes();
            let grain = f32::from(bytes[0]) + f32::from(bytes[1]) - 255.0;
            let colour = f32::from(*value) + grey * (mean - f32::from(*value));
            *value = ((colour - 128.0) * contrast + 128.0 + light + noise * grain).round() as u8;
        }
    }
}
