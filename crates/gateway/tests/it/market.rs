//! The fixture: a gateway in front of the miners a test names, and a customer.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use gateway::directory::{Listed, Miner, Model};
use gateway::jobs::{Bounds, Jobs, Rhythm, Setting};
use gateway::limits::Gates;
use gateway::market::{Market as Inner, Shared};
use gateway::metrics::Metrics;
use gateway::signer::Signer;
use gateway::subnets::{Subnet, Subnets};
use gateway::{Gateway, Patience, router};
use keys::Pair;
use primitives::{NetUid, Uid};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::villains::{Character, Villains};
use crate::yard::TEMPO;

/// Carriers in a hurry.
pub const RHYTHM: Rhythm = Rhythm {
    nobody: Duration::from_millis(500),
    full: Duration::from_secs(600),
    pause_min: Duration::from_millis(20),
    pause_max: Duration::from_millis(80),
    line: Duration::from_secs(10),
    quiet: Duration::from_secs(30),
    quiet_part: 6,
    unreached: Duration::from_millis(100),
    saving: Duration::from_millis(10),
    tempo: TEMPO,
};

/// Where a customer comes from of whom a test says nothing else: the gateway's own machine.
const HOME: ConnectInfo<SocketAddr> =
    ConnectInfo(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 50_000));

pub const MODEL: &str = "shakespeare";
pub const TEXT: &str = "text-generation";
pub const TOUR: &str = "tour";

/// A gateway with its miners; the methods are a customer's.
pub struct Market {
    pub villains: Arc<Villains>,
    pub pairs: Vec<Pair>,
    router: Router,
    house: House,
}

/// What a gateway is made of, so that another can be made in its place.
struct House {
    subnets: Subnets,
    gates: Arc<Gates>,
    folder: Option<PathBuf>,
    bounds: Bounds,
    rhythm: Rhythm,
    shutdown: CancellationToken,
}

/// A subnet with its miners.
pub struct Trade {
    pub task: &'static str,
    pub model: &'static str,
    pub miners: Vec<(Character, Option<f64>)>,
}

/// What differs from test to test.
pub struct Setup {
    /// Of the first subnet, which is of text.
    pub miners: Vec<(Character, Option<f64>)>,
    /// The subnets after it.
    pub others: Vec<Trade>,
    /// Further subnets, which are not served.
    pub idle: Vec<Subnet>,
    pub keys: Vec<String>,
    pub per_minute: Option<u32>,
    pub at_once: usize,
    pub patience: Patience,
    /// Where jobs are kept.
    pub folder: Option<PathBuf>,
    pub bounds: Bounds,
    pub rhythm: Rhythm,
}

impl Default for Setup {
    fn default() -> Self {
        let patience = Patience {
            first_token: Duration::from_millis(100),
            between: Duration::from_millis(100),
            ..Patience::default()
        };
        Self {
            miners: vec![],
            others: vec![],
            idle: vec![],
            keys: vec![],
            per_minute: None,
            at_once: 8,
            patience,
            folder: None,
            bounds: Bounds::default(),
            rhythm: RHYTHM,
        }
    }
}

/// An answer of the gateway, read to its end.
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// A market of these characters, nobody judged yet.
pub fn market(miners: &[Character]) -> Market {
    let miners = miners.iter().map(|character| (*character, None)).collect();
    Setup {
        miners,
        ..Setup::default()
    }
    .open()
}

/// A market of these characters with these standings.
pub fn judged(miners: &[(Character, f64)]) -> Market {
    let miners = miners
        .iter()
        .map(|(character, standing)| (*character, Some(*standing)))
        .collect();
    Setup {
        miners,
        ..Setup::default()
    }
    .open()
}

/// A market of text and one of tours, with these miners each.
pub fn two_markets(text: &[Character], tour: &[Character]) -> Market {
    let unjudged = |miners: &[Character]| miners.iter().map(|own| (*own, None)).collect();
    let patience = Patience {
        first_token: Duration::from_millis(100),
        between: Duration::from_millis(100),
        whole: Duration::from_millis(300),
        ..Patience::default()
    };
    let tour = Trade {
        task: TOUR,
        model: TOUR,
        miners: unjudged(tour),
    };
    Setup {
        miners: unjudged(text),
        others: vec![tour],
        patience,
        ..Setup::default()
    }
    .open()
}

impl Setup {
    pub fn open(self) -> Market {
        let villains = Arc::new(Villains::default());
        let metrics = Arc::new(Metrics::default());
        let shared = Shared {
            transport: villains.clone(),
            patience: self.patience,
            metrics: metrics.clone(),
        };
        let text = Trade {
            task: TEXT,
            model: MODEL,
            miners: self.miners,
        };
        let mut pairs = Vec::new();
        let mut subnets = self.idle;
        for (at, trade) in [text].into_iter().chain(self.others).enumerate() {
            let netuid = NetUid(at as u16 + 1);
            let market = trade.open(netuid, &shared, &villains, &mut pairs);
            subnets.push(Subnet::open(market));
        }
        let house = House {
            subnets: Subnets::new(subnets),
            gates: Arc::new(Gates::new(self.keys, self.per_minute, self.at_once)),
            folder: self.folder,
            bounds: self.bounds,
            rhythm: self.rhythm,
            shutdown: CancellationToken::new(),
        };
        Market {
            villains,
            pairs,
            router: house.open(metrics),
            house,
        }
    }
}

