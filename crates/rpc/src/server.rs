//! The listener: one port, WebSocket and HTTP, within bounds.

use crate::{Context, module};
use jsonrpsee::server::{
    BatchRequestConfig, PingConfig, RandomStringIdProvider, ServerBuilder, ServerConfig,
    ServerHandle,
};
use std::net::{SocketAddr, TcpListener};
use tower_http::cors::CorsLayer;

/// Bounds of the server.
#[derive(Clone, Debug)]
pub struct Config {
    /// Connections at a time.
    pub connections_max: u32,
    /// Subscriptions per connection.
    pub subscriptions_max: u32,
    /// Bytes of a request.
    pub request_bytes_max: u32,
    /// Bytes of an answer.
    pub response_bytes_max: u32,
    /// Calls in a batch.
    pub batch_max: u32,
    /// Messages that wait for a client to read them.
    pub buffer_messages: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            connections_max: 256,
            subscriptions_max: 512,
            request_bytes_max: 4 * 1024 * 1024,
            response_bytes_max: 16 * 1024 * 1024,
            batch_max: 256,
            buffer_messages: 64,
        }
    }
}

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The socket cannot be used.
    #[error("cannot serve JSON-RPC on this socket: {0}")]
    Socket(#[from] std::io::Error),
}

/// A running server; it stops when told to or when dropped.
pub struct Server {
    address: SocketAddr,
    handle: ServerHandle,
}

/// Serves all methods on `listener`, which the caller has bound, to loopback unless it knows better.
///
/// # Errors
///
/// [`Error::Socket`] when the socket cannot be used.
pub async fn serve(
    listener: TcpListener,
    config: Config,
    context: &Context,
) -> Result<Server, Error> {
    listener.set_nonblocking(true)?;
    let limits = ServerConfig::builder()
        .max_connections(config.connections_max)
        .max_subscriptions_per_connection(config.subscriptions_max)
        .max_request_body_size(config.request_bytes_max)
        .max_response_body_size(config.response_bytes_max)
        .set_batch_request_config(BatchRequestConfig::Limit(config.batch_max))
        .set_message_buffer_capacity(config.buffer_messages)
        .set_id_provider(RandomStringIdProvider::new(16))
        .set_tcp_no_delay(true)
        .enable_ws_ping(PingConfig::new())
        .build();
    // Everything served here is public and signed elsewhere, so a wallet in a browser may ask from any page.
    let middleware = tower::ServiceBuilder::new().layer(CorsLayer::permissive());
    let server = ServerBuilder::default()
        .set_config(limits)
        .set_http_middleware(middleware)
        .build_from_tcp(listener)?;
    let address = server.local_addr()?;
    let handle = server.start(module(context));
    tracing::info!(%address, "serving JSON-RPC");
    Ok(Server { address, handle })
}

impl Server {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Tells it to stop; open connections are closed.
    pub fn stop(&self) {
        // An error only says that it has stopped already.
        let _ = self.handle.stop();
    }

    /// Waits until it has stopped.
    pub async fn stopped(self) {
        self.handle.clone().stopped().await;
    }
}
