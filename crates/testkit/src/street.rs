//! The way from those who ask to those who answer, without sockets: a request is handed to the miner's own router.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use bytes::Bytes;
use eventsource_stream::Eventsource;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use gateway::directory::{Miner, Model};
use gateway::signer::Signed;
use gateway::transport::{MinerError, Parts};
use protocol::{Answer, Envelope, Part, Refusal, Route};
use scoring::Fault;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Instant;
use tower::ServiceExt;
use validator::Reply;

/// The most read of one refusal or answer.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// Miners by the address they publish.
#[derive(Clone, Default)]
pub struct Street {
    houses: BTreeMap<SocketAddr, Router>,
}

impl Street {
    /// Lets a miner answer at an address.
    pub fn settle(&mut self, address: SocketAddr, miner: Router) {
        self.houses.insert(address, miner);
    }

    /// Hands a request to whoever lives at an address.
    async fn knock(
        &self,
        address: SocketAddr,
        route: Route,
        headers: [(&'static str, String); 7],
        body: Bytes,
    ) -> Result<Parts, MinerError> {
        let router = self
            .houses
            .get(&address)
            .cloned()
            .ok_or_else(|| MinerError::Connection(format!("nobody lives at {address}")))?;
        let mut request = Request::post(route.path()).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request
            .body(Body::from(body))
            .map_err(|error| MinerError::Protocol(error.to_string()))?;
        let Ok(response) = router.oneshot(request).await;
        let status = response.status();
        if !status.is_success() {
            let body = axum::body::to_bytes(response.into_body(), BODY_BYTES_MAX)
                .await
                .map_err(|error| MinerError::Connection(error.to_string()))?;
            return Err(match Refusal::from_json(&body) {
                Some(refusal) => MinerError::Refused(refusal),
                None => MinerError::Protocol(format!("status {status}")),
            });
        }
        let events = response.into_body().into_data_stream().eventsource();
        Ok(Box::pin(events.map(|event| {
            let event = event.map_err(|error| MinerError::Protocol(error.to_string()))?;
            Part::read(&event.event, &event.data)
                .map_err(|error| MinerError::Protocol(error.to_string()))
        })))
    }
}

impl gateway::transport::Transport for Street {
    fn ask(&self, miner: Miner, request: Signed) -> BoxFuture<'static, Result<Parts, MinerError>> {
        let street = self.clone();
        async move {
            street
                .knock(miner.address, request.route, request.headers, request.body)
                .await
        }
        .boxed()
    }

    fn models(&self, _: Miner) -> BoxFuture<'static, Result<Vec<Model>, MinerError>> {
        // A directory made by the test names the models; nobody asks for them here.
        async { Ok(Vec::new()) }.boxed()
    }
}

impl validator::Transport for Street {
    fn ask(
        &self,
        address: SocketAddr,
        route: Route,
        envelope: Envelope,
        body: Bytes,
    ) -> BoxFuture<'_, Result<Reply, Fault>> {
        async move {
            let sent = Instant::now();
            let mut parts = self
                .knock(address, route, envelope.headers(), body)
                .await
                .map_err(|error| Fault::Refused(error.to_string()))?;
            let mut answer = Answer::default();
            let mut first_token_ms = None;
            while let Some(part) = parts.next().await {
                let part = part.map_err(|error| Fault::Unreadable(error.to_string()))?;
                first_token_ms.get_or_insert_with(|| sent.elapsed().as_secs_f64() * 1_000.0);
                answer
                    .take(part)
                    .map_err(|error| Fault::Unreadable(error.to_string()))?;
            }
            let total_ms = sent.elapsed().as_secs_f64() * 1_000.0;
            Ok(Reply {
                answer,
                first_token_ms: first_token_ms.unwrap_or(total_ms),
                total_ms,
            })
        }
        .boxed()
    }
}
