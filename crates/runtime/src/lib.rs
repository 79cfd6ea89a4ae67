//! Composes the pallets into the state machine that every node executes natively.
