//! The shipped model: how good, how steady.

use std::process::Command;

use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;

use super::*;
use crate::scene;

fn shipped() -> Model {
    Model::load(&Source::Shipped).unwrap()
}

fn pictures(count: usize) -> Vec<Picture> {
    let mut rng = ChaCha12Rng::seed_from_u64(11);
    (0..count)
        .map(|_| Picture::decode(&scene::draw(&mut rng).file).unwrap())
        .collect()
}

/// Drawn from a seed that training never used.
#[test]
fn the_shipped_model_knows_nine_of_ten_fresh_pictures() {
    let model = shipped();
    let mut rng = ChaCha12Rng::seed_from_u64(987_654_321);
    let count = 400;
    let right = (0..count).filter(|_| {
        let drawing = scene::draw(&mut rng);
        let guesses = model
            .classify(&Picture::decode(&drawing.file).unwrap())
            .unwrap();
        guesses[0].label == drawing.shape.name()
    });
    let accuracy = right.count() as f64 / f64::from(count);
    assert!(0.9 <= accuracy, "{accuracy}");
}

#[test]
fn guesses_are_all_labels_the_most_probable_first_and_sum_to_one() {
    let model = shipped();
    for picture in pictures(5) {
        let guesses = model.classify(&picture).unwrap();
        assert_eq!(guesses.len(), model.labels().len());
        assert!(guesses.is_sorted_by(|a, b| a.score >= b.score));
        let sum: f64 = guesses.iter().map(|guess| guess.score).sum();
        assert!((sum - 1.0).abs() < 1e-5);
    }
}

#[test]
fn threads_and_company_do_not_change_an_answer() {
    let model = shipped();
    let pictures = pictures(7);
    let alone: Vec<_> = pictures
        .iter()
        .map(|picture| model.classify(picture).unwrap())
        .collect();
    for threads in [1, 3, 20] {
        assert_eq!(model.classify_all(&pictures, threads).unwrap(), alone);
    }
    assert_eq!(
        model.classify_all(&[], 4).unwrap(),
        Vec::<Vec<Guess>>::new()
    );
}

/// Names the process whose only task is to print a digest of its answers.
const PRINTS: &str = "STOA_VISION_PRINTS_ITS_ANSWERS";

/// The library's own threads are set for a whole process, so each number of them is tried in one of its own.
#[test]
fn the_number_of_a_matrix_products_threads_does_not_change_an_answer() {
    if std::env::var_os(PRINTS).is_some() {
        for picture in pictures(6) {
            println!("shares {:?}", shipped().read(&picture).unwrap());
        }
        return;
    }
    let answers = |threads: &str| {
        let name =
            "model::tests::the_number_of_a_matrix_products_threads_does_not_change_an_answer";
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env("RAYON_NUM_THREADS", threads)
            .env(PRINTS, "1")
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<String> = text
            .lines()
            .filter_map(|line| Some(line.split_once("shares ")?.1.to_owned()))
            .collect();
        assert_eq!(lines.len(), 6, "{text}");
        lines
    };
    let one = answers("1");
    assert_eq!(answers("2"), one);
    assert_eq!(answers("5"), one);
}

#[test]
fn a_folder_without_a_model_says_which_file_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let source = Source::Folder(folder.path().into());
    let error = Model::load(&source).err().unwrap().to_string();
    assert!(error.contains("config.json"), "{error}");
    std::fs::write(folder.path().join("config.json"), "{}").unwrap();
    let error = Model::load(&source).err().unwrap().to_string();
    assert!(error.contains("does not describe"), "{error}");
}

#[test]
fn weights_of_another_shape_or_missing_or_torn_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let source = Source::Folder(folder.path().into());
    let config = Config::new(&["a".into(), "b".into()], 8, &[4], &[1]);
    let write = |file: &str, bytes: &[u8]| std::fs::write(folder.path().join(file), bytes).unwrap();
    write(
        "config.json",
        serde_json::to_string(&config).unwrap().as_bytes(),
    );
    write(
        "model.safetensors",
        &Source::Shipped.get("model.safetensors").unwrap(),
    );
    let error = Model::load(&source).err().unwrap();
    assert!(matches!(error, Error::TensorShape { .. }), "{error}");
    write("model.safetensors", b"torn");
    let error = Model::load(&source).err().unwrap();
    assert!(matches!(error, Error::TornWeights { .. }), "{error}");
    let nothing = crate::weights::pack(&Default::default()).unwrap();
    write("model.safetensors", &nothing);
    let error = Model::load(&source).err().unwrap();
    assert!(matches!(error, Error::MissingTensor { .. }), "{error}");
}

#[test]
fn the_shipped_weights_fit_into_four_megabytes() {
    assert!(Source::Shipped.get("model.safetensors").unwrap().len() <= 4_000_000);
}

#[test]
fn an_untrained_model_answers_in_form() {
    let mut rng = ChaCha12Rng::seed_from_u64(1);
    let model = Model::untrained(shipped().config(), &mut rng).unwrap();
    assert_eq!(model.labels(), shipped().labels());
    let shares = model.read(&pictures(1)[0]).unwrap();
    assert!((shares.iter().sum::<f32>() - 1.0).abs() < 1e-5);
}
