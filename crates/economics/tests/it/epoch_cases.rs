//! Every figure of every published epoch case, to the integer.

use std::path::{Path, PathBuf};

use economics::epoch::{Input, Params, Settlement, settle};
use serde_json::Value;

use crate::{case, reference};

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/epoch");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

fn text_of(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap()
}

/// Undoes run-length writing.
fn expanded(value: &Value) -> Value {
    let Some(runs) = value.get("run_length") else {
        return value.clone();
    };
    let runs = runs.as_array().unwrap().iter();
    runs.flat_map(|run| std::iter::repeat_n(run[0].clone(), run[1].as_u64().unwrap() as usize))
        .collect()
}

fn check(settle: impl Fn(&Params, &Input) -> Settlement) {
    let (mut cases, mut steps, mut fields) = (0, 0, 0);
    for file in files() {
        let text = text_of(&file);
        let whole: Value = serde_json::from_str(&text).unwrap();
        for (index, step) in case::read(&text).unwrap().iter().enumerate() {
            let got = case::write(&settle(&step.params, &step.input));
            let derived = whole["steps"][index]["derived"].as_object().unwrap();
            for (name, expected) in derived {
                assert_eq!(
                    got[name],
                    expanded(expected),
                    "{} step {index}: {name}",
                    file.display()
                );
                fields += 1;
            }
            steps += 1;
        }
        cases += 1;
    }
    assert_eq!((cases, steps), (28, 122), "the vectors are all there");
    assert!(fields >= steps * 10);
}

#[test]
fn every_derived_figure_is_exact() {
    check(settle);
}

#[test]
fn the_plain_reading_of_the_rule_is_exact_too() {
    check(reference::settle);
}

/// The message of a refused case with its cause, as the command prints it.
fn refusal(text: &str) -> String {
    let error = case::read(text).expect_err("the case is refused");
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
    format!("{error}{}", cause.unwrap_or_default())
}

#[test]
fn a_case_with_a_missing_entry_names_the_vector() {
    let text =
        text_of(&files()[0]).replace("\"last_update\": [26,25,1]", "\"last_update\": [26,25]");
    assert_eq!(
        refusal(&text),
        "step 0: `last_update` has 2 entries, expected n = 3"
    );
}

#[test]
fn a_case_with_an_unknown_parameter_names_it() {
    let text = text_of(&files()[0]).replace("\"kappa_u16\"", "\"kapa_u16\"");
    let refusal = refusal(&text);
    assert!(
        refusal.starts_with("step 0: parameters: unknown field `kapa_u16`"),
        "{refusal}"
    );
}

#[test]
fn a_case_with_an_unknown_version_or_uid_is_refused() {
    let text = text_of(&files()[0]);
    let version = text.replace("\"yuma_version\": 3", "\"yuma_version\": 4");
    assert_eq!(
        refusal(&version),
        "step 0: `yuma_version` is 4, expected 2 or 3"
    );
    let uid = text.replace("\"0\": [[0,", "\"7\": [[0,");
    assert_eq!(
        refusal(&uid),
        "step 0: `weights` has a row of uid 7, but n = 3"
    );
    assert_eq!(
        refusal("["),
        "not an epoch case: EOF while parsing a list at line 1 column 1"
    );
}

#[test]
fn a_long_run_is_refused_before_it_is_written_out() {
    let text = text_of(&files()[0]).replace(
        "\"stake\": [10000,10000,5000]",
        "\"stake\": {\"run_length\": [[1, 99999999999]]}",
    );
    assert_eq!(
        refusal(&text),
        "step 0: `stake` runs to 99999999999 entries, more than 65536"
    );
}