impl House {
    fn open(&self, metrics: Arc<Metrics>) -> Router {
        let jobs = Jobs::open(Setting {
            folder: self.folder.clone(),
            bounds: self.bounds,
            rhythm: self.rhythm,
            subnets: self.subnets.clone(),
            metrics: metrics.clone(),
            shutdown: self.shutdown.clone(),
        });
        router(Gateway {
            subnets: self.subnets.clone(),
            jobs: jobs.expect("a folder"),
            gates: self.gates.clone(),
            metrics,
            body_bytes_max: 64 * 1024,
            since: 1_767_225_600,
        })
    }
}

impl Trade {
    fn open(
        self,
        netuid: NetUid,
        shared: &Shared,
        villains: &Villains,
        pairs: &mut Vec<Pair>,
    ) -> Inner {
        let mut listed = Vec::new();
        for (uid, (character, standing)) in self.miners.into_iter().enumerate() {
            let pair = Pair::from_seed([pairs.len() as u8 + 1; 32]);
            villains.set(&pair, character);
            let miner = Miner {
                uid: Uid(uid as u16),
                hotkey: pair.account(),
                address: ([127, 0, 0, 1], 9100 + pairs.len() as u16).into(),
            };
            let models = vec![Model {
                id: self.model.into(),
                context_length: (self.task == TEXT).then_some(256),
                task: None,
            }];
            listed.push(Listed {
                miner,
                standing,
                models,
            });
            pairs.push(pair);
        }
        let signer = Pair::from_uri("//Validator").expect("a development key");
        let signer = Signer::new(vec![signer], netuid).expect("a key");
        let kind = crate::walk::kind(self.task);
        let market = Inner::new(kind, signer, shared.clone());
        market.directory.replace(listed);
        market
    }
}

impl Market {
    /// Stops the gateway, and starts another in its place with the same keys and the same folder.
    pub fn restart(&mut self) {
        self.house.shutdown.cancel();
        self.house.shutdown = CancellationToken::new();
        self.router = self.house.open(Arc::default());
    }

    /// Sends a request and returns the response with its body unread.
    pub async fn send(&self, mut request: Request<Body>) -> axum::response::Response {
        let extensions = request.extensions_mut();
        extensions.get_or_insert_with(|| HOME);
        self.router
            .clone()
            .oneshot(request)
            .await
            .expect("the router never fails")
    }

    /// Sends a request and reads the whole response.
    pub async fn ask(&self, request: Request<Body>) -> Reply {
        let response = self.send(request).await;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = to_bytes(response.into_body(), 1 << 20)
            .await
            .expect("a body")
            .to_vec();
        Reply {
            status,
            headers,
            body,
        }
    }

    pub async fn get(&self, path: &str) -> Reply {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        self.ask(request).await
    }

    pub async fn chat(&self, extra: Value) -> Reply {
        self.ask(post("/v1/chat/completions", &chat_body(extra)))
            .await
    }

    pub async fn complete(&self, extra: Value) -> Reply {
        let body = merged(json!({"model": MODEL, "prompt": "Whether"}), extra);
        self.ask(post("/v1/completions", &body)).await
    }
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("ASCII"))
    }

    /// Status and code of an error in OpenAI's envelope.
    pub fn refusal(&self) -> (u16, String) {
        let body = self.json();
        let error = body["error"].as_object().expect("OpenAI's envelope");
        assert!(error["message"].is_string() && error["type"].is_string());
        assert!(error.contains_key("param"));
        (
            self.status.as_u16(),
            error["code"].as_str().expect("a code").into(),
        )
    }

    /// The data of a stream's events; the last is not JSON but `[DONE]`, or an error.
    pub fn events(&self) -> Vec<String> {
        let text = std::str::from_utf8(&self.body).expect("UTF-8");
        let data = |event: &str| event.strip_prefix("data: ").expect("data").to_string();
        text.split_terminator("\n\n").map(data).collect()
    }

    /// The text of a streamed chat.
    pub fn streamed_text(&self) -> String {
        let events = self.events();
        let chunks = events
            .iter()
            .filter_map(|data| serde_json::from_str::<Value>(data).ok());
        chunks
            .filter_map(|chunk| {
                Some(
                    chunk["choices"][0]["delta"]["content"]
                        .as_str()?
                        .to_string(),
                )
            })
            .collect()
    }
}

pub fn chat_body(extra: Value) -> Value {
    let messages = json!([{"role": "user", "content": "Whether 'tis nobler"}]);
    merged(json!({"model": MODEL, "messages": messages}), extra)
}

pub fn post(path: &str, body: &Value) -> Request<Body> {
    Request::builder()
        .method(Method::POST)
        .uri(path)
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .expect("a request")
}

fn merged(mut body: Value, extra: Value) -> Value {
    let fields = body.as_object_mut().expect("an object");
    fields.extend(extra.as_object().expect("an object").clone());
    body
}
