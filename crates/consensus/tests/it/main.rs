//! Whole networks of authorities, from a seed.

mod book;
mod network;
mod simulation;
