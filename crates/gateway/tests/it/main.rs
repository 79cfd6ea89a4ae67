//! The gateway as its customers see it, with miners of every character behind it and no socket anywhere.

mod answers;
mod customers;
mod folds;
mod gates;
mod images;
mod jobs;
mod market;
mod routing;
mod stalling;
mod subnets;
mod villains;
mod walk;
mod work;
mod yard;
