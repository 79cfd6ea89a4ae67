//! How a miner is reached. The rest knows only the trait, so that tests put any villain behind it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use protocol::{Answer, AnswerError, Envelope, Part, PartReader, Refusal, Route};
use scoring::Fault;

use crate::Reply;

/// An answer that takes longer than this is not waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// For a connection.
const CONNECT: Duration = Duration::from_secs(2);
/// The most read of a refusal.
const REFUSAL_BYTES_MAX: usize = 64 * 1024;

/// Reaches miners.
pub trait Transport: Send + Sync {
    /// Posts a signed body and reads the answer to its end.
    fn ask(
        &self,
        address: SocketAddr,
        route: Route,
        envelope: Envelope,
        body: Bytes,
    ) -> BoxFuture<'_, Result<Reply, Fault>>;
}

/// HTTP/1.1 over pooled connections, set up as a gateway's are.
pub struct Http {
    client: reqwest::Client,
}

impl Http {
    /// Prepares the pool.
    ///
    /// # Errors
    ///
    /// If the system offers no randomness or no TLS; neither happens on a healthy machine.
    pub fn new() -> Result<Self, reqwest::Error> {
        // Whichever part of the process came first chose the same provider.
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let client = reqwest::Client::builder()
            .no_proxy()
            .http1_only()
            .tcp_nodelay(true)
            .connect_timeout(CONNECT)
            .redirect(reqwest::redirect::Policy::none())
            .pool_idle_timeout(Duration::from_secs(60))
            .build()?;
        Ok(Self { client })
    }

    async fn exchange(
        &self,
        address: SocketAddr,
        route: Route,
        envelope: Envelope,
        body: Bytes,
    ) -> Result<Reply, Fault> {
        let url = format!("http://{address}{}", route.path());
        let mut post = self
            .client
            .post(url)
            .header("content-type", "application/json");
        for (name, value) in envelope.headers() {
            post = post.header(name, value);
        }
        let sent = Instant::now();
        let response = post.body(body).send().await.map_err(unreachable)?;
        if !response.status().is_success() {
            return Err(refused(response).await);
        }
        read(response, sent).await
    }
}

impl Transport for Http {
    fn ask(
        &self,
        address: SocketAddr,
        route: Route,
        envelope: Envelope,
        body: Bytes,
    ) -> BoxFuture<'_, Result<Reply, Fault>> {
        async move {
            let exchange = self.exchange(address, route, envelope, body);
            let too_slow = || {
                Fault::TooSlow(format!(
                    "no complete answer within {} s",
                    PATIENCE.as_secs()
                ))
            };
            tokio::time::timeout(PATIENCE, exchange)
                .await
                .unwrap_or_else(|_| Err(too_slow()))
        }
        .boxed()
    }
}

async fn read(response: reqwest::Response, sent: Instant) -> Result<Reply, Fault> {
    let mut answer = Answer::default();
    let mut first_token = None;
    let mut reader = PartReader::default();
    let mut pieces = response.bytes_stream();
    while !answer.is_done()
        && let Some(piece) = pieces.next().await
    {
        let piece = piece.map_err(unreachable)?;
        reader.feed(piece).map_err(unreadable)?;
        while !answer.is_done()
            && let Some(part) = reader.next_part()
        {
            let part = part.map_err(unreadable)?;
            let has_text = matches!(&part, Part::Chunk { text, .. } if !text.is_empty());
            if has_text && first_token.is_none() {
                first_token = Some(sent.elapsed());
            }
            answer.take(part).map_err(unreadable)?;
        }
    }
    let total = sent.elapsed();
    let milliseconds = |duration: Duration| duration.as_secs_f64() * 1_000.0;
    let first_token_ms = milliseconds(first_token.unwrap_or(total));
    Ok(Reply {
        answer,
        first_token_ms,
        total_ms: milliseconds(total),
    })
}

async fn refused(response: reqwest::Response) -> Fault {
    let status = response.status();
    let mut body = Vec::new();
    let mut pieces = response.bytes_stream();
    while let Some(Ok(piece)) = pieces.next().await {
        if REFUSAL_BYTES_MAX < body.len() + piece.len() {
            break;
        }
        body.extend_from_slice(&piece);
    }
    match Refusal::from_json(&body) {
        Some(refusal) => Fault::Refused(refusal.to_string()),
        None => Fault::Refused(format!("status {status}")),
    }
}

