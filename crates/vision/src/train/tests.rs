//! Training end to end on little, and what it refuses.

use std::fs;

use super::*;
use crate::scene::Shape;

/// A folder of easy pictures, so many of each of three shapes.
fn folder(each: usize) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let mut rng = ChaCha12Rng::seed_from_u64(1);
    for shape in [Shape::Ring, Shape::Square, Shape::Arrow] {
        let label = directory.path().join(shape.name());
        fs::create_dir(&label).unwrap();
        for number in 0..each {
            fs::write(
                label.join(number.to_string()),
                scene::draw_one(shape, &mut rng),
            )
            .unwrap();
        }
        fs::write(label.join(".hidden"), "not a picture").unwrap();
    }
    directory
}

fn options(data: Data, out: &Path) -> Options {
    Options {
        steps: 12,
        batch: 8,
        side: 16,
        widths: vec![8, 12],
        depths: vec![1, 1],
        ..Options::new(data, out.into())
    }
}

#[test]
fn a_folder_becomes_a_model_with_its_report() {
    let (data, out) = (folder(10), tempfile::tempdir().unwrap());
    let mut options = options(Data::Folder(data.path().into()), out.path());
    options.steps = 40;
    let mut losses = Vec::new();
    let report = vision(&options, &mut |progress| losses.push(progress.loss)).unwrap();
    assert_eq!(losses.len(), 40);
    assert!(
        losses[30..].iter().sum::<f32>() < losses[..10].iter().sum::<f32>(),
        "{losses:?}"
    );
    assert_eq!((report.pictures_held_out, report.confusion.total()), (6, 6));
    for file in [
        "config.json",
        "model.safetensors",
        "report.json",
        "confusion.svg",
    ] {
        assert!(out.path().join(file).exists(), "{file}");
    }
    let card = fs::read_to_string(out.path().join("MODEL_CARD.md")).unwrap();
    assert!(
        card.contains("arrow, ring, square") && card.contains("--steps 40"),
        "{card}"
    );
    let model = Model::load(&Source::Folder(out.path().into())).unwrap();
    assert_eq!(model.labels(), ["arrow", "ring", "square"]);
}

#[test]
fn the_same_seed_gives_the_same_weights_and_another_seed_others() {
    let made = |seed| {
        let out = tempfile::tempdir().unwrap();
        let mut options = options(Data::Drawn, out.path());
        (options.steps, options.held_out, options.seed) = (3, 4, seed);
        vision(&options, &mut |_| ()).unwrap();
        fs::read(out.path().join("model.safetensors")).unwrap()
    };
    assert!(made(1) == made(1));
    assert!(made(1) != made(2));
}

#[test]
fn the_rate_rises_then_falls_to_nothing() {
    assert_eq!(schedule(0, 100), 0.2);
    assert_eq!(schedule(4, 100), 1.0);
    assert!(schedule(99, 100) < 1e-3);
}

#[test]
fn a_folder_that_cannot_be_learned_from_says_what_to_change() {
    let out = tempfile::tempdir().unwrap();
    let refused = |data: &tempfile::TempDir| {
        let options = options(Data::Folder(data.path().into()), out.path());
        vision(&options, &mut |_| ())
            .expect_err("refused")
            .to_string()
    };
    let empty = tempfile::tempdir().unwrap();
    assert!(refused(&empty).contains("a directory of pictures for each label"));
    let few = folder(1);
    assert!(refused(&few).contains("two pictures"));
    let wrong = folder(3);
    fs::write(wrong.path().join("ring/notes.txt"), "no picture").unwrap();
    let error = refused(&wrong);
    assert!(
        error.contains("notes.txt") && error.contains("not a PNG"),
        "{error}"
    );
    let hollow = folder(3);
    fs::create_dir(hollow.path().join("zebra")).unwrap();
    assert!(refused(&hollow).contains("zebra holds no pictures"));
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let out = tempfile::tempdir().unwrap();
    let refused = |change: fn(&mut Options)| {
        let mut options = options(Data::Drawn, out.path());
        change(&mut options);
        vision(&options, &mut |_| ())
            .expect_err("refused")
            .to_string()
    };
    assert!(refused(|options| options.steps = 0).contains("at least 1"));
    assert!(refused(|options| options.side = 4).contains("image_size"));
    assert!(refused(|options| options.widths.clear()).contains("hidden_sizes"));
}

/// A varied picture keeps its size and most of what it shows.
#[test]
fn variation_is_small() {
    let mut rng = ChaCha12Rng::seed_from_u64(2);
    let (_, picture) = scene::draw_decoded(0.0, &mut rng);
    let picture = picture.scaled(32);
    let varied = augment::vary(&picture, &mut rng);
    assert_eq!((varied.width(), varied.height()), (32, 32));
    assert_ne!(varied, picture);
    let mean = |picture: &Picture| {
        picture
            .rgb()
            .iter()
            .map(|value| f64::from(*value))
            .sum::<f64>()
            / 3072.0
    };
    assert!((mean(&varied) - mean(&picture)).abs() < 60.0);
}

#[test]
fn a_picture_taken_again_is_nearly_the_same_and_never_the_same_file() {
    let mut rng = ChaCha12Rng::seed_from_u64(3);
    let file = scene::draw_one(Shape::Tree, &mut rng);
    let (first, second) = (
        folder::retake(&file, &mut rng),
        folder::retake(&file, &mut rng),
    );
    assert_ne!(first, second);
    let (before, after) = (
        Picture::decode(&file).unwrap().scaled(8),
        Picture::decode(&first).unwrap().scaled(8),
    );
    let pairs = before.rgb().iter().zip(after.rgb());
    let apart: u32 = pairs.map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
    assert!(apart / 192 < 30, "{apart}");
}
