//! The market as a whole: its spine, and its money under a crowd.

mod money;
mod spine;
