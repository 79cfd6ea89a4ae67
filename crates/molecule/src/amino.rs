//! The twenty amino acids that proteins are made of, by their one-letter and three-letter codes.

use std::fmt;

/// One of the twenty amino acids, in the alphabetical order of their three-letter codes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum AminoAcid {
    Ala,
    Arg,
    Asn,
    Asp,
    Cys,
    Gln,
    Glu,
    Gly,
    His,
    Ile,
    Leu,
    Lys,
    Met,
    Phe,
    Pro,
    Ser,
    Thr,
    Trp,
    Tyr,
    Val,
}

impl AminoAcid {
    /// All of them, in order.
    pub const ALL: [Self; 20] = [
        Self::Ala,
        Self::Arg,
        Self::Asn,
        Self::Asp,
        Self::Cys,
        Self::Gln,
        Self::Glu,
        Self::Gly,
        Self::His,
        Self::Ile,
        Self::Leu,
        Self::Lys,
        Self::Met,
        Self::Phe,
        Self::Pro,
        Self::Ser,
        Self::Thr,
        Self::Trp,
        Self::Tyr,
        Self::Val,
    ];

    /// The one-letter code, upper case: `A` for alanine.
    pub fn letter(self) -> char {
        self.codes().0
    }

    /// The three-letter code as structure files have it: `ALA`.
    pub fn code(self) -> &'static str {
        self.codes().1
    }

    /// The amino acid of an upper-case letter.
    pub fn from_letter(letter: char) -> Option<Self> {
        Self::ALL.into_iter().find(|amino| amino.letter() == letter)
    }

    /// The amino acid of an upper-case three-letter code. Only the plain twenty: what other programs call protonated or
    /// bridged forms is the structure files' concern.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|amino| amino.code() == code)
    }

    fn codes(self) -> (char, &'static str) {
        match self {
            Self::Ala => ('A', "ALA"),
            Self::Arg => ('R', "ARG"),
            Self::Asn => ('N', "ASN"),
            Self::Asp => ('D', "ASP"),
            Self::Cys => ('C', "CYS"),
            Self::Gln => ('Q', "GLN"),
            Self::Glu => ('E', "GLU"),
            Self::Gly => ('G', "GLY"),
            Self::His => ('H', "HIS"),
            Self::Ile => ('I', "ILE"),
            Self::Leu => ('L', "LEU"),
            Self::Lys => ('K', "LYS"),
            Self::Met => ('M', "MET"),
            Self::Phe => ('F', "PHE"),
            Self::Pro => ('P', "PRO"),
            Self::Ser => ('S', "SER"),
            Self::Thr => ('T', "THR"),
            Self::Trp => ('W', "TRP"),
            Self::Tyr => ('Y', "TYR"),
            Self::Val => ('V', "VAL"),
        }
    }
}

impl fmt::Display for AminoAcid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_and_codes_lead_back_to_their_amino_acid() {
        for amino in AminoAcid::ALL {
            assert_eq!(AminoAcid::from_letter(amino.letter()), Some(amino));
            assert_eq!(AminoAcid::from_code(amino.code()), Some(amino));
        }
        assert!(AminoAcid::ALL.is_sorted());
        assert_eq!(AminoAcid::from_letter('a'), None);
        assert_eq!(AminoAcid::from_letter('X'), None);
        assert_eq!(AminoAcid::from_code("HIE"), None);
    }
}
