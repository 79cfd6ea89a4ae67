//! The client against the node's own JSON-RPC, over a chain in memory that grows when the test says.

mod connections;
mod market;
mod node;
mod submissions;
