//! One miner (Bob) on subnet 1, one permitted asker (Alice), and ways to put questions and work to him.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use inference::local::Limits;
use inference::model::{Model, Source};
use inference::{Engine, LocalEngine};
use keys::Pair;
use miner::{Miner, Permits, Trade, router};
use primitives::{NetUid, TaskId};
use protocol::{
    Answer, Ask, Digest, Envelope, Message, Nonce, Part, Prompt, Refusal, Role, Route,
    SignedWorkReceipt, TASK_HEADER, Terms,
};
use tasks::{Limits as TaskLimits, Service, Worker};
use tower::ServiceExt;

pub const NOW_MS: u64 = 1_767_225_600_000;
pub const MODEL: &str = "shakespeare";

/// Loaded once for all tests of the process.
static SHIPPED: LazyLock<Arc<Model>> = LazyLock::new(|| {
    Arc::new(Model::open(&Source::Shipped).expect("the model inside the program"))
});

pub fn model() -> Arc<Model> {
    SHIPPED.clone()
}

pub fn pair(uri: &str) -> Pair {
    Pair::from_uri(uri).expect("a development key")
}

/// An honest miner with this many places.
pub fn honest(answers_max: usize) -> Router {
    let engine = LocalEngine::start(MODEL.into(), model(), Limits::default()).expect("a worker");
    serving(Arc::new(engine), answers_max)
}

/// A miner of text behind which this engine is.
pub fn serving(engine: Arc<dyn Engine>, answers_max: usize) -> Router {
    let trade = Trade {
        task: TaskId::new("text-generation", 1).expect("a task"),
        limits: TaskLimits::SMALL,
        service: Service::Stream(engine),
    };
    trading(trade, answers_max)
}

/// The task whose work these tests put to workers that answer at once.
pub fn tour() -> TaskId {
    TaskId::new("tour", 1).expect("a task")
}

/// A miner of tours behind which this worker is.
pub fn working(worker: impl Worker + 'static, limits: TaskLimits, answers_max: usize) -> Router {
    let trade = Trade {
        task: tour(),
        limits,
        service: Service::Once(Arc::new(worker)),
    };
    trading(trade, answers_max)
}

/// A miner of any trade.
pub fn trading(trade: Trade, answers_max: usize) -> Router {
    let permits = Permits::default();
    permits.replace(HashSet::from([pair("//Alice").account()]));
    let clock = Arc::new(|| NOW_MS);
    let miner = Miner::new(pair("//Bob"), NetUid(1), trade, permits, answers_max, clock);
    router(Arc::new(miner))
}

pub fn ask(max_tokens: u32) -> Ask {
    let message = Message {
        role: Role::User,
        content: "What news of the king?".into(),
    };
    Ask {
        model: MODEL.into(),
        prompt: Prompt::Chat(vec![message]),
        max_tokens,
        temperature: 0.8,
        top_p: 1.0,
        top_k: 0,
        seed: 11,
        stop: vec![],
        top_logprobs: None,
    }
}

pub fn terms(nonce: u8) -> Terms {
    Terms {
        audience: pair("//Bob").account(),
        netuid: NetUid(1),
        nonce: Nonce([nonce; 16]),
        expires_ms: NOW_MS + 30_000,
    }
}

/// A request as it travels, which a test may bend before it is sent.
#[derive(Clone)]
pub struct Letter {
    pub route: Route,
    pub envelope: Envelope,
    pub body: Vec<u8>,
    /// The task named in the header, if any.
    pub task: Option<String>,
}

impl Letter {
    pub fn new(ask: &Ask, nonce: u8) -> Self {
        Self::from_parts(&pair("//Alice"), ask.route(), terms(nonce), ask.to_body())
    }

    pub fn from_parts(signer: &Pair, route: Route, terms: Terms, body: Vec<u8>) -> Self {
        Self {
            route,
            envelope: Envelope::seal(signer, terms, route, &body),
            body,
            task: None,
        }
    }

    /// A request for a tour, from Alice.
    pub fn work(body: &[u8], nonce: u8) -> Self {
        let letter = Self::from_parts(&pair("//Alice"), Route::Work, terms(nonce), body.to_vec());
        Self {
            task: Some(tour().to_string()),
            ..letter
        }
    }

    pub fn request_hash(&self) -> Digest {
        self.envelope.request_hash(self.route, &self.body)
    }

    pub fn request(self) -> Request<Body> {
        let mut request = Request::post(self.route.path());
        for (name, value) in self.envelope.headers() {
            request = request.header(name, value);
        }
        if let Some(task) = self.task {
            request = request.header(TASK_HEADER, task);
        }
        request.body(Body::from(self.body)).expect("a request")
    }
}

/// Sends a request and reads everything that comes back.
pub async fn send(miner: &Router, request: Request<Body>) -> (StatusCode, HeaderMap, Vec<u8>) {
    let response = miner
        .clone()
        .oneshot(request)
        .await
        .expect("routes always answer");
    let (head, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("the whole body");
    (head.status, head.headers, body.to_vec())
}

pub async fn refused(miner: &Router, request: Request<Body>) -> Refusal {
    let (status, _, body) = send(miner, request).await;
    let refusal = Refusal::from_json(&body).expect("a refusal");
    assert_eq!(status.as_u16(), refusal.code.status());
    refusal
}

/// Sends a letter that is answered.
pub async fn answered(miner: &Router, letter: Letter) -> Answer {
    let (status, headers, body) = send(miner, letter.request()).await;
    assert_eq!(status, StatusCode::OK, "{}", String::from_utf8_lossy(&body));
    assert_eq!(headers["content-type"], "text/event-stream");
    read(&body).expect("an answer in the protocol's form")
}

/// Sends work that is done, and returns the answer once its receipt is checked.
pub async fn done(miner: &Router, letter: Letter) -> (SignedWorkReceipt, Vec<u8>) {
    let request_hash = letter.request_hash();
    let (status, headers, body) = send(miner, letter.request()).await;
    assert_eq!(status, StatusCode::OK, "{}", String::from_utf8_lossy(&body));
    assert_eq!(headers["content-type"], "application/json");
    let receipt = headers[protocol::RECEIPT_HEADER].as_bytes();
    let receipt = SignedWorkReceipt::from_header(receipt).expect("a receipt");
    let bob = pair("//Bob").account();
    assert_eq!(receipt.check(bob, &tour(), request_hash, &body), Ok(()));
    (receipt, body)
}

/// What a reader of server-sent events makes of the bytes.
pub fn read(wire: &[u8]) -> Result<Answer, protocol::AnswerError> {
    let mut answer = Answer::default();
    for block in std::str::from_utf8(wire)
        .expect("UTF-8")
        .split_terminator("\n\n")
    {
        let field = |name: &str| {
            block
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .unwrap_or("")
        };
        answer.take(Part::read(field("event: "), field("data: "))?)?;
    }
    Ok(answer)
}
