//! Engines: programs that search in our place. OpenMM's runs where `STOA_OPENMM_PYTHON` names an interpreter that has it.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use folding::{Engine, EngineError, build, check};
use molecule::{Molecule, mmcif};

use crate::{found, sequence, system};

/// An engine of one line of shell.
fn shell(script: &str) -> Engine {
    Engine {
        program: "/bin/sh".into(),
        arguments: vec!["-c".to_owned(), script.to_owned()],
    }
}

fn run(
    engine: &Engine,
    molecule: &Molecule,
    budget: Duration,
) -> Result<folding::Found, EngineError> {
    engine.search(&system(molecule), molecule, budget, 1, |_| {
        ControlFlow::Continue(())
    })
}

fn chain() -> Molecule {
    build(&sequence("GAG"))
}

#[test]
fn an_answer_of_an_engine_is_relaxed_and_scored_by_us() {
    let start = chain();
    let (molecule, ours) = found(&sequence("GAG"), 100, 1);
    let answer = serde_json::json!({
        "fraction": 1.0, "energy": -1e9, "mmcif": mmcif::write(&molecule, "")
    });
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("answer.json");
    std::fs::write(&file, format!("{answer}\n")).unwrap();
    let engine = shell(&format!(
        "read request; echo '{{\"fraction\": 0.5}}'; cat {}",
        file.display()
    ));
    let found = run(&engine, &start, Duration::from_secs(10)).unwrap();
    assert!(found.energy <= ours.energy && found.energy > ours.energy - 50.0);
    let answer = Molecule {
        positions: found.positions,
        ..start
    };
    check(&sequence("GAG"), &answer, found.energy).unwrap();
}

#[test]
fn an_engine_that_breaks_the_rules_is_ended_with_its_reason() {
    let start = chain();
    let refused = |script: &str| run(&shell(script), &start, Duration::from_secs(10)).unwrap_err();
    let silent = refused("read request; echo it hurts >&2");
    assert!(
        matches!(&silent, EngineError::NoAnswer { complaint } if complaint == "it hurts"),
        "{silent}"
    );
    assert!(matches!(
        refused("echo nonsense; sleep 60"),
        EngineError::Line { .. }
    ));
    assert!(matches!(
        refused("head -c 2000000 /dev/zero | tr '\\0' x; sleep 60"),
        EngineError::LongLine
    ));
    let unreadable = refused(r#"echo '{"fraction": 1, "mmcif": "data_"}'; sleep 60"#);
    assert!(
        matches!(unreadable, EngineError::Structure(_)),
        "{unreadable}"
    );
    let missing = Engine {
        program: "/nonexistent/engine".into(),
        arguments: Vec::new(),
    };
    let refusal = run(&missing, &start, Duration::from_secs(1)).unwrap_err();
    assert!(matches!(refusal, EngineError::Start { .. }));
}

#[test]
fn an_engine_with_other_atoms_or_unsound_ones_gives_no_answer() {
    let start = chain();
    let directory = tempfile::tempdir().unwrap();
    let answer_with = |molecule: &Molecule| {
        let answer = serde_json::json!({"fraction": 1.0, "mmcif": mmcif::write(molecule, "")});
        let file = directory.path().join("answer.json");
        std::fs::write(&file, format!("{answer}\n")).unwrap();
        run(
            &shell(&format!("cat {}", file.display())),
            &start,
            Duration::from_secs(10),
        )
        .unwrap_err()
    };
    let other = answer_with(&build(&sequence("GGG")));
    assert!(matches!(other, EngineError::OtherAtoms), "{other}");
    let mut mirrored = start.clone();
    mirrored.positions.iter_mut().for_each(|at| at[0] = -at[0]);
    let unsound = answer_with(&mirrored);
    assert!(matches!(unsound, EngineError::Unsound(_)), "{unsound}");
}

#[test]
fn a_break_kills_the_engine_at_once() {
    let start = chain();
    let began = Instant::now();
    let found =
        shell("sleep 60").search(&system(&start), &start, Duration::from_secs(60), 1, |_| {
            ControlFlow::Break(())
        });
    assert!(matches!(found, Err(EngineError::NoAnswer { .. })));
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[test]
fn openmm_folds_as_an_engine() {
    let Ok(python) = std::env::var("STOA_OPENMM_PYTHON") else {
        println!("STOA_OPENMM_PYTHON names no interpreter with OpenMM: not run");
        return;
    };
    let script =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/openmm-engine/engine.py");
    let engine = Engine {
        program: python.into(),
        arguments: vec![script.display().to_string()],
    };
    let sequence = sequence("GYDPETGTWG");
    let start = build(&sequence);
    let found = run(&engine, &start, Duration::from_secs(30)).unwrap();
    println!(
        "OpenMM found {:.2} kcal/mol; {:?}",
        found.energy, found.history
    );
    let answer = Molecule {
        positions: found.positions,
        ..start
    };
    check(&sequence, &answer, found.energy).unwrap();
}
