//! One WebSocket to a node that repairs itself.
//!
//! Every request goes over the current socket. When the socket breaks, the next request opens a new one, waiting
//! longer after each failed attempt, for at most [`Patience::connect`]. Each new socket is asked for its genesis
//! hash and runtime version before it is used: a program never reads a chain whose types it does not know. Several
//! addresses are tried in turn, so that a program outlives any one node.
//!
//! ```text
//!  request ──▶ current socket? ──no──▶ dial, back off, check chain and runtime ──▶ store
//!                   │ yes                                                            │
//!                   ▼                                                                ▼
//!                 send ──broke──▶ forget socket, once more ◀─────────────────────────┘
//! ```

use std::sync::Arc;
use std::time::Duration;

use jsonrpsee::core::ClientError;
use jsonrpsee::core::client::{ClientT, Subscription, SubscriptionClientT};
use jsonrpsee::core::params::ArrayParams;
use jsonrpsee::ws_client::{PingConfig, WsClient, WsClientBuilder};
use serde::de::DeserializeOwned;
use tokio::sync::{Mutex, OnceCell};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::error::Error;
use crate::hexadecimal;

/// Sends over one request that broke with its socket: the first and one more.
const ATTEMPTS: usize = 2;
/// Pause after the first failed dial; doubles up to [`BACKOFF_MAX`].
const BACKOFF_MIN: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(2);
/// Largest answer accepted, in bytes: a full block of bodies in hexadecimal fits.
const RESPONSE_BYTES_MAX: u32 = 64 * 1024 * 1024;
/// Requests in flight on one socket.
const REQUESTS_MAX: usize = 1024;
/// Notifications kept for a subscriber that does not read; then the node closes the subscription.
const NOTIFICATIONS_MAX: usize = 1024;

/// How long a client waits before it says that something is wrong.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a connection, over all attempts.
    pub connect: Duration,
    /// For the answer to one request.
    pub request: Duration,
    /// For a submitted extrinsic to reach the state asked for.
    pub inclusion: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(20),
            request: Duration::from_secs(15),
            inclusion: Duration::from_secs(60),
        }
    }
}

/// A socket that is replaced when it breaks.
pub(crate) struct Connection {
    url: String,
    patience: Patience,
    current: Mutex<Option<Arc<WsClient>>>,
    genesis: OnceCell<[u8; 32]>,
}

impl Connection {
    /// Remembers where to connect, one address or several between commas; the first request, or [`Connection::genesis`], connects.
    pub(crate) fn new(url: String, patience: Patience) -> Self {
        Self {
            url,
            patience,
            current: Mutex::new(None),
            genesis: OnceCell::new(),
        }
    }

    /// Node's address.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The configured waits.
    pub(crate) fn patience(&self) -> Patience {
        self.patience
    }

    /// Hash of the chain's first block, connecting if that has not happened yet.
    pub(crate) async fn genesis(&self) -> Result<[u8; 32], Error> {
        if self.genesis.get().is_none() {
            self.socket().await?;
        }
        // A socket is only handed out after its genesis was recorded.
        self.genesis.get().copied().ok_or_else(|| Error::Absent {
            what: "the genesis block".into(),
        })
    }

    /// Asks and waits for the answer, over a new socket if the present one breaks.
    pub(crate) async fn request<R: DeserializeOwned>(
        &self,
        method: &str,
        params: ArrayParams,
    ) -> Result<R, Error> {
        let mut broke = String::new();
        for _ in 0..ATTEMPTS {
            let socket = self.socket().await?;
            let deadline = Instant::now() + self.patience.request;
            let answer = timeout_at(deadline, socket.request(method, params.clone())).await;
            match answer {
                Err(_) => return Err(self.late(method)),
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => broke = self.broken_or(method, &socket, error).await?,
            }
        }
        Err(Error::Broken {
            method: method.into(),
            reason: broke,
        })
    }

    /// Opens a subscription, over a new socket if the present one breaks.
    pub(crate) async fn subscribe<N: DeserializeOwned>(
        &self,
        method: &'static str,
        params: ArrayParams,
        unsubscribe: &'static str,
    ) -> Result<Subscription<N>, Error> {
        let mut broke = String::new();
        for _ in 0..ATTEMPTS {
            let socket = self.socket().await?;
            let deadline = Instant::now() + self.patience.request;
            let opening = socket.subscribe(method, params.clone(), unsubscribe);
            match timeout_at(deadline, opening).await {
                Err(_) => return Err(self.late(method)),
                Ok(Ok(subscription)) => return Ok(subscription),
                Ok(Err(error)) => broke = self.broken_or(method, &socket, error).await?,
            }
        }
        Err(Error::Broken {
            method: method.into(),
            reason: broke,
        })
    }

    fn late(&self, method: &str) -> Error {
        let after_ms = self.patience.request.as_millis() as u64;
        Error::Timeout {
            method: method.into(),
            after_ms,
        }
    }

