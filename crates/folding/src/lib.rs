//! Protein folding: chains built from a sequence, searched for low energy, and checked.
