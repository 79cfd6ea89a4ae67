//! The methods as clients call them: JSON in, JSON out, and the server on a real socket.

// A test that unwraps fails with the reason, as it should.
#![allow(clippy::unwrap_used)]

mod fixture;
mod methods;
mod socket;
mod subscriptions;