    /// Sorts an error into the node's answer (an error at once) and a broken socket (forgotten; what it said).
    async fn broken_or(
        &self,
        method: &str,
        socket: &Arc<WsClient>,
        error: ClientError,
    ) -> Result<String, Error> {
        match error {
            ClientError::Call(object) => {
                let detail = object
                    .data()
                    .map(|data| format!(": {}", data.get().trim_matches('"')));
                Err(Error::Refused {
                    method: method.into(),
                    code: object.code(),
                    message: format!("{}{}", object.message(), detail.unwrap_or_default()),
                })
            }
            ClientError::ParseError(error) => Err(Error::Undecodable {
                what: method.into(),
                reason: error.to_string(),
            }),
            ClientError::RequestTimeout => Err(self.late(method)),
            other => {
                let mut current = self.current.lock().await;
                if current
                    .as_ref()
                    .is_some_and(|held| Arc::ptr_eq(held, socket))
                {
                    *current = None;
                }
                Ok(other.to_string())
            }
        }
    }

    /// The socket in use, or a new one. Holding the lock while dialling makes all waiters share one attempt.
    async fn socket(&self) -> Result<Arc<WsClient>, Error> {
        let mut current = self.current.lock().await;
        if let Some(socket) = current.as_ref().filter(|socket| socket.is_connected()) {
            return Ok(socket.clone());
        }
        let socket = Arc::new(self.dial().await?);
        *current = Some(socket.clone());
        Ok(socket)
    }

    /// Tries each address in turn, beginning with the first, and pauses longer after each round.
    async fn dial(&self) -> Result<WsClient, Error> {
        let deadline = Instant::now() + self.patience.connect;
        let mut pause = BACKOFF_MIN;
        loop {
            let mut reason = String::new();
            for url in self.url.split(',').map(str::trim) {
                match self.dial_one(url, deadline).await {
                    Err(Error::Broken { reason: why, .. }) => reason = why,
                    other => return other,
                }
            }
            if Instant::now() + pause >= deadline {
                let url = self.url.clone();
                return Err(Error::Unreachable { url, reason });
            }
            tracing::debug!(url = self.url, reason, "node not reachable, trying again");
            sleep_until(Instant::now() + pause).await;
            pause = (pause * 2).min(BACKOFF_MAX);
        }
    }

    async fn dial_one(&self, url: &str, deadline: Instant) -> Result<WsClient, Error> {
        let broken = |reason: String| Error::Broken {
            method: "the connection".into(),
            reason,
        };
        let socket = timeout_at(deadline, self.builder().build(url))
            .await
            .map_err(|_| broken("no answer to the connection attempt".into()))?
            .map_err(|error| broken(error.to_string()))?;
        self.check(&socket, url, deadline).await?;
        Ok(socket)
    }

    fn builder(&self) -> WsClientBuilder {
        WsClientBuilder::new()
            .max_response_size(RESPONSE_BYTES_MAX)
            .request_timeout(self.patience.request)
            .max_concurrent_requests(REQUESTS_MAX)
            .max_buffer_capacity_per_subscription(NOTIFICATIONS_MAX)
            .enable_ws_ping(PingConfig::new())
            .set_tcp_no_delay(true)
    }

    /// Refuses a node whose chain or runtime is not the one this program works with.
    async fn check(&self, socket: &WsClient, url: &str, deadline: Instant) -> Result<(), Error> {
        let genesis: String = self
            .first_answer(
                socket,
                "chain_getBlockHash",
                jsonrpsee::rpc_params![0],
                deadline,
            )
            .await?;
        let genesis = hexadecimal::hash("the genesis hash", &genesis)?;
        let expected = *self.genesis.get_or_init(|| async { genesis }).await;
        if expected != genesis {
            return Err(Error::WrongChain {
                url: url.to_string(),
                expected: hexadecimal::encode(&expected),
                found: hexadecimal::encode(&genesis),
            });
        }
        let found: RuntimeName = self
            .first_answer(
                socket,
                "state_getRuntimeVersion",
                ArrayParams::new(),
                deadline,
            )
            .await?;
        let own = RuntimeName {
            spec_name: runtime::VERSION.spec_name.to_string(),
            spec_version: runtime::VERSION.spec_version,
            transaction_version: runtime::VERSION.transaction_version,
        };
        if found != own {
            return Err(Error::WrongRuntime {
                url: url.to_string(),
                expected: own.to_string(),
                found: found.to_string(),
            });
        }
        Ok(())
    }

    async fn first_answer<R: DeserializeOwned>(
        &self,
        socket: &WsClient,
        method: &str,
        params: ArrayParams,
        deadline: Instant,
    ) -> Result<R, Error> {
        let broken = |reason: String| Error::Broken {
            method: method.into(),
            reason,
        };
        match timeout_at(deadline, socket.request(method, params)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(broken(error.to_string())),
            Err(_) => Err(broken("no answer to the first request".into())),
        }
    }
}

/// The part of a runtime version that decides whether two programs understand each other.
#[derive(PartialEq, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct RuntimeName {
    spec_name: String,
    spec_version: u32,
    transaction_version: u32,
}

impl std::fmt::Display for RuntimeName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            spec_name,
            spec_version,
            transaction_version,
        } = self;
        write!(
            f,
            "{spec_name} {spec_version} (transactions {transaction_version})"
        )
    }
}
