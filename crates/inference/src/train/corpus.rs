//! A text file as rows to learn from: its own vocabulary, plain windows, and conversations made of its paragraphs.

use std::path::Path;

use rand::{Rng, RngExt};
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{AddedToken, Tokenizer, TokenizerBuilder};

use super::{TEXT_END, TURN_END, TURN_START};
use crate::error::Error;
use crate::request::Role;
use crate::vocabulary::Vocabulary;

/// One paragraph in so many is held out, at the end of the file.
const HELD_OUT_SHARE: usize = 10;
/// The part of the rows that are conversations.
const CHAT_SHARE: f64 = 0.6;
/// The longest first line that counts as a speaker's name.
const SPEAKER_BYTES_MAX: usize = 40;

/// The two parts of a corpus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// What is trained on.
    Train,
    /// What is only measured.
    HeldOut,
}

/// A corpus as tokens.
pub(super) struct Corpus {
    vocabulary: Vocabulary,
    ends: Vec<u32>,
    context: usize,
    train: Tokens,
    held_out: Tokens,
    bytes: usize,
    held_out_bytes: usize,
}

/// One part, laid out both ways.
struct Tokens {
    plain: Vec<u32>,
    /// Each paragraph as the asker's turn and as the answerer's.
    turns: Vec<[Vec<u32>; 2]>,
}

impl Corpus {
    /// Reads a file and trains its vocabulary on the part that is trained on.
    pub(super) fn read(path: &Path, vocabulary: usize, context: usize) -> Result<Self, Error> {
        let refuse = |reason: &str| Error::Corpus {
            path: path.to_owned(),
            reason: reason.into(),
        };
        let text = std::fs::read_to_string(path)
            .map_err(|source| Error::Read {
                path: path.to_owned(),
                source,
            })?
            .replace("\r\n", "\n");
        let paragraphs: Vec<&str> = text
            .split("\n\n")
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .collect();
        let held_out_from = paragraphs.len() - paragraphs.len() / HELD_OUT_SHARE;
        let (train, held_out) = paragraphs.split_at(held_out_from);
        if held_out.len() < 2 {
            return Err(refuse(
                "has fewer than 20 paragraphs; divide it by blank lines",
            ));
        }
        let vocabulary = train_vocabulary(train, vocabulary)?;
        let end = |token: &str| {
            vocabulary
                .id(token)
                .ok_or_else(|| refuse("vocabulary too small"))
        };
        let corpus = Self {
            ends: vec![end(TURN_END)?, end(TEXT_END)?],
            train: Tokens::new(train, &vocabulary)?,
            held_out: Tokens::new(held_out, &vocabulary)?,
            vocabulary,
            context,
            bytes: text.len(),
            held_out_bytes: plain_text(held_out).len(),
        };
        if corpus.train.plain.len() <= context + 1 || corpus.held_out.plain.len() <= context + 1 {
            return Err(refuse(
                "is shorter than ten contexts; give more text or --context less",
            ));
        }
        Ok(corpus)
    }

    pub(super) fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// The tokens that end an answer.
    pub(super) fn ends(&self) -> Vec<u32> {
        self.ends.clone()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn tokens(&self, part: Part) -> usize {
        match part {
            Part::Train => self.train.plain.len(),
            Part::HeldOut => self.held_out.plain.len(),
        }
    }

    pub(super) fn bytes_per_token(&self) -> f32 {
        self.held_out_bytes as f32 / self.held_out.plain.len() as f32
    }

    /// Inputs and targets of a batch, rows stacked.
    pub(super) fn batch(&self, noise: &mut impl Rng, rows: usize) -> (Vec<u32>, Vec<u32>) {
        let rows: Vec<Vec<u32>> = (0..rows)
            .map(|_| {
                if noise.random_bool(CHAT_SHARE) {
                    let first = noise.random_range(0..self.train.turns.len());
                    self.train.conversation(first, self.context + 1)
                } else {
                    let last = self.train.plain.len() - self.context - 1;
                    let start = noise.random_range(0..=last);
                    self.train.plain[start..][..self.context + 1].to_vec()
                }
            })
            .collect();
        shift(&rows)
    }

    /// The held-out text in windows that do not overlap.
    pub(super) fn held_out_plain(&self) -> Vec<Vec<u32>> {
        let starts = (0..self.held_out.plain.len() - self.context).step_by(self.context);
        starts
            .map(|start| self.held_out.plain[start..][..self.context + 1].to_vec())
            .collect()
    }

    /// Conversations of held-out paragraphs, from every eighth on.
    pub(super) fn held_out_chat(&self) -> Vec<Vec<u32>> {
        let firsts = (0..self.held_out.turns.len()).step_by(8);
        firsts
            .map(|first| self.held_out.conversation(first, self.context + 1))
            .collect()
    }
}

impl Tokens {
    fn new(paragraphs: &[&str], vocabulary: &Vocabulary) -> Result<Self, Error> {
        let turns = paragraphs
            .iter()
            .map(|paragraph| {
                let speech = speech(paragraph);
                Ok([
                    vocabulary.encode(&turn(Role::User, speech))?,
                    vocabulary.encode(&turn(Role::Assistant, speech))?,
                ])
            })
            .collect::<Result<_, Error>>()?;
        Ok(Self {
            plain: vocabulary.encode(&plain_text(paragraphs))?,
            turns,
        })
    }

