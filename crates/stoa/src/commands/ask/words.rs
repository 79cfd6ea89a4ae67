//! Words of strangers on their way to a terminal: a model's text, labels, names, a gateway's complaints.
//!
//! A terminal obeys what it is shown: a few control characters move its cursor, rename its window, or let one text stand where
//! another did. So everything that `stoa ask` prints goes through here, and no control character gets out but line breaks and
//! tabs, whoever it came from and wherever it goes.

use std::borrow::Cow;

use anyhow::Result;
use serde_json::Value;

use crate::commands;

/// What is shown in place of what is not.
const INSTEAD: char = '\u{fffd}';

/// Whether a terminal takes a character for an order: controls, and what turns the direction of reading around.
fn is_order(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text of any number of lines.
pub(super) fn text(words: &str) -> Cow<'_, str> {
    if !words.chars().any(is_order) {
        return words.into();
    }
    let shown = |letter| match letter {
        '\r' => None,
        '\n' | '\t' => Some(letter),
        _ if is_order(letter) => Some(INSTEAD),
        _ => Some(letter),
    };
    words.chars().filter_map(shown).collect()
}

/// A text that is part of a line.
pub(super) fn line(words: &str) -> String {
    let shown = |letter| if is_order(letter) { INSTEAD } else { letter };
    words.chars().map(shown).collect()
}

/// JSON that means the same and has no control character in it but line breaks: the others are written as escapes, as they may be
/// wherever a text is.
fn json(written: &str) -> String {
    let mut safe = String::with_capacity(written.len());
    for letter in written.chars() {
        match letter {
            '\n' => safe.push(letter),
            _ if is_order(letter) => safe.push_str(&format!("\\u{:04x}", u32::from(letter))),
            _ => safe.push(letter),
        }
    }
    safe
}

/// Prints to standard output.
pub(super) fn print(words: &str) -> Result<()> {
    commands::print(&text(words))
}

/// Prints JSON to standard output, on a line or on many.
pub(super) fn print_json(value: &Value, is_indented: bool) -> Result<()> {
    let written = match is_indented {
        true => format!("{value:#}\n"),
        false => format!("{value}\n"),
    };
    commands::print(&json(&written))
}

/// Prints a line to standard error.
pub(super) fn say(words: &str) {
    eprintln!("{}", text(words));
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A window's name, a cleared screen, an eight-bit control, text that runs backwards, and a line that is overwritten.
    const ORDERS: &str = "\u{1b}]0;mine\u{7}\u{1b}[2J\u{9b}31m\u{202e}gnp\rok\u{7f}\n\tend";

    #[test]
    fn no_order_to_a_terminal_gets_through_a_text() {
        assert_eq!(
            text(ORDERS),
            "\u{fffd}]0;mine\u{fffd}\u{fffd}[2J\u{fffd}31m\u{fffd}gnpok\u{fffd}\n\tend"
        );
        let plain = "Wherefore art thou – 名前 🙂\r\n";
        assert_eq!(text(plain), "Wherefore art thou – 名前 🙂\n");
        assert_eq!(line("a\nb\tc"), "a\u{fffd}b\u{fffd}c");
    }

    #[test]
    fn json_without_orders_reads_back_as_it_was() {
        let value = json!({ORDERS: [ORDERS, 1.5]});
        for written in [format!("{value:#}\n"), format!("{value}\n")] {
            let safe = json(&written);
            assert!(
                safe.chars()
                    .all(|letter| letter == '\n' || !is_order(letter))
            );
            assert_eq!(
                serde_json::from_str::<Value>(&safe).ok(),
                Some(value.clone())
            );
        }
    }
}
