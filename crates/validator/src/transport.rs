//! How a miner is reached. The rest knows only the trait, so that tests put any villain behind it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use primitives::TaskId;
use protocol::{
    Answer, AnswerError, Code, Envelope, JOB_HEADER, JobError, JobReply, Letter, Part, PartReader,
    RECEIPT_HEADER, Refusal, Route, SignedWorkReceipt, TASK_HEADER,
};
use scoring::Fault;
use tasks::{Answered, Limits, Reply};

/// For a connection.
const CONNECT: Duration = Duration::from_secs(2);
/// For a reply about a job, beyond what the miner was allowed to wait.
const REPLY: Duration = Duration::from_secs(5);
/// The most read of a refusal.
const REFUSAL_BYTES_MAX: usize = 64 * 1024;

/// A signed request on its way to a miner.
#[derive(Clone, Debug)]
pub struct Post {
    /// Where the miner is.
    pub address: SocketAddr,
    /// Where it is posted.
    pub route: Route,
    /// The task meant.
    pub task: TaskId,
    /// How long an answer is waited for, and how much of it is read.
    pub limits: Limits,
    /// Its terms, signed.
    pub envelope: Envelope,
    /// Exactly what is sent.
    pub body: Bytes,
}

impl Post {
    /// Every header a miner looks at, as a gateway sends them.
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let task = (!self.route.is_streamed()).then(|| (TASK_HEADER, self.task.to_string()));
        self.envelope.headers().into_iter().chain(task).collect()
    }
}

/// Reaches miners.
pub trait Transport: Send + Sync {
    /// Posts a signed body and reads the answer to its end.
    fn ask(&self, post: Post) -> BoxFuture<'_, Result<Reply, Fault>>;

    /// Posts a signed message about a job and reads the reply.
    fn tell(&self, post: Post, letter: Letter) -> BoxFuture<'_, Result<JobReply, Fault>>;
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
            // Sooner than the other side, which lets go of idle connections after half a minute.
            .pool_idle_timeout(Duration::from_secs(20))
            .build()?;
        Ok(Self { client })
    }

    /// Sends a request and returns the response to one that was taken.
    async fn send(&self, post: Post) -> Result<reqwest::Response, Fault> {
        let url = format!("http://{}{}", post.address, post.route.path());
        let mut request = self
            .client
            .post(url)
            .header("content-type", "application/json");
        for (name, value) in post.headers() {
            request = request.header(name, value);
        }
        let response = request.body(post.body).send().await.map_err(unreachable)?;
        match response.status().is_success() {
            true => Ok(response),
            false => Err(refused(response).await),
        }
    }

    async fn exchange(&self, post: Post) -> Result<Reply, Fault> {
        let (route, bytes_max) = (post.route, post.limits.answer_bytes);
        let sent = Instant::now();
        let response = self.send(post).await?;
        match route.is_streamed() {
            true => read_stream(response, sent).await,
            false => read_document(response, sent, bytes_max).await,
        }
    }
}

impl Transport for Http {
    fn ask(&self, post: Post) -> BoxFuture<'_, Result<Reply, Fault>> {
        let patience = post.limits.patience;
        within(patience, self.exchange(post)).boxed()
    }

    fn tell(&self, post: Post, letter: Letter) -> BoxFuture<'_, Result<JobReply, Fault>> {
        let patience = Duration::from_millis(letter.wait_ms()) + REPLY;
        let bytes_max = letter.reply_bytes_max(post.limits.answer_bytes);
        let told = async move { read_of_job(self.send(post).await?, bytes_max).await };
        within(patience, told).boxed()
    }
}

async fn within<T>(
    patience: Duration,
    exchange: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    let too_slow = || {
        let seconds = patience.as_secs_f64();
        Fault::TooSlow(format!("no complete answer within {seconds} s"))
    };
    tokio::time::timeout(patience, exchange)
        .await
        .unwrap_or_else(|_| Err(too_slow()))
}

async fn read_of_job(response: reqwest::Response, bytes_max: usize) -> Result<JobReply, Fault> {
    let headers = response.headers().clone();
    let header = |name| headers.get(name).map(|value| value.as_bytes());
    let (body, _) = read_body(response, Instant::now(), bytes_max).await?;
    JobReply::read(header(JOB_HEADER), header(RECEIPT_HEADER), body).map_err(|error| match error {
        JobError::Unreadable(_) => Fault::Unreadable(error.to_string()),
        JobError::Receipt(error) => Fault::FalseReceipt(error.to_string()),
    })
}

