//! An answer's text as it grows token by token, and where it ends.
//!
//! Engine and grader replay the same tokens through a [`Transcript`], so they agree on the text and on the place where
//! an answer has to end. Text is released only when it can no longer change: not while a character's bytes are
//! incomplete, and not while the end of the text might be the beginning of a stop sequence.

use crate::error::Error;
use crate::model::Model;
use crate::request::FinishReason;

/// So many tokens may stay undecided about a character before what is certain of them is spelled.
const UNDECIDED_TOKENS_MAX: usize = 8;

/// So many bytes, and so at most so many tokens, can a character lack its end by.
const INCOMPLETE_BYTES_MAX: usize = 3;

/// The text of an answer so far.
pub(crate) struct Transcript<'a> {
    model: &'a Model,
    stop: Vec<String>,
    limit: usize,
    ids: Vec<u32>,
    /// Tokens from here on give the context in which the next one is spelled.
    context_from: usize,
    /// Tokens up to here are in `text`.
    spelled_to: usize,
    text: String,
    /// Bytes of `text` handed out.
    released: usize,
    ended: Option<FinishReason>,
}

impl<'a> Transcript<'a> {
    /// An empty answer of at most `limit` tokens.
    pub(crate) fn new(model: &'a Model, stop: Vec<String>, limit: usize) -> Self {
        Self {
            model,
            stop,
            limit,
            ids: Vec::new(),
            context_from: 0,
            spelled_to: 0,
            text: String::new(),
            released: 0,
            ended: None,
        }
    }

    /// Tokens so far.
    pub(crate) fn tokens(&self) -> usize {
        self.ids.len()
    }

    /// The text handed out so far; the whole answer once it has ended.
    pub(crate) fn text(&self) -> &str {
        &self.text[..self.released]
    }

    /// Why the answer has ended, if it has.
    pub(crate) fn ended(&self) -> Option<FinishReason> {
        self.ended
    }

    /// Adds a token and returns the text that became certain.
    ///
    /// # Errors
    ///
    /// [`Error::Tokenizer`] when the token cannot be spelled.
    pub(crate) fn push(&mut self, id: u32) -> Result<&str, Error> {
        debug_assert!(self.ended.is_none(), "an answer has ended once");
        let before = self.released;
        self.ids.push(id);
        if self.model.ends(id) {
            self.ended = Some(FinishReason::Stop);
        } else if self.ids.len() >= self.limit {
            self.ended = Some(FinishReason::Length);
        }
        self.spell()?;
        self.release(before);
        Ok(&self.text[before..self.released])
    }

    /// Moves completely spelled tokens into the text.
    ///
    /// A token is spelled after the ones before it, since some vocabularies join words differently at a beginning.
    fn spell(&mut self) -> Result<(), Error> {
        let vocabulary = self.model.vocabulary();
        let known = vocabulary.decode(&self.ids[self.context_from..self.spelled_to])?;
        let whole = vocabulary.decode(&self.ids[self.context_from..])?;
        let undecided = self.ids.len() - self.spelled_to;
        let incomplete = whole.ends_with(char::REPLACEMENT_CHARACTER);
        if incomplete && self.ended.is_none() && undecided < UNDECIDED_TOKENS_MAX {
            return Ok(());
        }
        let (spelled, to) = if incomplete && self.ended.is_none() {
            self.complete_part(whole)?
        } else {
            (whole, self.ids.len())
        };
        if let Some(new) = spelled.strip_prefix(known.as_str()) {
            self.text.push_str(new);
        }
        self.context_from = self.spelled_to;
        self.spelled_to = to;
        Ok(())
    }

    /// The part of `whole` before the character that may be incomplete at its end, and the token up to which it goes.
    ///
    /// A text may hold U+FFFD itself, or bytes that are no character at all, for many tokens on end: the cut is where
    /// both sides spell what the whole spells. Without one, the whole is given.
    fn complete_part(&self, whole: String) -> Result<(String, usize), Error> {
        let vocabulary = self.model.vocabulary();
        let end = self.ids.len();
        for cut in end - INCOMPLETE_BYTES_MAX..end {
            let before = vocabulary.decode(&self.ids[self.context_from..cut])?;
            let after = vocabulary.decode(&self.ids[cut..])?;
            if whole.strip_prefix(&before) == Some(&after) {
                return Ok((before, cut));
            }
        }
        Ok((whole, end))
    }

    /// Ends at the first stop sequence, or hands out all that cannot be the beginning of one.
    fn release(&mut self, before: usize) {
        let unreleased = &self.text[before..];
        let found = self
            .stop
            .iter()
            .filter_map(|stop| unreleased.find(stop.as_str()))
            .min();
        if let Some(at) = found {
            self.text.truncate(before + at);
            self.released = self.text.len();
            self.ended = Some(FinishReason::Stop);
            return;
        }
        let held = if self.ended.is_some() {
            0
        } else {
            self.held_back(unreleased)
        };
        self.released = self.text.len() - held;
    }

    /// The longest end of the text that begins a stop sequence, in bytes.
    fn held_back(&self, text: &str) -> usize {
        let begins_stop = |length: &usize| {
            let end = &text.as_bytes()[text.len() - length..];
            self.stop
                .iter()
                .any(|stop| stop.len() > *length && stop.as_bytes().starts_with(end))
        };
        let longest = self
            .stop
            .iter()
            .map(|stop| stop.len() - 1)
            .max()
            .unwrap_or(0);
        (1..=longest.min(text.len()))
            .rev()
            .find(begins_stop)
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests;
