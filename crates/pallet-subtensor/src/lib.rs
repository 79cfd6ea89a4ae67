//! The market on chain: subnets, neurons, stake, weights, epochs and emission.
