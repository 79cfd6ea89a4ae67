//! Requests, challenges, judgements and work, with searches of a second.

use super::*;
use crate::{Kind, Once, Upstream};
use keys::Pair;
use rand::SeedableRng;

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn task(setup: &Setup) -> ProteinFolding {
    ProteinFolding::open(setup).expect("the task opens")
}

fn request(sequence: &str, budget_s: f64) -> FoldRequest {
    FoldRequest {
        sequence: sequence.into(),
        is_capped: false,
        budget_s,
        title: None,
    }
}

/// What a judge knows that found nothing better than the chain as it is built, so that a search of a second on a busy machine
/// is enough to beat it.
fn secret(request: &FoldRequest) -> Secret {
    let built = folding::build(&chain(request).expect("a chain"));
    let system = System::new(&built, Solvent::Obc2).expect("parameters");
    Secret {
        baseline: system.energy(&built.positions).total(),
        native: None,
    }
}

fn folded(request: &FoldRequest) -> FoldAnswer {
    let setup = Setup::default();
    task(&setup).solve(request).expect("folded")
}

#[test]
fn requests_are_checked_in_words_for_their_author() {
    let complaint = |sequence: &str, budget_s: f64| {
        let checked = ProteinFolding::check(&request(sequence, budget_s));
        checked.err().map(|complaint| complaint.to_string())
    };
    assert_eq!(complaint("GYDPETGTWG", 1.0), None);
    assert_eq!(
        complaint("GYDP", 60.0).as_deref(),
        Some("`sequence` has 4 residues; give from 5 to 60")
    );
    for (sequence, budget_s, part) in [
        ("GYDPETGTWg", 60.0, "lower case"),
        ("GYDPETGTWX", 60.0, "twenty amino acids"),
        ("GYDPETGTWG", 0.5, "`budget_s` is 0.5 seconds"),
        ("GYDPETGTWG", 601.0, "from 1 to 600"),
        ("GYDPETGTWG", f64::NAN, "`budget_s`"),
    ] {
        let said = complaint(sequence, budget_s).expect("a complaint");
        assert!(said.contains(part), "{said}");
    }
    let titled = FoldRequest {
        title: Some("x".repeat(201)),
        ..request("GYDPETGTWG", 60.0)
    };
    assert!(ProteinFolding::check(&titled).is_err());
}

