//! The methods as clients call them: JSON in, JSON out, and the server on a real socket.

mod fixture;
mod methods;
mod socket;
mod subscriptions;
