//! The way from those who ask to those who answer, without sockets: a request is handed to the miner's own router.
//!
//! What an answer took is measured, or, where a house is given a distance, is that: then nothing depends on the machine, and
//! a seed makes the same market twice.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response};
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use gateway::directory::{Miner, Model};
use gateway::signer::Signed;
use gateway::transport::{MinerError, Parts, Worked};
use primitives::TaskId;
use protocol::{
    Answer, JOB_HEADER, JobReply, Letter, PartReader, RECEIPT_HEADER, Refusal, Route,
    SignedWorkReceipt, TASK_HEADER,
};
use scoring::Fault;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tasks::{Answered, Reply};
use tower::ServiceExt;
use validator::Post;

/// The most read of one refusal or answer.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// Miners by the address they publish.
#[derive(Clone, Default)]
pub struct Street {
    houses: BTreeMap<SocketAddr, House>,
}

#[derive(Clone)]
struct House {
    router: Router,
    distance: Option<Duration>,
}

impl Street {
    /// Lets a miner answer at an address. With a `distance`, every answer is said to have taken just that.
    pub fn settle(&mut self, address: SocketAddr, miner: Router, distance: Option<Duration>) {
        let router = miner;
        self.houses.insert(address, House { router, distance });
    }

    fn house(&self, address: SocketAddr) -> Result<House, MinerError> {
        let nobody = || MinerError::Connection(format!("nobody lives at {address}"));
        self.houses.get(&address).cloned().ok_or_else(nobody)
    }
}

impl House {
    /// Hands in a request; what comes back is an answer, or why there is none.
    async fn knock(
        self,
        route: Route,
        headers: impl IntoIterator<Item = (&'static str, String)>,
        body: Bytes,
    ) -> Result<Response<Body>, MinerError> {
        let mut request = Request::post(route.path()).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Body::from(body)).map_err(broken)?;
        let Ok(response) = self.router.oneshot(request).await;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = to_bytes(response.into_body(), BODY_BYTES_MAX).await;
        Err(match Refusal::from_json(&body.map_err(broken)?) {
            Some(refusal) => MinerError::Refused(refusal),
            None => MinerError::Protocol(format!("status {status}")),
        })
    }

    /// How long an answer took that was asked for at `sent`, in milliseconds.
    fn took_ms(&self, sent: Instant) -> f64 {
        let took = self.distance.unwrap_or_else(|| sent.elapsed());
        took.as_secs_f64() * 1_000.0
    }

    async fn reply(self, post: Post) -> Result<Reply, Fault> {
        let sent = Instant::now();
        let headers = post.headers();
        let response = self.clone().knock(post.route, headers, post.body).await;
        let response = response.map_err(|error| Fault::Refused(error.to_string()))?;
        let mut first_ms = None;
        let answered = if post.route.is_streamed() {
            let mut answer = Answer::default();
            let mut parts = parts(response);
            while let Some(part) = parts.next().await {
                let part = part.map_err(|error| Fault::Unreadable(error.to_string()))?;
                first_ms.get_or_insert_with(|| self.took_ms(sent));
                answer
                    .take(part)
                    .map_err(|error| Fault::Unreadable(error.to_string()))?;
            }
            Answered::Stream(answer)
        } else {
            let (body, receipt) = document(response, post.limits.answer_bytes)
                .await
                .map_err(|error| Fault::Unreadable(error.to_string()))?;
            Answered::Once { body, receipt }
        };
        let total_ms = self.took_ms(sent);
        Ok(Reply {
            answered,
            first_ms: first_ms.unwrap_or(total_ms),
            total_ms,
        })
    }

