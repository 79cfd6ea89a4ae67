//! Whole networks of authorities, from a seed.

mod blocks;
mod book;
mod certificates;
mod keys;
mod network;
mod simulation;