#[test]
fn a_title_is_not_passed_on_and_a_minute_is_given_unless_said() {
    let kind = Once::<ProteinFolding>::KIND;
    let body = br#"{"sequence": "GYDPETGTWG", "title": "for Ada"}"#;
    let canonical = kind.canonical(body).expect("a request");
    let expected = r#"{"sequence":"GYDPETGTWG","is_capped":false,"budget_s":60.0}"#;
    assert_eq!(canonical, expected);
    assert_eq!(kind.patience_of(&canonical), Duration::from_secs(96));
    assert!(
        kind.canonical(br#"{"sequence": "GYDPETGTWG", "haste": 1}"#)
            .is_err()
    );
}

#[test]
fn a_challenge_is_a_request_like_any_other_within_the_time_the_operator_allows() {
    let setup = Setup {
        probe_budget: Some(Duration::from_secs(4)),
        ..Setup::default()
    };
    let task = task(&setup);
    for seed in 1..4 {
        let (request, secret) = task.challenge(&mut rng(seed));
        assert_eq!(ProteinFolding::check(&request), Ok(()));
        assert!((2.0..=4.0).contains(&request.budget_s));
        assert!(secret.baseline.is_finite());
    }
}

/// What a probe costs whoever draws it: evaluations of a chain take as long as the square of its length.
#[test]
fn the_judges_own_search_is_bounded_whatever_is_drawn() {
    let cost = |residues: usize, budget_s: f64| {
        evaluations(residues, budget_s) as f64 * (residues * residues) as f64
    };
    let dearest = cost(30, 600.0);
    for residues in RESIDUES {
        for budget_s in [1.0, 3.0, 60.0, 600.0] {
            assert!(cost(residues, budget_s) <= dearest, "{residues} {budget_s}");
        }
    }
    assert_eq!(evaluations(30, 600.0), 400);
    assert_eq!(
        [3.0, 10.0, 60.0].map(|s| evaluations(16, s)),
        [60, 200, 400]
    );
    assert_eq!([3.0, 60.0, 600.0].map(|s| evaluations(60, s)), [4, 85, 100]);
}

/// Customers' chains have cysteines, some of them two that would like a bridge: they are built, searched and judged as they stand, and a
/// bridge is no answer.
#[test]
fn a_chain_with_cysteines_is_folded_like_any_other() {
    let request = request("CYIQNCPLG", 1.5);
    let answer = folded(&request);
    let task = task(&Setup::default());
    let judgement = task.judge(&request, &answer, &secret(&request));
    assert_eq!(
        (judgement.fault, judgement.quality),
        (None, 1.0),
        "{}",
        judgement.reason
    );
    let is_hydrogen = |line: &&str| line.contains(" HG ") && line.contains("CYS");
    assert_eq!(answer.mmcif.lines().filter(is_hydrogen).count(), 2);
    let kept = answer.mmcif.lines().filter(|line| !is_hydrogen(line));
    let bridged = FoldAnswer {
        mmcif: kept.collect::<Vec<_>>().join("\n") + "\n",
        ..answer
    };
    let judgement = task.judge(&request, &bridged, &secret(&request));
    let fault = judgement.fault.expect("a bridge is another molecule");
    assert!(fault.to_string().contains("HG"), "{fault}");
}

#[test]
fn what_the_miner_finds_is_below_the_judges_own_and_reported_on_the_way() {
    let request = request("GYDPETGTWG", 2.0);
    let mut fractions = Vec::new();
    let mut partial = None;
    let mut report = |progress: Progress<FoldAnswer>| {
        fractions.push(progress.fraction);
        partial = progress.answer.or(partial.take());
        ControlFlow::Continue(())
    };
    let answer = task(&Setup::default())
        .labour(&request, &mut report)
        .expect("folded");
    assert!(
        3 <= fractions.len() && fractions.is_sorted(),
        "{fractions:?}"
    );
    let partial = partial.expect("something on the way");
    assert!(answer.energy <= partial.energy);
    let task = task(&Setup::default());
    let judgement = task.judge(&request, &answer, &secret(&request));
    assert_eq!(
        (judgement.fault, judgement.quality),
        (None, 1.0),
        "{}",
        judgement.reason
    );
    let judgement = task.judge(&request, &partial, &secret(&request));
    assert_eq!(judgement.fault, None, "a partial answer is in order too");
    let body = serde_json::to_vec(&answer).expect("JSON");
    assert!(body.len() < ProteinFolding::LIMITS.answer_bytes);
    assert_eq!(Once::<ProteinFolding>::KIND.check_answer(&body), Ok(()));
}

#[test]
fn a_search_nobody_waits_for_any_more_ends_at_once_with_what_it_found() {
    let task = task(&Setup::default());
    let request = request("GYDPETGTWG", 600.0);
    let answer = task
        .labour(&request, &mut |_| ControlFlow::Break(()))
        .expect("something");
    assert_eq!(task.judge(&request, &answer, &secret(&request)).fault, None);
    // What was not given its time is not kept for others.
    let again = self::request("GYDPETGTWG", 1.0);
    assert_ne!(
        task.solve(&again).expect("folded").evaluations,
        answer.evaluations
    );
}

#[test]
fn who_asks_again_for_no_more_gets_the_same_structure() {
    let task = task(&Setup::default());
    let first = task.solve(&request("GYDPETG", 1.5)).expect("folded");
    let second = task.solve(&request("GYDPETG", 1.0)).expect("known");
    assert_eq!(first, second);
}

/// And never anything worse, whatever the second search comes to.
#[test]
fn who_asks_for_more_time_gets_that_structure_searched_on() {
    let task = task(&Setup::default());
    let first = task.solve(&request("GYDPETG", 1.0)).expect("folded");
    let on = task.solve(&request("GYDPETG", 1.5)).expect("folded on");
    assert!(on.energy <= first.energy && first.evaluations < on.evaluations);
    assert!(on.history.starts_with(&first.history[..1]));
    assert!(on.history.is_sorted_by(|a, b| a[0] <= b[0] && b[1] < a[1]));
    assert_eq!(on, task.solve(&request("GYDPETG", 1.5)).expect("known"));
}

/// A round of an answer in time and one that came later than that.
fn one_then_late(
    task: &ProteinFolding,
    request: &FoldRequest,
    secret: &Secret,
    answers: [FoldAnswer; 2],
) -> Vec<Compared<FoldAnswer>> {
    let miner = Pair::from_uri("//Bob").expect("a key").account();
    let took = [1, 7].map(Duration::from_secs);
    let compared = |(answer, took)| Compared {
        miner,
        judgement: task.judge(request, &answer, secret),
        answer,
        took,
    };
    let mut round: Vec<_> = answers.into_iter().zip(took).map(compared).collect();
    task.compare(request, secret, &mut round);
    round
}

/// A copier hands in what it bought, shifted and turned, after the one it bought from.
#[test]
fn a_copy_that_was_shifted_and_turned_earns_nothing() {
    let request = request("GYDPETGTWG", 1.0);
    let (task, secret) = (task(&Setup::default()), secret(&request));
    let original = folded(&request);
    let mut molecule = mmcif::read(&original.mmcif).expect("a structure");
    cheats::turn(&mut molecule);
    let system = System::new(&molecule, Solvent::Obc2).expect("parameters");
    let copy = FoldAnswer {
        energy: system.energy(&molecule.positions).total(),
        mmcif: mmcif::write(&molecule, ""),
        ..original.clone()
    };
    assert_eq!(
        task.judge(&request, &copy, &secret).fault,
        None,
        "by itself nothing is wrong with it"
    );
    let round = one_then_late(&task, &request, &secret, [original, copy]);
    let qualities: Vec<f64> = round.iter().map(|one| one.judgement.quality).collect();
    assert!(0.999 < qualities[0] && qualities[1] == 0.0, "{qualities:?}");
    assert!(round[1].judgement.reason.contains("shifted and turned"));
    assert_eq!(round[0].judgement.figures, [1.0, 1.0]);
    assert_eq!(round[1].judgement.figures, [1.0, 0.0]);
}

#[test]
fn broken_chemistry_is_refused_with_its_reason() {
    let setup = Setup {
        cheat: Some("broken".into()),
        ..Setup::default()
    };
    let request = request("GYDPETGTWG", 1.0);
    let answer = task(&setup).cheat("broken", &request).expect("made up");
    let judgement = task(&setup).judge(&request, &answer, &secret(&request));
    let fault = judgement.fault.expect("a fault");
    assert!(matches!(fault, Fault::FalseAnswer(_)), "{fault}");
    println!("{fault}");
}

#[test]
fn the_structure_of_another_chain_is_no_answer() {
    let answer = folded(&request("GYDPETGTW", 1.0));
    let asked = request("GYDPETGTWG", 1.0);
    let judgement = task(&Setup::default()).judge(&asked, &answer, &secret(&asked));
    assert!(matches!(judgement.fault, Some(Fault::FalseAnswer(_))));
    let words = FoldAnswer {
        mmcif: "data_nothing\n".into(),
        ..answer
    };
    let judgement = task(&Setup::default()).judge(&asked, &words, &secret(&asked));
    assert!(matches!(judgement.fault, Some(Fault::Unreadable(_))));
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let refusal = |setup: Setup| {
        ProteinFolding::open(&setup)
            .err()
            .map(|error| error.to_string())
    };
    let effort = |effort| Setup {
        effort: Some(effort),
        ..Setup::default()
    };
    assert_eq!(refusal(effort(0.5)), None);
    assert!(
        refusal(effort(1.5))
            .expect("a refusal")
            .contains("--effort")
    );
    let copied = Setup {
        cheat: Some("copied".into()),
        ..Setup::default()
    };
    assert!(
        refusal(copied.clone())
            .expect("a refusal")
            .contains("--upstream")
    );
    let url = "http://127.0.0.1:9/v1".into();
    let upstream = Some(Upstream {
        url,
        api_key: None,
        model: None,
    });
    let copied = Setup { upstream, ..copied };
    let task = task(&copied);
    let error = task
        .cheat("copied", &request("GYDPETG", 1.0))
        .expect_err("nobody sells there");
    assert!(error.to_string().contains("in vain"), "{error}");
}

/// A gateway that takes an order and never has news of it.
#[test]
fn a_cheat_that_nobody_waits_for_any_more_stops_buying() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/v1", silent.local_addr().expect("bound"));
    let setup = Setup {
        cheat: Some("copied".into()),
        upstream: Some(Upstream {
            url,
            api_key: None,
            model: None,
        }),
        ..Setup::default()
    };
    let mut reports = 0;
    let mut report = |_: Progress<FoldAnswer>| {
        reports += 1;
        match reports < 3 {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    };
    let error = task(&setup)
        .swindle("copied", &request("GYDPETG", 600.0), &mut report)
        .expect_err("nothing was bought");
    assert!(error.to_string().contains("nobody waits"), "{error}");
    assert_eq!(reports, 3);
}

/// What the disguise is worth is told by the ramp of [`folding::newness()`]; that it is in order, and the villain's best, is told here.
#[test]
fn a_disguised_copy_is_sound_and_worth_less_than_what_it_was_copied_from() {
    let request = request("GYDPETGTWG", 2.0);
    let original = folded(&request);
    let source = mmcif::read(&original.mmcif).expect("a structure");
    let mut asked = 0;
    let disguised = cheats::disguised(source, &mut |_| {
        asked += 1;
        ControlFlow::Continue(())
    });
    let disguised = disguised.expect("parameters");
    assert!(1 < asked, "it asks whether anybody waits");
    let system = System::new(&disguised, Solvent::Obc2).expect("parameters");
    let copy = FoldAnswer {
        energy: system.energy(&disguised.positions).total(),
        mmcif: mmcif::write(&disguised, ""),
        ..original.clone()
    };
    let (task, secret) = (task(&Setup::default()), secret(&request));
    let round = one_then_late(&task, &request, &secret, [original, copy]);
    assert!(round.iter().all(|one| one.judgement.fault.is_none()));
    let qualities: Vec<f64> = round.iter().map(|one| one.judgement.quality).collect();
    assert!(qualities[0] == 1.0 && qualities[1] < 0.9, "{qualities:?}");
    println!("a disguised copy: {}", round[1].judgement.reason);
}

#[test]
fn a_long_history_is_thinned_and_keeps_its_end() {
    let molecule = folding::build(&"GYDPE".parse().expect("a sequence"));
    let history: Vec<(f64, f64)> = (0..1_000)
        .map(|at| (f64::from(at), -f64::from(at)))
        .collect();
    let answer = answer(&molecule, -999.0, 1, &history);
    assert!((150..=HISTORY_MAX).contains(&answer.history.len()));
    assert_eq!(answer.history.last(), Some(&[999.0, -999.0]));
    assert!(answer.history.is_sorted_by_key(|point| point[0]));
}
