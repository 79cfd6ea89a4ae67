//! Repository checks as a program.

fn main() {}
