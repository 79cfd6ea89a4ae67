//! The list of tasks: the one existing file that a new task changes. Each task is a file (or folder) in `list/`, two lines here.

use crate::{Kind, Once};

mod image_classification;
mod protein_folding;
pub mod text;
mod tour;

/// Every task this program knows.
pub fn list() -> &'static [&'static dyn Kind] {
    &[
        // One line each; `known` in an error message names them in this order.
        &text::Text,
        &Once::<image_classification::ImageClassification>::KIND,
        &Once::<protein_folding::ProteinFolding>::KIND,
        &Once::<tour::Tour>::KIND,
    ]
}
