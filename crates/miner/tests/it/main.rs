//! The miner's whole HTTP surface, without a socket: the shipped model behind it, signed requests in front.

mod answers;
mod market;
mod refusals;
