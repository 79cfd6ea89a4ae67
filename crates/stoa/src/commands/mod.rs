//! One file per subcommand: its arguments, and the library call they lead to.

pub mod ask;
pub mod bench;
pub mod bench_finality;
pub mod calibrate;
pub mod gateway;
pub mod genesis;
pub mod miner;
pub mod node;
pub mod simulate;
pub mod subnet;
pub mod train;
mod train_vision;
pub mod validator;
pub mod wallet;
