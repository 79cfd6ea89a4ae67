//! The validator's decisions with a task of the tests' own, and every villain that has been thought of.

mod book;
mod company;
mod jobs;
mod probing;
mod roots;
mod simulation;
mod street;
mod wire;