/// A miner that gives up in the middle says so; everything else it may not do is its own doing.
fn unreadable(error: AnswerError) -> Fault {
    match error {
        AnswerError::Refused(refusal) => Fault::Refused(refusal.to_string()),
        other => Fault::Unreadable(other.to_string()),
    }
}

fn unreachable(error: reqwest::Error) -> Fault {
    Fault::Unreachable(error.without_url().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http;
    use keys::Pair;
    use protocol::{AnswerWriter, Code, Digest, Finish, Receipt, Usage};

    fn response(status: u16, body: impl Into<reqwest::Body>) -> reqwest::Response {
        let response = http::Response::builder().status(status).body(body.into());
        response.expect("a response").into()
    }

    fn written() -> Vec<Bytes> {
        let bob = Pair::from_uri("//Bob").expect("a development key");
        let writer = AnswerWriter::new(Route::Chat, "id-1", 0, "m");
        let receipt = Receipt {
            request_hash: Digest([3; 32]),
            answer_hash: Digest::of(b"Ay, my lord."),
            miner: bob.account(),
            model: "m".into(),
            seed: 9,
            finish: Finish::Stop,
            prompt_tokens: 4,
            completion_tokens: 2,
            token_ids: vec![5, 6],
            queue_ms: 1,
            first_token_ms: 2,
            total_ms: 3,
        };
        vec![
            writer.start(),
            writer.delta("Ay, ", None),
            writer.delta("my lord.", None),
            writer.finish(Finish::Stop),
            writer.usage(Usage::new(4, 2)),
            writer.receipt(&receipt.sign(&bob)),
            writer.done(),
        ]
    }

    /// However the network cuts the bytes, also inside a character's or an event's middle.
    #[tokio::test]
    async fn an_answer_is_read_however_it_is_cut() {
        let wire = written().concat();
        for size in [1, 7, wire.len()] {
            let pieces: Vec<_> = wire
                .chunks(size)
                .map(|piece| Ok::<_, std::io::Error>(piece.to_vec()))
                .collect();
            let body = reqwest::Body::wrap_stream(futures::stream::iter(pieces));
            let reply = read(response(200, body), Instant::now())
                .await
                .expect("an answer");
            assert_eq!(reply.answer.text, "Ay, my lord.");
            assert!(reply.answer.is_done() && reply.first_token_ms <= reply.total_ms);
        }
    }

    #[tokio::test]
    async fn a_connection_that_breaks_is_no_lie_and_one_that_ends_early_is_no_answer() {
        let mut pieces: Vec<_> = written().into_iter().take(3).map(Ok).collect();
        pieces.push(Err(std::io::Error::other("reset")));
        let body = reqwest::Body::wrap_stream(futures::stream::iter(pieces));
        let fault = read(response(200, body), Instant::now())
            .await
            .expect_err("broken");
        assert!(matches!(fault, Fault::Unreachable(_)), "{fault}");

        let early = written()[..3].concat();
        let reply = read(response(200, early), Instant::now())
            .await
            .expect("what there was");
        assert!(!reply.answer.is_done() && reply.answer.receipt.is_none());
    }

    #[tokio::test]
    async fn what_breaks_the_protocol_is_unreadable() {
        for wire in [
            "data: {\"choices\":1}\n\n",
            "event: odd\ndata: x\n\n",
            "data: [DONE]\n\n",
        ] {
            let fault = read(response(200, wire), Instant::now())
                .await
                .expect_err("no answer");
            assert!(matches!(fault, Fault::Unreadable(_)), "{fault}");
        }
    }

    #[tokio::test]
    async fn a_refusal_is_repeated_in_the_miners_words() {
        let busy = Refusal::new(Code::Busy, "all 4 places are taken");
        let fault = refused(response(503, busy.to_json())).await;
        assert_eq!(fault, Fault::Refused("busy: all 4 places are taken".into()));
        let foreign = refused(response(502, "<html>")).await;
        assert_eq!(foreign, Fault::Refused("status 502 Bad Gateway".into()));
        let gave_up = AnswerWriter::new(Route::Chat, "id-1", 0, "m").error(&busy);
        let fault = read(response(200, gave_up), Instant::now())
            .await
            .expect_err("gave up");
        assert!(matches!(fault, Fault::Refused(_)), "{fault}");
    }
}
