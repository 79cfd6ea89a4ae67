//! The validator's decisions, with the shipped model and every villain that has been thought of.

mod book;
mod market;
mod probing;
mod villains;
