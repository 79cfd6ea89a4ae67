//! The miner's whole HTTP surface, without a socket: the shipped model or a worker behind it, signed requests in front.

mod answers;
mod jobs;
mod market;
mod refusals;
mod turns;
mod work;
