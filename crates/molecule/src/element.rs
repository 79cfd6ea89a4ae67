//! The five chemical elements of proteins.

use std::fmt;

/// A chemical element that proteins are made of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum Element {
    H,
    C,
    N,
    O,
    S,
}

impl Element {
    /// All of them, by atomic number.
    pub const ALL: [Self; 5] = [Self::H, Self::C, Self::N, Self::O, Self::S];

    /// The symbol as in the periodic table.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::H => "H",
            Self::C => "C",
            Self::N => "N",
            Self::O => "O",
            Self::S => "S",
        }
    }

    /// The element of a symbol, upper case.
    pub fn from_symbol(symbol: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|element| element.symbol() == symbol)
    }

    /// The standard atomic mass, in daltons.
    pub fn mass(self) -> f64 {
        match self {
            Self::H => 1.008,
            Self::C => 12.011,
            Self::N => 14.007,
            Self::O => 15.999,
            Self::S => 32.06,
        }
    }

    /// Whether it is anything but hydrogen.
    pub fn is_heavy(self) -> bool {
        self != Self::H
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.symbol())
    }
}
