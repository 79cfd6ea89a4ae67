//! Hyperparameters set by owners and root.
