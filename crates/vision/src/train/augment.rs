//! Small changes that leave a picture's label as it is.

use rand::{Rng, RngExt};

use crate::picture::Picture;

/// The picture turned by up to 10°, scaled and shifted by up to an eighth, lit a little differently.
pub(super) fn vary(picture: &Picture, rng: &mut impl Rng) -> Picture {
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    let turn: f32 = rng.random_range(-0.17..0.17);
    let scale: f32 = rng.random_range(0.88..1.13);
    let shift_x = width * rng.random_range(-0.1..0.1);
    let shift_y = height * rng.random_range(-0.1..0.1);
    let contrast = rng.random_range(0.8..1.2);
    let light = rng.random_range(-25.0..25.0);
    let (sine, cosine) = (turn.sin() / scale, turn.cos() / scale);
    let mut rgb = Vec::with_capacity(picture.rgb().len());
    for y in 0..picture.height() {
        for x in 0..picture.width() {
            let (dx, dy) = (x as f32 - width / 2.0 + 0.5, y as f32 - height / 2.0 + 0.5);
            let from_x = cosine * dx - sine * dy + width / 2.0 - 0.5 + shift_x;
            let from_y = sine * dx + cosine * dy + height / 2.0 - 0.5 + shift_y;
            let pixel = between(picture, from_x, from_y);
            rgb.extend(
                pixel.map(|value| ((value - 128.0) * contrast + 128.0 + light).round() as u8),
            );
        }
    }
    Picture::from_rgb(picture.width(), picture.height(), rgb)
}

/// The colour at a point between pixels; beyond the edge the last pixel goes on.
fn between(picture: &Picture, x: f32, y: f32) -> [f32; 3] {
    let clip = |value: f32, length: u32| value.clamp(0.0, length as f32 - 1.0);
    let (x, y) = (clip(x, picture.width()), clip(y, picture.height()));
    let (left, top) = (x as u32, y as u32);
    let (right, bottom) = (
        (left + 1).min(picture.width() - 1),
        (top + 1).min(picture.height() - 1),
    );
    let (across, down) = (x - left as f32, y - top as f32);
    let at = |x: u32, y: u32, channel: usize| {
        f32::from(picture.rgb()[3 * (y * picture.width() + x) as usize + channel])
    };
    [0, 1, 2].map(|channel| {
        let upper = at(left, top, channel) * (1.0 - across) + at(right, top, channel) * across;
        let lower =
            at(left, bottom, channel) * (1.0 - across) + at(right, bottom, channel) * across;
        upper * (1.0 - down) + lower * down
    })
}
