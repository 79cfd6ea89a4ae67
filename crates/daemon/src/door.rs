//! The door: accepts connections while there is room, serves a router on them, and says goodbye.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::{CONNECTIONS_MAX, FAREWELL, PATIENCE};

/// How long to wait when the system has no more file descriptors.
const BREATH: Duration = Duration::from_secs(1);

/// An address that is listened on, and how those who come are treated.
#[derive(Debug)]
pub struct Door {
    listener: TcpListener,
    address: SocketAddr,
    connections_max: usize,
    patience: Duration,
    farewell: Duration,
}

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {reason}; choose another address with --listen")]
pub struct DoorError {
    /// The address.
    pub address: SocketAddr,
    /// What the system said.
    pub reason: io::Error,
}

impl Door {
    /// Takes an address, without letting anybody in yet; port 0 lets the system choose.
    ///
    /// # Errors
    ///
    /// [`DoorError`] if the address is taken or not this machine's.
    pub async fn open(address: SocketAddr) -> Result<Self, DoorError> {
        let listen = async {
            let listener = TcpListener::bind(address).await?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        };
        let (listener, address) = listen
            .await
            .map_err(|reason| DoorError { address, reason })?;
        Ok(Self {
            listener,
            address,
            connections_max: CONNECTIONS_MAX,
            patience: PATIENCE,
            farewell: FAREWELL,
        })
    }

    /// The address listened on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown`, then waits a moment for the answers under way.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops accepting; connections that are open go on until they end by themselves.
    pub async fn serve(self, router: Router, shutdown: CancellationToken) {
        let places = Arc::new(Semaphore::new(self.connections_max));
        let connections = TaskTracker::new();
        loop {
            let accepted = async {
                let place = places.clone().acquire_owned().await;
                (place, accept(&self.listener).await)
            };
            let (place, accepted) = tokio::select! {
                () = shutdown.cancelled() => break,
                accepted = accepted => accepted,
            };
            let connection = converse(accepted, router.clone(), self.patience, shutdown.clone());
            connections.spawn(async move {
                connection.await;
                drop(place);
            });
        }
        drop(self.listener);
        connections.close();
        let waited = tokio::time::timeout(self.farewell, connections.wait()).await;
        if waited.is_err() {
            tracing::warn!(open = connections.len(), "stops with answers under way");
        }
    }
}

/// The next connection. What goes wrong with one of them does not concern the others.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "cannot accept connections; trying again in a second");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

/// Answers the requests of one connection, one after the other.
async fn converse(
    (stream, peer): (TcpStream, SocketAddr),
    router: Router,
    patience: Duration,
    shutdown: CancellationToken,
) {
    // One piece of an answer is one write: waiting to fill a packet would delay every one of them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection without TCP_NODELAY");
    }
    // Handlers learn who asks in the way of axum's own servers.
    let service = router.map_request(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request.map(Body::new)
    });
    let mut server = http1::Builder::new();
    server
        .timer(TokioTimer::new())
        .header_read_timeout(patience);
    let serving = server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let mut serving = std::pin::pin!(serving);
    let served = tokio::select! {
        served = serving.as_mut() => served,
        () = shutdown.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended badly");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::Notify;
    use tokio::task::JoinHandle;

    const GREETING: &[u8] = b"GET / HTTP/1.1\r\nhost: here\r\n\r\n";

    async fn who(ConnectInfo(peer): ConnectInfo<SocketAddr>) -> String {
        format!("you are {peer}")
    }

    /// A door on a port of the system's choice, with a page that answers once it is told to.
    struct House {
        address: SocketAddr,
        entered: Arc<Notify>,
        answer: Arc<Notify>,
        shutdown: CancellationToken,
        serving: JoinHandle<()>,
    }

    async fn house(bend: impl FnOnce(&mut Door)) -> House {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut door = Door::open(any).await.expect("a free port");
        bend(&mut door);
        let (entered, answer) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (inside, told) = (entered.clone(), answer.clone());
        let slow = move || async move {
            inside.notify_one();
            told.notified().await;
            "late"
        };
        let router = Router::new()
            .route("/", get(|| async { "hello" }))
            .route("/who", get(who))
            .route("/slow", get(slow));
        let shutdown = CancellationToken::new();
        let address = door.address();
        let serving = tokio::spawn(door.serve(router, shutdown.clone()));
        House {
            address,
            entered,
            answer,
            shutdown,
            serving,
        }
    }

    async fn call(house: &House, words: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(house.address).await.expect("a door");
        stream.write_all(words).await.expect("sent");
        stream
    }

    /// Everything until the other side closes.
    async fn rest(mut stream: TcpStream) -> String {
        let mut text = String::new();
        let _ = stream.read_to_string(&mut text).await;
        text
    }

    #[tokio::test]
    async fn whoever_dawdles_over_the_headers_is_cut_off() {
        let house = house(|door| door.patience = Duration::from_millis(200)).await;
        let silent = call(&house, b"").await;
        let slow = call(&house, b"GET / HTTP/1.1\r\nx-").await;
        let idle = call(&house, GREETING).await;
        assert_eq!(rest(silent).await, "");
        assert!(!rest(slow).await.contains("hello"));
        let heard = rest(idle).await;
        assert!(heard.ends_with("hello"), "{heard}");
    }

    #[tokio::test]
    async fn handlers_learn_who_asks() {
        let house = house(|_| ()).await;
        let words = b"GET /who HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n";
        let stream = call(&house, words).await;
        let own = stream.local_addr().expect("an address");
        assert!(rest(stream).await.ends_with(&format!("you are {own}")));
    }

    #[tokio::test]
    async fn connections_wait_while_all_places_are_taken() {
        let house = house(|door| door.connections_max = 1).await;
        let first = call(&house, b"").await;
        let mut second = call(&house, GREETING).await;
        let mut word = [0; 8];
        let early = Duration::from_millis(200);
        let heard = tokio::time::timeout(early, second.read(&mut word)).await;
        assert!(heard.is_err(), "there is no place yet");
        drop(first);
        let read = second.read_exact(&mut word).await;
        assert!(read.is_ok() && &word == b"HTTP/1.1");
    }

    #[tokio::test]
    async fn answers_under_way_are_finished_and_idle_connections_are_not_waited_for() {
        let house = house(|_| ()).await;
        let idle = call(&house, GREETING).await;
        let asking = call(&house, b"GET /slow HTTP/1.1\r\nhost: here\r\n\r\n").await;
        house.entered.notified().await;
        house.shutdown.cancel();
        assert!(rest(idle).await.ends_with("hello"));
        house.answer.notify_one();
        assert!(rest(asking).await.ends_with("late"));
        house.serving.await.expect("served");
    }

    #[tokio::test]
    async fn a_farewell_ends() {
        let house = house(|door| door.farewell = Duration::from_millis(100)).await;
        let _asking = call(&house, b"GET /slow HTTP/1.1\r\nhost: here\r\n\r\n").await;
        house.entered.notified().await;
        house.shutdown.cancel();
        house.serving.await.expect("served");
    }

    #[tokio::test]
    async fn an_address_that_is_taken_is_named_with_the_option() {
        let house = house(|_| ()).await;
        let error = Door::open(house.address).await.expect_err("taken");
        assert!(error.to_string().contains("--listen"), "{error}");
    }
}