    /// Paragraphs from `first` on as turns, asker first, cut at `length`; the file's end is followed by its beginning.
    fn conversation(&self, first: usize, length: usize) -> Vec<u32> {
        let mut row = Vec::with_capacity(length);
        for (index, turns) in self.turns.iter().cycle().skip(first).enumerate() {
            row.extend_from_slice(&turns[index % 2]);
            if row.len() >= length {
                break;
            }
        }
        row.truncate(length);
        row
    }
}

/// Splits rows into what is read and what should follow.
pub(super) fn shift(rows: &[Vec<u32>]) -> (Vec<u32>, Vec<u32>) {
    let inputs = rows
        .iter()
        .flat_map(|row| row[..row.len() - 1].iter().copied())
        .collect();
    let targets = rows
        .iter()
        .flat_map(|row| row[1..].iter().copied())
        .collect();
    (inputs, targets)
}

fn plain_text(paragraphs: &[&str]) -> String {
    paragraphs.join("\n\n")
}

/// A paragraph without the line that names its speaker.
fn speech(paragraph: &str) -> &str {
    match paragraph.split_once('\n') {
        Some((name, speech)) if name.ends_with(':') && name.len() <= SPEAKER_BYTES_MAX => {
            speech.trim()
        }
        _ => paragraph,
    }
}

fn turn(role: Role, content: &str) -> String {
    format!("{TURN_START}{}\n{content}{TURN_END}\n", role.name())
}

/// Trains byte-level BPE: every byte is a token, so any text can be written.
fn train_vocabulary(paragraphs: &[&str], size: usize) -> Result<Vocabulary, Error> {
    let failed = |error: tokenizers::Error| Error::Tokenizer {
        origin: "training".into(),
        reason: error.to_string(),
    };
    let bytes = ByteLevel::default().add_prefix_space(false);
    let mut tokenizer: Tokenizer = TokenizerBuilder::default()
        .with_model(BPE::default())
        .with_normalizer(None::<tokenizers::NormalizerWrapper>)
        .with_pre_tokenizer(Some(bytes))
        .with_post_processor(None::<tokenizers::PostProcessorWrapper>)
        .with_decoder(Some(bytes))
        .build()
        .map_err(failed)?
        .into();
    let special = [TEXT_END, TURN_START, TURN_END].map(|token| AddedToken::from(token, true));
    let trainer = BpeTrainer::builder()
        .vocab_size(size)
        .show_progress(false)
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .special_tokens(special.to_vec())
        .build();
    tokenizer.add_special_tokens(special).map_err(failed)?;
    let turns = paragraphs.iter().enumerate().map(|(index, paragraph)| {
        let role = if index % 2 == 0 {
            Role::User
        } else {
            Role::Assistant
        };
        turn(role, paragraph) + "\n"
    });
    let mut trainer = tokenizers::models::TrainerWrapper::from(trainer);
    tokenizer
        .train(&mut trainer, turns.collect::<Vec<_>>().into_iter())
        .map_err(failed)?;
    Ok(Vocabulary::new(tokenizer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speakers_name_is_not_part_of_the_speech() {
        assert_eq!(speech("First Citizen:\nSpeak,\nspeak."), "Speak,\nspeak.");
        assert_eq!(speech("No name here:"), "No name here:");
        assert_eq!(
            speech("Plain prose.\nTwo lines."),
            "Plain prose.\nTwo lines."
        );
    }
}
