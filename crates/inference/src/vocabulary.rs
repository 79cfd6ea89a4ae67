//! Text to tokens and back.

use tokenizers::Tokenizer;

use crate::error::Error;

/// A `tokenizer.json`, loaded.
pub struct Vocabulary {
    tokenizer: Tokenizer,
    special: Vec<String>,
    token_bytes_max: usize,
}

impl Vocabulary {
    pub(crate) fn parse(bytes: &[u8], origin: &str) -> Result<Self, Error> {
        let tokenizer = Tokenizer::from_bytes(bytes).map_err(|error| Error::Tokenizer {
            origin: origin.into(),
            reason: error.to_string(),
        })?;
        Ok(Self::new(tokenizer))
    }

    pub(crate) fn new(tokenizer: Tokenizer) -> Self {
        let mut special: Vec<String> = tokenizer
            .get_added_tokens_decoder()
            .into_values()
            .filter(|token| token.special)
            .map(|token| token.content)
            .collect();
        special.sort();
        let longest = tokenizer
            .get_vocab(true)
            .into_keys()
            .map(|token| token.len())
            .max();
        Self {
            tokenizer,
            special,
            token_bytes_max: longest.unwrap_or(0),
        }
    }

    /// How many tokens there are, special ones included.
    pub fn len(&self) -> usize {
        self.tokenizer.get_vocab_size(true)
    }

    /// Whether there are no tokens at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// No token spells more bytes of text than these: those by which the longest is written in the vocabulary.
    pub fn token_bytes_max(&self) -> usize {
        self.token_bytes_max
    }

    /// The tokens of a text, with what the tokenizer puts around every text.
    ///
    /// # Errors
    ///
    /// [`Error::Tokenizer`] when the tokenizer's own rules fail on the text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, Error> {
        let encoding = self
            .tokenizer
            .encode(text, true)
            .map_err(|error| self.failed(error))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The tokens of a text alone.
    pub(crate) fn encode_bare(&self, text: &str) -> Result<Vec<u32>, Error> {
        let encoding = self
            .tokenizer
            .encode(text, false)
            .map_err(|error| self.failed(error))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The text of tokens; special tokens have none.
    ///
    /// # Errors
    ///
    /// [`Error::Tokenizer`] when the tokenizer's own rules fail on the tokens.
    pub fn decode(&self, ids: &[u32]) -> Result<String, Error> {
        self.tokenizer
            .decode(ids, true)
            .map_err(|error| self.failed(error))
    }

    /// A token alone, special or not, for people to look at.
    pub fn spell(&self, id: u32) -> String {
        self.tokenizer.decode(&[id], false).unwrap_or_default()
    }

    /// The number of a token, if there is one spelled so.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.tokenizer.token_to_id(token)
    }

    /// The special tokens, spelled out.
    pub fn special(&self) -> &[String] {
        &self.special
    }

    /// Takes special tokens out of a text, so that what a person writes cannot pass for the layout around it.
    pub fn without_special(&self, text: &str) -> String {
        let mut text = text.to_owned();
        while let Some(token) = self
            .special
            .iter()
            .find(|token| text.contains(token.as_str()))
        {
            text = text.replace(token.as_str(), "");
        }
        text
    }

    pub(crate) fn to_json(&self) -> Result<String, Error> {
        self.tokenizer
            .to_string(true)
            .map_err(|error| self.failed(error))
    }

    fn failed(&self, error: tokenizers::Error) -> Error {
        Error::Tokenizer {
            origin: "tokenizer.json".into(),
            reason: error.to_string(),
        }
    }
}
