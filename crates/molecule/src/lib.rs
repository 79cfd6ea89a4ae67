//! Proteins as atoms in space: residues, structure files, comparisons, pictures.
