//! Pictures: reading them, drawing them, and a network that says what they show.
//!
//! | module | for |
//! |---|---|
//! | [`picture`] | bytes from a stranger become pixels, within bounds |
//! | [`scene`] | draws pictures that nobody has seen, of shapes that everybody can name |
//! | [`network`] | a ConvNeXt classifier in Hugging Face's files and names |
//! | [`model`] | a network with its labels, from a directory or from inside the program |
//! | [`train`] | makes a model from drawn pictures or from a folder of one's own |
//! | [`figures`] | accuracy, per-class table, MCC and Brier score of a set of answers |
//!
//! Not here: who asks, who answers and who is paid. This crate knows nothing of subnets.

mod error;
pub mod figures;
mod kernels;
pub mod model;
pub mod network;
pub mod picture;
pub mod scene;
pub mod train;
mod weights;

pub use error::Error;
pub use model::{Guess, Model};
pub use picture::Picture;