    /// Hands in a message about a job.
    async fn job(
        self,
        route: Route,
        headers: impl IntoIterator<Item = (&'static str, String)>,
        body: Bytes,
        reply_bytes_max: usize,
    ) -> Result<JobReply, MinerError> {
        let response = self.knock(route, headers, body).await?;
        let (head, body) = response.into_parts();
        let header = |name| head.headers.get(name).map(|value| value.as_bytes());
        let body = to_bytes(body, reply_bytes_max).await.map_err(broken)?;
        JobReply::read(header(JOB_HEADER), header(RECEIPT_HEADER), body).map_err(broken)
    }

    async fn models(self) -> Result<Vec<Model>, MinerError> {
        let request = Request::get("/v1/models").body(Body::empty());
        let Ok(response) = self.router.oneshot(request.map_err(broken)?).await;
        let body = to_bytes(response.into_body(), BODY_BYTES_MAX).await;
        let list: serde_json::Value =
            serde_json::from_slice(&body.map_err(broken)?).map_err(broken)?;
        let listed = list["data"].as_array().cloned().unwrap_or_default();
        let model = |described: serde_json::Value| Model {
            id: described["id"].as_str().unwrap_or_default().to_owned(),
            context_length: described["context_length"]
                .as_u64()
                .and_then(|tokens| tokens.try_into().ok()),
            task: described["task"]
                .as_str()
                .and_then(|task| task.parse().ok()),
        };
        Ok(listed.into_iter().map(model).collect())
    }
}

/// A stream's events, read one by one.
fn parts(response: Response<Body>) -> Parts {
    let begun = (
        response.into_body().into_data_stream(),
        PartReader::default(),
    );
    Box::pin(stream::try_unfold(
        begun,
        |(mut pieces, mut reader)| async move {
            loop {
                if let Some(part) = reader.next_part() {
                    return Ok(Some((part.map_err(broken)?, (pieces, reader))));
                }
                match pieces.next().await {
                    Some(piece) => reader.feed(piece.map_err(broken)?).map_err(broken)?,
                    None => return Ok(None),
                }
            }
        },
    ))
}

/// An answer that came at once, and the receipt from its header.
async fn document(
    response: Response<Body>,
    answer_bytes_max: usize,
) -> Result<(Bytes, Option<SignedWorkReceipt>), MinerError> {
    let header = response.headers().get(RECEIPT_HEADER);
    let receipt = header
        .map(|header| SignedWorkReceipt::from_header(header.as_bytes()))
        .transpose()
        .map_err(|error| MinerError::Receipt(error.to_string()))?;
    let body = to_bytes(response.into_body(), answer_bytes_max).await;
    Ok((body.map_err(broken)?, receipt))
}

fn broken(error: impl std::fmt::Display) -> MinerError {
    MinerError::Protocol(error.to_string())
}

impl gateway::transport::Transport for Street {
    fn ask(&self, miner: Miner, request: Signed) -> BoxFuture<'static, Result<Parts, MinerError>> {
        let house = self.house(miner.address);
        async move {
            let answering = house?.knock(request.route, request.headers, request.body);
            Ok(parts(answering.await?))
        }
        .boxed()
    }

    fn work(
        &self,
        miner: Miner,
        request: Signed,
        task: &TaskId,
        answer_bytes_max: usize,
    ) -> BoxFuture<'static, Result<Worked, MinerError>> {
        let house = self.house(miner.address);
        let meant = (TASK_HEADER, task.to_string());
        async move {
            let headers = request.headers.into_iter().chain([meant]);
            let response = house?.knock(request.route, headers, request.body).await?;
            let (body, receipt) = document(response, answer_bytes_max).await?;
            let missing = || MinerError::Receipt("there is none".into());
            let receipt = receipt.ok_or_else(missing)?;
            Ok(Worked { body, receipt })
        }
        .boxed()
    }

    fn job(
        &self,
        miner: Miner,
        letter: Signed,
        task: &TaskId,
        reply_bytes_max: usize,
    ) -> BoxFuture<'static, Result<JobReply, MinerError>> {
        let house = self.house(miner.address);
        let meant = (TASK_HEADER, task.to_string());
        async move {
            let headers = letter.headers.into_iter().chain([meant]);
            let (route, body) = (letter.route, letter.body);
            house?.job(route, headers, body, reply_bytes_max).await
        }
        .boxed()
    }

    fn models(&self, miner: Miner) -> BoxFuture<'static, Result<Vec<Model>, MinerError>> {
        let house = self.house(miner.address);
        async move { house?.models().await }.boxed()
    }
}

impl validator::Transport for Street {
    fn ask(&self, post: Post) -> BoxFuture<'_, Result<Reply, Fault>> {
        async move {
            let house = self.house(post.address);
            let house = house.map_err(|error| Fault::Unreachable(error.to_string()))?;
            house.reply(post).await
        }
        .boxed()
    }

    fn tell(&self, post: Post, letter: Letter) -> BoxFuture<'_, Result<JobReply, Fault>> {
        async move {
            let house = self.house(post.address);
            let house = house.map_err(|error| Fault::Unreachable(error.to_string()))?;
            let bytes_max = letter.reply_bytes_max(post.limits.answer_bytes);
            let (route, headers) = (post.route, post.headers());
            let replied = house.job(route, headers, post.body, bytes_max).await;
            replied.map_err(|error| match error {
                MinerError::Refused(_) => Fault::Refused(error.to_string()),
                other => Fault::Unreadable(other.to_string()),
            })
        }
        .boxed()
    }
}
