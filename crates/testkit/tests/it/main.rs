//! The market as a whole: its spine, its money under a crowd, its tasks, and the tutorial that adds one.

mod folds;
mod jobs;
mod money;
mod spine;
mod tasks_side_by_side;
mod tutorial;
