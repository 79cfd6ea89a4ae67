//! The task from a customer's, a miner's and a judge's side.

use proptest::prelude::*;
use rand::SeedableRng;

use super::*;

fn task(setup: &Setup) -> ImageClassification {
    ImageClassification::open(setup).expect("it opens")
}

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn labels(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn answer(scores: &[(&str, f64)]) -> Vec<LabelScore> {
    let score = |&(label, score): &(&str, f64)| LabelScore {
        label: label.into(),
        score,
    };
    scores.iter().map(score).collect()
}

fn read_shares(answer_: &[(&str, f64)]) -> Result<Vec<f64>, String> {
    shares(&labels(&["cat", "dog", "owl"]), &answer(answer_))
}

#[test]
fn the_shipped_model_names_most_pictures_that_are_drawn_for_it() {
    let task = task(&Setup::default());
    let mut rng = rng(1);
    let right = (0..60).filter(|_| {
        let (request, truth) = task.challenge(&mut rng);
        let answer = task.solve(&request).expect("an answer");
        answer[0].label == task.model.labels()[truth]
    });
    let right = right.count();
    assert!(50 <= right, "{right} of 60");
}

#[test]
fn a_customer_who_wants_the_best_few_asks_a_miner_like_everybody_else() {
    let task = task(&Setup::default());
    let (request, _) = task.challenge(&mut rng(2));
    let few = ImageRequest {
        top_k: Some(3),
        ..request.clone()
    };
    assert_eq!(
        serde_json::to_string(&few).expect("JSON"),
        serde_json::to_string(&request).expect("JSON")
    );
    assert_eq!(task.solve(&few).expect("an answer").len(), 3);
    assert_eq!(
        task.solve(&request).expect("an answer").len(),
        task.model.labels().len()
    );
}

#[test]
fn what_is_no_picture_is_refused_with_the_reason() {
    let complaint = |image: &str, top_k| {
        let image = image.into();
        ImageClassification::check(&ImageRequest { image, top_k })
            .expect_err("refused")
            .to_string()
    };
    assert!(complaint("not base64!", None).contains("base64"));
    assert!(complaint("", None).contains("the picture is empty"));
    assert!(complaint(&STANDARD.encode("GIF89a"), None).contains("not a PNG, JPEG or WebP"));
    assert!(complaint("", Some(0)).contains("top_k"));
}

#[test]
fn an_answer_must_name_every_label_once_and_sum_to_one() {
    let good = [("dog", 0.2), ("owl", 0.1), ("cat", 0.7)];
    assert_eq!(read_shares(&good), Ok(vec![0.7, 0.2, 0.1]));
    for (bad, reason) in [
        (vec![("cat", 0.7), ("dog", 0.3)], "\"owl\" is missing"),
        (
            vec![("cat", 0.5), ("cat", 0.2), ("dog", 0.2), ("owl", 0.1)],
            "named twice",
        ),
        (
            vec![("cat", 0.5), ("dog", 0.2), ("owl", 0.1), ("elk", 0.2)],
            "\"elk\" is not a label",
        ),
        (vec![("cat", 0.5), ("dog", 0.1), ("owl", 0.1)], "sum to 0.7"),
        (
            vec![("cat", 1.5), ("dog", -0.5), ("owl", 0.0)],
            "not from 0 to 1",
        ),
    ] {
        let error = read_shares(&bad).expect_err("refused");
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn the_reason_says_what_was_said_and_what_it_is() {
    let names = labels(&["circle", "ring", "star"]);
    let reason = |shares: &[f64], truth| judged(&names, shares, truth).reason;
    assert_eq!(reason(&[0.2, 0.09, 0.71], 2), "right: said star 0.71");
    assert_eq!(
        reason(&[0.9, 0.06, 0.04], 1),
        "confident and wrong: said circle 0.90"
    );
    assert_eq!(
        reason(&[0.4, 0.3, 0.3], 1),
        "unsure and wrong: said circle 0.40"
    );
}

#[test]
fn equal_answers_are_marked_alike_unless_they_are_coarse() {
    let fine = [0.712_345_678, 0.187_654_321, 0.100_000_001];
    assert_eq!(mark(&fine), mark(&fine));
    assert!(mark(&fine).is_some());
    let mut altered = fine;
    altered[0] += 1e-12;
    assert_ne!(mark(&fine), mark(&altered));
    assert_eq!(mark(&[0.99, 0.005, 0.005]), None);
}

#[test]
fn two_miners_with_one_model_answer_alike_to_the_last_digit() {
    let (first, second) = (task(&Setup::default()), task(&Setup::default()));
    let (request, truth) = first.challenge(&mut rng(3));
    let judged = |task: &ImageClassification| {
        first.judge(&request, &task.solve(&request).expect("an answer"), &truth)
    };
    assert_eq!(judged(&first).mark, judged(&second).mark);
}

#[test]
fn villains_answer_in_form_and_look_at_nothing() {
    let honest = task(&Setup::default());
    let (request, truth) = honest.challenge(&mut rng(4));
    for cheat in ImageClassification::CHEATS {
        let setup = Setup {
            cheat: Some((*cheat).into()),
            ..Setup::default()
        };
        let answer = task(&setup).cheat(cheat, &request).expect("an answer");
        let judgement = honest.judge(&request, &answer, &truth);
        assert_eq!(judgement.fault, None, "{cheat}");
        assert_eq!(judgement.figures.len(), 17);
    }
}

/// A folder with one picture of each of two labels, one label known to the model, the other not.
#[test]
fn a_private_folder_is_asked_about_with_other_bytes_each_time() {
    let folder = tempfile::tempdir().expect("a directory");
    let mut drawn = ChaCha12Rng::seed_from_u64(5);
    for shape in [vision::scene::Shape::Star, vision::scene::Shape::Fish] {
        let directory = folder.path().join(shape.name());
        std::fs::create_dir(&directory).expect("a directory");
        let file = vision::scene::draw_one(shape, &mut drawn);
        std::fs::write(directory.join("one"), file).expect("a file");
    }
    let setup = Setup {
        challenges: Some(folder.path().into()),
        ..Setup::default()
    };
    let mut rng = rng(6);
    let task = task(&setup);
    let asked: Vec<_> = (0..20).map(|_| task.challenge(&mut rng)).collect();
    for (index, (request, truth)) in asked.iter().enumerate() {
        assert!(["star", "fish"].contains(&task.model.labels()[*truth].as_str()));
        assert_eq!(ImageClassification::check(request), Ok(()));
        assert!(
            asked[..index]
                .iter()
                .all(|(other, _)| other.image != request.image)
        );
    }

    std::fs::rename(folder.path().join("fish"), folder.path().join("whale")).expect("renamed");
    let error = ImageClassification::open(&setup)
        .err()
        .expect("whales are unknown")
        .to_string();
    assert!(error.contains("whale"), "{error}");
}

proptest! {
    /// Whatever a stranger sends as an answer is judged or refused, and never more than one or less than nothing.
    #[test]
    fn any_answer_is_judged(scores in proptest::collection::vec((0usize..20, -1.0..2.0f64), 0..20)) {
        let names: Vec<String> = (0..16).map(|index| index.to_string()).collect();
        let answer: Vec<LabelScore> = scores
            .into_iter()
            .map(|(label, score)| LabelScore { label: label.to_string(), score })
            .collect();
        if let Ok(shares) = shares(&names, &answer) {
            let quality = judged(&names, &shares, 3).quality;
            prop_assert!((0.0..=1.0).contains(&quality));
        }
    }
}
