//! Kinds of work.