async fn read_document(
    response: reqwest::Response,
    sent: Instant,
    bytes_max: usize,
) -> Result<Reply, Fault> {
    let receipt = match response.headers().get(RECEIPT_HEADER) {
        None => None,
        Some(value) => {
            let receipt = SignedWorkReceipt::from_header(value.as_bytes())
                .map_err(|error| Fault::FalseReceipt(error.to_string()))?;
            Some(receipt)
        }
    };
    let (body, first) = read_body(response, sent, bytes_max).await?;
    let total = sent.elapsed();
    Ok(Reply {
        answered: Answered::Once { body, receipt },
        first_ms: milliseconds(first.unwrap_or(total)),
        total_ms: milliseconds(total),
    })
}

/// A bounded body, and when the first of it came.
async fn read_body(
    response: reqwest::Response,
    sent: Instant,
    bytes_max: usize,
) -> Result<(Bytes, Option<Duration>), Fault> {
    let mut first = None;
    let mut body = BytesMut::new();
    let mut pieces = response.bytes_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(unreachable)?;
        first.get_or_insert_with(|| sent.elapsed());
        if bytes_max < body.len() + piece.len() {
            return Err(Fault::Unreadable(format!(
                "the answer is larger than {bytes_max} bytes"
            )));
        }
        body.extend_from_slice(&piece);
    }
    Ok((body.freeze(), first))
}

