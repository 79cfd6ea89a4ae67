//! The sequence of a chain: what a customer asks to see folded.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::AminoAcid;

/// The most residues a written sequence may have, caps not counted.
pub const LENGTH_MAX: usize = 60;

/// The amino acids of a chain, from the amino end to the carboxyl end.
///
/// Written as one upper-case letter each, `GYDPETGTWG`. Reading it from text or JSON holds it to 1..=[`LENGTH_MAX`]
/// residues; the sequence of a molecule that came from a file may be longer.
///
/// In JSON it is `{"sequence": "GYDPETGTWG", "is_capped": false}`, to be flattened into what contains it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Sequence {
    pub residues: Vec<AminoAcid>,
    /// Whether an acetyl group (ACE) precedes the chain and an N-methyl amide (NME) follows it, in place of charged ends.
    pub is_capped: bool,
}

/// Why a text is no sequence. Positions count from 1.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum SequenceError {
    #[error("the sequence is empty; write one letter for each residue, such as GYDPETGTWG")]
    Empty,
    #[error("the sequence has more than {LENGTH_MAX} residues")]
    TooLong,
    #[error("the sequence has a blank at position {position}; write the letters without any")]
    Blank { position: usize },
    #[error("{letter} at position {position} is lower case; write {upper}", upper = letter.to_ascii_uppercase())]
    LowerCase { letter: char, position: usize },
    #[error(
        "{letter:?} at position {position} is none of the twenty amino acids {letters}",
        letters = AminoAcid::ALL.map(AminoAcid::letter).iter().collect::<String>()
    )]
    Unknown { letter: char, position: usize },
}

impl Sequence {
    /// The same chain with ACE before and NME after it.
    pub fn capped(self) -> Self {
        Self {
            is_capped: true,
            ..self
        }
    }

    /// How many residues it has, caps not counted.
    pub fn len(&self) -> usize {
        self.residues.len()
    }

    /// Whether it has no residue at all.
    pub fn is_empty(&self) -> bool {
        self.residues.is_empty()
    }
}

impl FromStr for Sequence {
    type Err = SequenceError;

    fn from_str(text: &str) -> Result<Self, SequenceError> {
        let mut residues = Vec::new();
        for (position, letter) in (1..).zip(text.chars()) {
            if position > LENGTH_MAX {
                return Err(SequenceError::TooLong);
            }
            residues.push(residue(letter, position)?);
        }
        if residues.is_empty() {
            return Err(SequenceError::Empty);
        }
        Ok(Self {
            residues,
            is_capped: false,
        })
    }
}

fn residue(letter: char, position: usize) -> Result<AminoAcid, SequenceError> {
    if let Some(amino) = AminoAcid::from_letter(letter) {
        return Ok(amino);
    }
    Err(if letter.is_whitespace() {
        SequenceError::Blank { position }
    } else if AminoAcid::from_letter(letter.to_ascii_uppercase()).is_some() {
        SequenceError::LowerCase { letter, position }
    } else {
        SequenceError::Unknown { letter, position }
    })
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for residue in &self.residues {
            write!(f, "{}", residue.letter())?;
        }
        Ok(())
    }
}

/// The sequence as JSON has it.
#[derive(Serialize, Deserialize)]
struct Written {
    sequence: String,
    #[serde(default)]
    is_capped: bool,
}

impl TryFrom<Written> for Sequence {
    type Error = SequenceError;

    fn try_from(written: Written) -> Result<Self, SequenceError> {
        let residues = written.sequence.parse::<Self>()?.residues;
        Ok(Self {
            residues,
            is_capped: written.is_capped,
        })
    }
}

impl From<Sequence> for Written {
    fn from(sequence: Sequence) -> Self {
        Self {
            sequence: sequence.to_string(),
            is_capped: sequence.is_capped,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        text.parse::<Sequence>().unwrap_err().to_string()
    }

    #[test]
    fn a_sequence_reads_as_it_is_written() {
        let chignolin: Sequence = "GYDPETGTWG".parse().unwrap();
        assert_eq!(chignolin.len(), 10);
        assert_eq!(chignolin.residues[3], AminoAcid::Pro);
        assert_eq!(chignolin.to_string(), "GYDPETGTWG");
        let json = serde_json::to_string(&chignolin.clone().capped()).unwrap();
        assert_eq!(json, r#"{"sequence":"GYDPETGTWG","is_capped":true}"#);
        let read: Sequence = serde_json::from_str(&json).unwrap();
        assert_eq!(read, chignolin.clone().capped());
        let plain: Sequence = serde_json::from_str(r#"{"sequence":"GYDPETGTWG"}"#).unwrap();
        assert_eq!(plain, chignolin);
    }

    #[test]
    fn what_is_wrong_with_a_sequence_is_said_with_its_place() {
        assert!(refusal("").starts_with("the sequence is empty"));
        assert!(refusal("GY DP").contains("blank at position 3"));
        assert_eq!(refusal("GYd"), "d at position 3 is lower case; write D");
        assert!(refusal("GYX").starts_with("'X' at position 3 is none of"));
        assert!(refusal("G\u{1b}").starts_with(r"'\u{1b}' at position 2"));
        assert!("G".repeat(60).parse::<Sequence>().is_ok());
        assert_eq!(
            refusal(&"G".repeat(61)),
            "the sequence has more than 60 residues"
        );
    }
}
