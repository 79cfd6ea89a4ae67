//! Pictures are drawn from the generator, differ, and stay within what is promised.

use std::collections::HashSet;

use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;

use super::*;

#[test]
fn the_same_generator_draws_the_same_picture_and_goes_on_to_another() {
    let draw_two = || {
        let mut rng = ChaCha12Rng::seed_from_u64(3);
        [draw(&mut rng).file, draw(&mut rng).file]
    };
    let [first, second] = draw_two();
    assert_eq!([first.clone(), second.clone()], draw_two());
    assert_ne!(first, second);
}

#[test]
fn no_picture_comes_twice_and_every_shape_comes() {
    let mut rng = ChaCha12Rng::seed_from_u64(4);
    let (mut files, mut shapes) = (HashSet::new(), HashSet::new());
    for _ in 0..300 {
        let Drawing { shape, file } = draw(&mut rng);
        assert!(files.insert(file));
        shapes.insert(shape);
    }
    assert_eq!(shapes.len(), SHAPES.len());
}

#[test]
fn a_drawing_decodes_to_sides_within_bounds() {
    let mut rng = ChaCha12Rng::seed_from_u64(5);
    for _ in 0..50 {
        let picture = Picture::decode(&draw(&mut rng).file).unwrap();
        assert!(SIDES.contains(&picture.width()) && SIDES.contains(&picture.height()));
    }
}

/// What training sees is what a miner sees.
#[test]
fn a_picture_drawn_decoded_is_the_file_decoded() {
    for seed in 0..30 {
        let drawing = draw(&mut ChaCha12Rng::seed_from_u64(seed));
        let decoded = draw_decoded(HARDNESS, &mut ChaCha12Rng::seed_from_u64(seed));
        let expected = (drawing.shape, Picture::decode(&drawing.file).unwrap());
        assert!(decoded == expected, "seed {seed}");
    }
}

#[test]
fn shapes_are_numbered_in_order_of_their_names() {
    for (number, shape) in SHAPES.into_iter().enumerate() {
        assert_eq!(shape as usize, number);
    }
    assert!(SHAPES.is_sorted_by_key(|shape| shape.name()));
}

/// The shape stands out: without noise and blur, many pixels are unlike the ground's corners.
#[test]
fn an_easy_picture_shows_something() {
    let mut rng = ChaCha12Rng::seed_from_u64(6);
    for _ in 0..40 {
        let (shape, picture) = draw_decoded(0.0, &mut rng);
        let small = picture.scaled(24);
        let corner = &small.rgb()[..3];
        let unlike = small.rgb().chunks_exact(3).filter(|pixel| {
            pixel
                .iter()
                .zip(corner)
                .map(|(a, b)| u32::from(a.abs_diff(*b)))
                .sum::<u32>()
                > 20
        });
        let unlike = unlike.count();
        assert!(
            (20..500).contains(&unlike),
            "{} covers {unlike}",
            shape.name()
        );
    }
}
