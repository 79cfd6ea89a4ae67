//! Bounds, formats, scaling.

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;

use super::*;
use crate::scene;

fn png(width: u32, height: u32, colour: ExtendedColorType, pixels: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    PngEncoder::new(&mut file)
        .write_image(pixels, width, height, colour)
        .unwrap();
    file
}

#[test]
fn a_png_gives_back_its_pixels_with_transparency_over_white() {
    let pixels = [10, 20, 30, 255, 0, 0, 0, 0, 200, 100, 0, 51];
    let file = png(3, 1, ExtendedColorType::Rgba8, &pixels);
    let picture = Picture::decode(&file).unwrap();
    assert_eq!(picture.rgb(), [10, 20, 30, 255, 255, 255, 244, 224, 204]);
    assert_eq!(Picture::look(&file), Ok((3, 1)));
}

#[test]
fn grey_pixels_are_repeated_and_deep_ones_rounded() {
    let grey = png(1, 1, ExtendedColorType::L8, &[77]);
    assert_eq!(Picture::decode(&grey).unwrap().rgb(), [77, 77, 77]);
    let deep = png(
        1,
        1,
        ExtendedColorType::Rgb16,
        &[0xff, 0xff, 0x00, 0x00, 0x80, 0x80],
    );
    assert_eq!(Picture::decode(&deep).unwrap().rgb(), [255, 0, 128]);
}

#[test]
fn every_drawn_format_is_read() {
    let mut rng = ChaCha12Rng::seed_from_u64(1);
    let mut seen = [false; 3];
    for _ in 0..40 {
        let file = scene::draw(&mut rng).file;
        let format = match file[0] {
            0x89 => 0,
            0xff => 1,
            _ => 2,
        };
        seen[format] = true;
        let picture = Picture::decode(&file).unwrap();
        assert_eq!(
            Picture::look(&file),
            Ok((picture.width(), picture.height()))
        );
    }
    assert_eq!(seen, [true; 3]);
}

#[test]
fn what_is_no_picture_is_refused() {
    assert_eq!(Picture::decode(b""), Err(Refusal::Empty));
    assert_eq!(
        Picture::decode(b"GIF89a"),
        Err(Refusal::UnknownFormat("47 49 46 38".into()))
    );
    assert_eq!(
        Picture::decode(&vec![0; BYTES_MAX + 1]),
        Err(Refusal::TooLong(BYTES_MAX + 1))
    );
    let mut torn = png(40, 40, ExtendedColorType::Rgb8, &[9; 4800]);
    torn.truncate(torn.len() / 2);
    assert!(matches!(Picture::decode(&torn), Err(Refusal::Torn(_))));
}

/// A header that promises a picture of 60000 by 60000 pixels: 11 GB, in some 40 bytes.
#[test]
fn a_bomb_is_refused_by_its_header() {
    let mut file = png(1, 1, ExtendedColorType::Rgb8, &[1, 2, 3]);
    file[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let checksum = crc(&file[12..29]);
    file[29..33].copy_from_slice(&checksum.to_be_bytes());
    let size = Refusal::Size {
        width: 60_000,
        height: 60_000,
    };
    assert_eq!(Picture::look(&file), Err(size.clone()));
    assert_eq!(Picture::decode(&file), Err(size));
}

/// 4096 by 4096 pixels of 16 bits and transparency are within the sides, and too much to hold.
#[test]
fn a_picture_that_takes_too_much_memory_is_refused() {
    let mut file = png(1, 1, ExtendedColorType::Rgba16, &[0; 8]);
    file[16..24].copy_from_slice(&[0, 0, 0x10, 0, 0, 0, 0x10, 0]);
    let checksum = crc(&file[12..29]);
    file[29..33].copy_from_slice(&checksum.to_be_bytes());
    assert_eq!(Picture::look(&file), Err(Refusal::TooLarge));
}

/// The checksum of a PNG chunk, bit by bit.
fn crc(bytes: &[u8]) -> u32 {
    let mut value = u32::MAX;
    for byte in bytes {
        value ^= u32::from(*byte);
        for _ in 0..8 {
            value = (value >> 1) ^ if value & 1 == 1 { 0xedb8_8320 } else { 0 };
        }
    }
    !value
}

#[test]
fn scaling_down_takes_the_mean_of_the_area() {
    let rgb = [0, 0, 0, 10, 20, 30, 100, 100, 100, 50, 60, 71];
    let picture = Picture::from_rgb(2, 2, rgb.to_vec());
    assert_eq!(picture.scaled(1).rgb(), [40, 45, 50]);
    assert_eq!(picture.scaled(2), picture);
}

/// Three columns to two: each takes one column and half of the middle one.
#[test]
fn a_pixel_on_the_border_counts_on_both_sides() {
    let picture = Picture::from_rgb(3, 1, vec![0, 0, 0, 90, 90, 90, 30, 30, 30]);
    assert_eq!(picture.scaled(2).rgb()[..6], [30, 30, 30, 50, 50, 50]);
}

proptest! {
    #[test]
    fn bytes_that_are_no_picture_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Picture::decode(&bytes).is_err());
    }

    /// A drawn file with a few bytes altered: decoded or refused, never a panic, never beyond the bounds.
    #[test]
    fn a_damaged_picture_is_within_bounds_or_refused(
        seed in 0u64..20,
        hits in proptest::collection::vec((any::<u16>(), any::<u8>()), 1..8),
    ) {
        let mut file = scene::draw(&mut ChaCha12Rng::seed_from_u64(seed)).file;
        for (at, byte) in hits {
            let at = usize::from(at) % file.len();
            file[at] = byte;
        }
        if let Ok(picture) = Picture::decode(&file) {
            prop_assert!(picture.width() <= SIDE_MAX && picture.height() <= SIDE_MAX);
            prop_assert_eq!(picture.rgb().len(), 3 * (picture.width() * picture.height()) as usize);
        }
    }

    /// A picture of one colour stays of that colour at any size.
    #[test]
    fn scaling_keeps_one_colour(colour in any::<[u8; 3]>(), width in 1u32..40, height in 1u32..40, side in 1u32..60) {
        let picture = Picture::from_rgb(width, height, colour.repeat((width * height) as usize));
        let scaled = picture.scaled(side);
        prop_assert!(scaled.rgb().chunks_exact(3).all(|pixel| pixel == colour));
    }
}
