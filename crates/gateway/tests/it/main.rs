//! The gateway as its customers see it, with miners of every character behind it and no socket anywhere.

mod answers;
mod gates;
mod market;
mod routing;
mod villains;
