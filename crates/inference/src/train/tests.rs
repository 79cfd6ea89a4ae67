//! A minute model from a minute corpus: it learns, it is written whole, and twice the same.

use super::*;
use crate::request::Prompt;

/// Ninety speeches of a play in which two people can only count.
fn corpus(folder: &Path) -> PathBuf {
    let path = folder.join("play.txt");
    let speeches: Vec<String> = (0..90)
        .map(|index| {
            let name = if index % 2 == 0 { "ONE" } else { "OTHER" };
            format!("{name}:\none two three four five six,\nseven eight nine {index}.")
        })
        .collect();
    std::fs::write(&path, speeches.join("\n\n")).unwrap();
    path
}

fn options(folder: &Path, out: &str) -> Options {
    Options {
        name: "counting".into(),
        steps: 25,
        batch: 4,
        context: 24,
        vocabulary: 320,
        width: 16,
        layers: 1,
        heads: 2,
        key_value_heads: 1,
        inner: 24,
        rate: 1e-2,
        ..Options::new(corpus(folder), folder.join(out))
    }
}

#[test]
fn training_learns_and_is_repeatable() {
    let folder = tempfile::tempdir().unwrap();
    let mut losses = Vec::new();
    let report = text(&options(folder.path(), "one"), &mut |progress| {
        losses.push(progress.loss)
    })
    .unwrap();
    assert_eq!(losses.len(), 25);
    assert!(losses[24] < losses[0] - 1.0, "{losses:?}");
    assert!(report.loss_plain < losses[0] - 1.0, "{report:?}");
    assert_eq!(report.trained_tokens, 25 * 4 * 24);

    text(&options(folder.path(), "two"), &mut |_| ()).unwrap();
    let read = |out: &str, file: &str| std::fs::read(folder.path().join(out).join(file)).unwrap();
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        assert!(read("one", file) == read("two", file), "{file} differs");
    }

    let model = Model::load(&folder.path().join("one")).unwrap();
    assert_eq!(model.network().config().parameters(), report.parameters);
    let prompt = Prompt::Text("one two".into());
    let tokens = model.tokens(&prompt).unwrap();
    assert_eq!(model.vocabulary().decode(&tokens).unwrap(), "one two");

    let card = String::from_utf8(read("one", "MODEL_CARD.md")).unwrap();
    assert!(
        card.contains("--name counting --steps 25 --batch 4 --context 24"),
        "{card}"
    );
    assert!(
        card.contains(&format!("{:.3} nats per token", report.loss_plain)),
        "{card}"
    );
}

#[test]
fn a_perturbed_copy_loads_and_differs_only_in_its_weights() {
    let folder = tempfile::tempdir().unwrap();
    perturb(&Source::Shipped, folder.path(), 3).unwrap();
    let copy = Source::Folder(folder.path().to_owned());
    for file in ["config.json", "tokenizer.json", "tokenizer_config.json"] {
        assert_eq!(
            copy.find(file).unwrap(),
            Source::Shipped.find(file).unwrap()
        );
    }
    assert_ne!(
        copy.find("model.safetensors").unwrap(),
        Source::Shipped.find("model.safetensors").unwrap()
    );
    Model::open(&copy).unwrap();
}

#[test]
fn a_corpus_too_small_to_learn_from_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(folder.path(), "out");
    std::fs::write(&options.corpus, "A line.\n\nAnother.").unwrap();
    let error = text(&options, &mut |_| ()).unwrap_err();
    assert!(matches!(error, Error::Corpus { .. }), "{error}");
    options.corpus = folder.path().join("absent.txt");
    assert!(matches!(
        text(&options, &mut |_| ()),
        Err(Error::Read { .. })
    ));
}

#[test]
fn the_rate_rises_falls_and_keeps_a_tenth() {
    let rates: Vec<f64> = (0..100).map(|step| schedule(step, 100)).collect();
    assert!((rates[0] - 0.2).abs() < 1e-9 && rates[4] == 1.0);
    assert!(rates[5..].windows(2).all(|pair| pair[1] < pair[0]));
    assert!((rates[99] - RATE_FLOOR).abs() < 1e-9);
}

#[test]
fn a_long_gradient_is_shortened_in_its_direction() {
    let variable = Var::from_slice(&[1f32, 2.0], 2, &candle_core::Device::Cpu).unwrap();
    let scaled = (variable.as_tensor()
        * Tensor::new(&[3f32, 4.0], &candle_core::Device::Cpu).unwrap())
    .unwrap();
    let mut gradients = scaled.sum_all().unwrap().backward().unwrap();
    let variables = BTreeMap::from([("v".to_owned(), variable.clone())]);
    assert_eq!(clip(&mut gradients, &variables).unwrap(), 5.0);
    let clipped = gradients.get(&variable).unwrap().to_vec1::<f32>().unwrap();
    assert!(
        (clipped[0] - 0.6).abs() < 1e-6 && (clipped[1] - 0.8).abs() < 1e-6,
        "{clipped:?}"
    );
}

#[test]
fn a_tuned_model_has_learnt_the_text() {
    let texts = vec!["The quick brown fox jumps over the lazy dog. ".repeat(30)];
    let tuned = tuned(&Source::Shipped, &texts, 3, 1e-3).unwrap();
    let plain = Model::open(&Source::Shipped).unwrap();
    let ids = plain.vocabulary().encode(&texts[0]).unwrap();
    let loss = |model: &Model| -> f32 {
        let logits = model.network().read_batch(&ids[..64], 64).unwrap();
        kernels::cross_entropy(&logits, ids[1..65].into())
            .unwrap()
            .to_scalar()
            .unwrap()
    };
    let (before, after) = (loss(&plain), loss(&tuned));
    assert!(after < before, "{before} {after}");
    assert!(super::tuned(&Source::Shipped, &["short".into()], 1, 1e-3).is_err());
}