async fn read_stream(response: reqwest::Response, sent: Instant) -> Result<Reply, Fault> {
    let mut answer = Answer::default();
    let mut first = None;
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
            if has_text {
                first.get_or_insert_with(|| sent.elapsed());
            }
            answer.take(part).map_err(unreadable)?;
        }
    }
    let total = sent.elapsed();
    Ok(Reply {
        answered: Answered::Stream(answer),
        first_ms: milliseconds(first.unwrap_or(total)),
        total_ms: milliseconds(total),
    })
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
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
        Some(refusal) if refusal.code == Code::Busy => Fault::Busy(refusal.message),
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
    use protocol::{AnswerWriter, Digest, Finish, Receipt, Usage, WorkReceipt};

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
            logprobs_e6: vec![],
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

    fn streamed(reply: &Reply) -> &Answer {
        match &reply.answered {
            Answered::Stream(answer) => answer,
            Answered::Once { .. } => panic!("{reply:?}"),
        }
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
            let reply = read_stream(response(200, body), Instant::now())
                .await
                .expect("an answer");
            let answer = streamed(&reply);
            assert_eq!(answer.text, "Ay, my lord.");
            assert!(answer.is_done() && reply.first_ms <= reply.total_ms);
        }
    }

    #[tokio::test]
    async fn a_connection_that_breaks_is_no_lie_and_one_that_ends_early_is_no_answer() {
        let mut pieces: Vec<_> = written().into_iter().take(3).map(Ok).collect();
        pieces.push(Err(std::io::Error::other("reset")));
        let body = reqwest::Body::wrap_stream(futures::stream::iter(pieces));
        let fault = read_stream(response(200, body), Instant::now())
            .await
            .expect_err("broken");
        assert!(matches!(fault, Fault::Unreachable(_)), "{fault}");

        let early = written()[..3].concat();
        let reply = read_stream(response(200, early), Instant::now())
            .await
            .expect("what there was");
        let answer = streamed(&reply);
        assert!(!answer.is_done() && answer.receipt.is_none());
    }

    #[tokio::test]
    async fn what_breaks_the_protocol_is_unreadable() {
        for wire in [
            "data: {\"choices\":1}\n\n",
            "event: odd\ndata: x\n\n",
            "data: [DONE]\n\n",
        ] {
            let fault = read_stream(response(200, wire), Instant::now())
                .await
                .expect_err("no answer");
            assert!(matches!(fault, Fault::Unreadable(_)), "{fault}");
        }
    }

    #[tokio::test]
    async fn a_refusal_is_repeated_in_the_miners_words() {
        let busy = Refusal::new(Code::Busy, "all 4 places are taken");
        let fault = refused(response(503, busy.to_json())).await;
        assert_eq!(fault, Fault::Busy("all 4 places are taken".into()));
        let foul = Refusal::new(Code::NotPermitted, "not you");
        let fault = refused(response(403, foul.to_json())).await;
        assert_eq!(fault, Fault::Refused("not_permitted: not you".into()));
        let foreign = refused(response(502, "<html>")).await;
        assert_eq!(foreign, Fault::Refused("status 502 Bad Gateway".into()));
        let gave_up = AnswerWriter::new(Route::Chat, "id-1", 0, "m").error(&busy);
        let fault = read_stream(response(200, gave_up), Instant::now())
            .await
            .expect_err("gave up");
        assert!(matches!(fault, Fault::Refused(_)), "{fault}");
    }

    fn document(body: &'static str, receipt: Option<&str>) -> reqwest::Response {
        let mut response = http::Response::builder().status(200);
        if let Some(receipt) = receipt {
            response = response.header(RECEIPT_HEADER, receipt);
        }
        let response = response.body(reqwest::Body::from(body));
        response.expect("a response").into()
    }

    #[tokio::test]
    async fn an_answer_at_once_comes_with_the_receipt_from_its_header() {
        let bob = Pair::from_uri("//Bob").expect("a development key");
        let receipt = WorkReceipt {
            request_hash: Digest([3; 32]),
            answer_hash: Digest::of(b"[1]"),
            miner: bob.account(),
            task: "tour/1".parse().expect("a task"),
            queue_ms: 1,
            total_ms: 2,
        };
        let signed = receipt.sign(&bob);
        let header = signed.to_header();
        let reply = read_document(document("[1]", Some(&header)), Instant::now(), 3)
            .await
            .expect("an answer");
        let expected = Answered::Once {
            body: Bytes::from_static(b"[1]"),
            receipt: Some(signed),
        };
        assert_eq!(reply.answered, expected);
        let bare = read_document(document("[1]", None), Instant::now(), 3).await;
        let is_bare = |reply: Reply| matches!(reply.answered, Answered::Once { receipt: None, .. });
        assert!(
            bare.is_ok_and(is_bare),
            "whether that will do is the judge's to say"
        );
    }

    #[tokio::test]
    async fn an_answer_beyond_the_tasks_bound_is_not_read_on() {
        let large = read_document(document("[1,2]", None), Instant::now(), 4).await;
        let fault = large.expect_err("too large");
        assert_eq!(
            fault.to_string(),
            "unreadable answer: the answer is larger than 4 bytes"
        );
        let garbled = read_document(document("[1]", Some("{}")), Instant::now(), 4).await;
        assert!(
            matches!(garbled, Err(Fault::FalseReceipt(_))),
            "{garbled:?}"
        );
    }

    fn of_job(body: impl Into<reqwest::Body>, headers: &[(&str, &str)]) -> reqwest::Response {
        let mut response = http::Response::builder().status(200);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        response.body(body.into()).expect("a response").into()
    }

    #[tokio::test]
    async fn a_reply_about_a_job_is_a_status_or_an_answer_within_its_bound() {
        let status = protocol::JobStatus {
            id: Digest([3; 32]),
            state: protocol::JobState::Working,
            fraction: 0.5,
            figure: Some(-1.5),
            version: 2,
            has_answer: true,
            message: None,
        };
        let told = read_of_job(of_job(status.to_json(), &[]), 4_096).await;
        assert_eq!(told, Ok(JobReply::Status(status)));
        let so_far = read_of_job(of_job("[1]", &[(JOB_HEADER, "working")]), 3).await;
        let is_bare = |reply| matches!(reply, JobReply::Answer { receipt: None, .. });
        assert!(so_far.is_ok_and(is_bare));
        let large = read_of_job(of_job("[1,2]", &[(JOB_HEADER, "done")]), 4).await;
        assert!(matches!(large, Err(Fault::Unreadable(_))), "{large:?}");
        let neither = read_of_job(of_job("[1]", &[]), 4).await;
        assert!(matches!(neither, Err(Fault::Unreadable(_))), "{neither:?}");
        let garbled = [(JOB_HEADER, "done"), (RECEIPT_HEADER, "{}")];
        let garbled = read_of_job(of_job("[1]", &garbled), 4).await;
        assert!(
            matches!(garbled, Err(Fault::FalseReceipt(_))),
            "{garbled:?}"
        );
    }
}
