//! Energies of proteins: Amber ff19SB with OBC2 implicit solvent, the same to the last bit everywhere.
