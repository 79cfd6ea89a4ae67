//! The words of a CIF file: names, values, keywords, each with its line.
//!
//! A file is a sequence of words between blanks. A value may stand between quotes, which end where a blank follows, or
//! between two lines that begin with a semicolon. A word that begins with `#` is a comment to the end of its line.

use crate::file::FileError;

/// One word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Token<'a> {
    /// `_atom_site.id`
    Name(&'a str),
    /// `loop_`: names of columns follow, then values row by row.
    Loop,
    /// `data_` and other words that begin something else.
    Block,
    Value(&'a str),
}

/// The words of a text, one after the other, with the line each begins on.
pub(crate) struct Tokens<'a> {
    rest: &'a str,
    line: usize,
    /// Whether nothing of the line was read yet.
    is_line_start: bool,
    peeked: Option<(usize, Token<'a>)>,
}

impl<'a> Tokens<'a> {
    pub fn of(text: &'a str) -> Self {
        Self {
            rest: text,
            line: 1,
            is_line_start: true,
            peeked: None,
        }
    }

    /// The next word, which stays the next.
    pub fn peek(&mut self) -> Result<Option<(usize, Token<'a>)>, FileError> {
        if self.peeked.is_none() {
            self.peeked = self.advance()?;
        }
        Ok(self.peeked)
    }

    /// The next word.
    pub fn next(&mut self) -> Result<Option<(usize, Token<'a>)>, FileError> {
        match self.peeked.take() {
            Some(token) => Ok(Some(token)),
            None => self.advance(),
        }
    }

    fn advance(&mut self) -> Result<Option<(usize, Token<'a>)>, FileError> {
        loop {
            let Some(&first) = self.rest.as_bytes().first() else {
                return Ok(None);
            };
            match first {
                b'\n' => {
                    self.skip(1);
                    self.line += 1;
                    self.is_line_start = true;
                }
                b' ' | b'\t' | b'\r' => self.skip(1),
                b'#' => self.skip(self.rest.find('\n').unwrap_or(self.rest.len())),
                b';' if self.is_line_start => return self.text_field().map(Some),
                b'\'' | b'"' => return self.quoted(first).map(Some),
                _ => return Ok(Some(self.word())),
            }
        }
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
        self.is_line_start = false;
    }

    /// A value between two lines that begin with a semicolon.
    fn text_field(&mut self) -> Result<(usize, Token<'a>), FileError> {
        let line = self.line;
        let end = self
            .rest
            .find("\n;")
            .ok_or(FileError::UnendedText { line })?;
        let text = &self.rest[1..end];
        self.line += 1 + text.matches('\n').count();
        self.skip(end + 2);
        Ok((line, Token::Value(text)))
    }

    /// A value between quotes. A quote ends it only where a blank or the end follows.
    fn quoted(&mut self, quote: u8) -> Result<(usize, Token<'a>), FileError> {
        let line = self.line;
        let bytes = self.rest.as_bytes();
        // Stops at whichever comes first, so that a line of many words is not looked through once for each.
        let is_last = |&at: &usize| match bytes[at] {
            b'\n' => true,
            byte => byte == quote && bytes.get(at + 1).is_none_or(u8::is_ascii_whitespace),
        };
        let end = (1..bytes.len()).find(is_last);
        let end = end.filter(|&at| bytes[at] == quote);
        let end = end.ok_or(FileError::UnendedText { line })?;
        let text = &self.rest[1..end];
        self.skip(end + 1);
        Ok((line, Token::Value(text)))
    }

    fn word(&mut self) -> (usize, Token<'a>) {
        let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        let end = self.rest.bytes().position(|byte| is_blank(&byte));
        let text = &self.rest[..end.unwrap_or(self.rest.len())];
        self.skip(text.len());
        (self.line, meaning(text))
    }
}

fn meaning(text: &str) -> Token<'_> {
    let begins = |keyword: &str| {
        let start = text.get(..keyword.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(keyword))
    };
    if text.starts_with('_') {
        Token::Name(text)
    } else if text.eq_ignore_ascii_case("loop_") {
        Token::Loop
    } else if ["data_", "save_", "global_", "stop_"]
        .into_iter()
        .any(begins)
    {
        Token::Block
    } else {
        Token::Value(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<(usize, Token<'_>)> {
        let mut tokens = Tokens::of(text);
        std::iter::from_fn(|| tokens.next().unwrap()).collect()
    }

    #[test]
    fn words_are_told_apart_with_their_lines() {
        let text = "data_x # a comment\nLOOP_\n _a.b\t'it''s a' \"b\" c#d\r\n;two\nlines\n; .";
        assert_eq!(
            tokens(text),
            [
                (1, Token::Block),
                (2, Token::Loop),
                (3, Token::Name("_a.b")),
                (3, Token::Value("it''s a")),
                (3, Token::Value("b")),
                (3, Token::Value("c#d")),
                (4, Token::Value("two\nlines")),
                (6, Token::Value(".")),
            ]
        );
    }

    /// Looking through the rest of the line for each of them would take hours.
    #[test]
    fn a_million_quoted_words_on_one_line_are_read() {
        let text = "'' ".repeat(1_000_000);
        let mut tokens = Tokens::of(&text);
        let words = std::iter::from_fn(|| tokens.next().unwrap());
        assert_eq!(words.count(), 1_000_000);
    }

    #[test]
    fn a_text_without_end_is_refused_with_its_line() {
        for text in ["\n'a", "\n\"a\nb\"", "\n;a\nb"] {
            let mut tokens = Tokens::of(text);
            let refusal = tokens.next().unwrap_err();
            assert_eq!(refusal, FileError::UnendedText { line: 2 });
        }
    }
}
