//! Substrate's JSON-RPC over WebSocket and HTTP.
