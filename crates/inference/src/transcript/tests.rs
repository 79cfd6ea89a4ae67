//! What is released when, and where an answer ends.

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;

use super::*;
use crate::fixture;

/// Pushes the tokens of `text`, and returns each release and the end.
fn replay(
    model: &Arc<Model>,
    ids: &[u32],
    stop: &[&str],
    limit: usize,
) -> (Vec<String>, Option<FinishReason>) {
    let stop = stop.iter().map(|stop| (*stop).to_owned()).collect();
    let mut transcript = Transcript::new(model, stop, limit);
    let mut releases = Vec::new();
    for id in ids {
        if transcript.ended().is_some() {
            break;
        }
        releases.push(transcript.push(*id).unwrap().to_owned());
    }
    assert_eq!(transcript.text(), releases.concat());
    (releases, transcript.ended())
}

/// One token per byte, so that everything spans tokens.
fn bytes(model: &Model, text: &str) -> Vec<u32> {
    let encode = |byte: u8| {
        let spelled = tokenizers::pre_tokenizers::byte_level::ByteLevel::alphabet();
        let character = if (0x21..=0x7e).contains(&byte) {
            char::from(byte)
        } else {
            // Bytes that do not print stand in the alphabet as the characters from U+0100 on, in order.
            let hidden = (0..byte)
                .filter(|b| !matches!(b, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff))
                .count() as u32;
            match byte {
                0xa1..=0xac | 0xae..=0xff => char::from(byte),
                _ => char::from_u32(0x100 + hidden).unwrap(),
            }
        };
        assert!(spelled.contains(&character));
        model.vocabulary().id(&character.to_string()).unwrap()
    };
    text.bytes().map(encode).collect()
}

#[test]
fn a_character_is_released_when_its_last_byte_is_there() {
    let model = fixture::model(1);
    let ids = bytes(&model, "a€b");
    let (releases, ended) = replay(&model, &ids, &[], 100);
    assert_eq!(releases, ["a", "", "", "€", "b"]);
    assert_eq!(ended, None);
}

#[test]
fn an_incomplete_character_at_the_end_is_shown_as_such() {
    let model = fixture::model(1);
    let ids = bytes(&model, "a€");
    let (releases, ended) = replay(&model, &ids[..3], &[], 3);
    assert_eq!(releases.concat(), "a\u{fffd}");
    assert_eq!(ended, Some(FinishReason::Length));
}

#[test]
fn a_text_of_replacement_characters_does_not_tear_the_character_after_them() {
    let model = fixture::model(1);
    for before in 0..12 {
        let text = format!("{}𐏈b", "\u{fffd}".repeat(before));
        let ids = bytes(&model, &text);
        let (releases, _) = replay(&model, &ids, &[], ids.len());
        assert_eq!(releases.concat(), text);
    }
}

#[test]
fn a_stop_sequence_may_span_tokens_and_never_shows() {
    let model = fixture::model(1);
    let ids = bytes(&model, "one END two");
    let (releases, ended) = replay(&model, &ids, &["END"], 100);
    assert_eq!(releases, ["o", "n", "e", " ", "", "", ""]);
    assert_eq!(ended, Some(FinishReason::Stop));
}

#[test]
fn what_only_began_like_a_stop_sequence_is_released_later() {
    let model = fixture::model(1);
    let ids = bytes(&model, "aENaEND");
    let (releases, ended) = replay(&model, &ids, &["END"], 100);
    assert_eq!(releases, ["a", "", "", "ENa", "", "", ""]);
    assert_eq!(ended, Some(FinishReason::Stop));
    let (releases, ended) = replay(&model, &ids[..3], &["END"], 3);
    assert_eq!(releases, ["a", "", "EN"]);
    assert_eq!(ended, Some(FinishReason::Length));
}

#[test]
fn the_first_of_several_stop_sequences_ends_the_answer() {
    let model = fixture::model(1);
    let ids = model
        .vocabulary()
        .encode("Speak, speak.\nNo more.")
        .unwrap();
    let (releases, ended) = replay(&model, &ids, &["more", "\n"], 100);
    assert_eq!(releases.concat(), "Speak, speak.");
    assert_eq!(ended, Some(FinishReason::Stop));
}

#[test]
fn an_ending_token_ends_without_a_trace() {
    let model = fixture::model(1);
    let mut ids = bytes(&model, "ok");
    ids.push(model.vocabulary().id("<|im_end|>").unwrap());
    let (releases, ended) = replay(&model, &ids, &["okay"], 100);
    assert_eq!(releases, ["", "", "ok"]);
    assert_eq!(ended, Some(FinishReason::Stop));
}

static MODEL: LazyLock<Arc<Model>> = LazyLock::new(|| fixture::model(1));

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    /// Whatever is said, in whatever script, comes out as it went in.
    #[test]
    fn text_survives_token_by_token(text in "\\PC{0,40}") {
        let model = &*MODEL;
        let ids = model.vocabulary().encode(&model.vocabulary().without_special(&text)).unwrap();
        let (releases, _) = replay(model, &ids, &[], ids.len());
        prop_assert_eq!(releases.concat(), model.vocabulary().without_special(&text));
    }
}
