//! Watching a job at a gateway that says what a test wants it to say.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// What comes of a request.
enum Reply {
    /// This, and the end of the connection.
    Text(String),
    /// The end of the connection.
    Nothing,
    /// Silence.
    Hang,
}

fn reply(status: &str, body: &str) -> Reply {
    Reply::Text(format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nretry-after: 7\r\nconnection: close\r\n\r\n{body}",
        body.len()
    ))
}

fn ok(body: &Value) -> Reply {
    reply("200 OK", &body.to_string())
}

/// A gateway with a conversation of a test's own, and what it was asked.
struct Stage {
    gateway: Gateway,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Stage {
    async fn new(answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        // As `main` does; a second choice of the same provider changes nothing.
        let provider = rustls::crypto::ring::default_provider();
        provider.install_default().ok();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (noted, answer) = (asked.clone(), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, noted.clone(), answer.clone()));
            }
        });
        let gateway = Gateway { url, api_key: None };
        Self { gateway, asked }
    }

    fn job(&self, patience: Duration) -> Job<'_> {
        Job {
            gateway: &self.gateway,
            http: Gateway::client(SILENCE).expect("a client"),
            kind: "folds",
            id: "fold_1".into(),
            patience,
        }
    }

    async fn watch(&self, patience: Duration, stopping: &CancellationToken) -> Result<Value> {
        let mut meter = Meter::new();
        self.job(patience).watch(&mut meter, stopping).await
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no panic").clone()
    }
}

async fn converse(
    mut stream: TcpStream,
    asked: Arc<Mutex<Vec<String>>>,
    answer: Arc<impl Fn(&str) -> Reply>,
) {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let line = head.split(" HTTP").next().unwrap_or_default().to_owned();
    asked.lock().expect("no panic").push(line.clone());
    match answer(&line) {
        Reply::Text(text) => stream.write_all(text.as_bytes()).await.unwrap_or_default(),
        Reply::Nothing => {}
        Reply::Hang => std::future::pending().await,
    }
}

fn event(job: &Value) -> String {
    format!("event: progress\ndata: {job}\n\n")
}

#[tokio::test]
async fn a_refusal_ends_the_watch_at_once_and_says_what_to_do() {
    for (status, what_to_do) in [
        ("401 Unauthorized", "--api-key"),
        ("404 Not Found", "deleted or have expired"),
        ("429 Too Many Requests", "try again in 7 s"),
        ("503 Service Unavailable", "is there and cannot serve you"),
    ] {
        let refused = move |_: &str| reply(status, r#"{"error": {"message": "not now"}}"#);
        let stage = Stage::new(refused).await;
        let ended = stage.watch(PATIENCE, &CancellationToken::new()).await;
        let words = format!("{:#}", ended.expect_err("it was refused"));
        assert!(words.contains(what_to_do), "{words}");
        assert!(words.contains("lost sight of http://"), "{words}");
        assert!(words.contains(&format!("{status}: not now")), "{words}");
        assert_eq!(stage.asked(), ["GET /v1/folds/fold_1/events"]);
    }
}

/// Events that break off, a connection that is closed, and then the end.
#[tokio::test]
async fn a_gateway_that_is_away_for_a_moment_is_waited_for() {
    let tries = AtomicUsize::new(0);
    let done = json!({"id": "fold_1", "status": "done", "fraction": 1.0, "has_result": true});
    let last = done.clone();
    let stage = Stage::new(move |_| match tries.fetch_add(1, Ordering::Relaxed) {
        0 => {
            let event = event(&json!({"status": "working", "fraction": 0.5, "energy": -1.0}));
            Reply::Text(format!(
                "HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n{event}"
            ))
        }
        1 => Reply::Nothing,
        2 => ok(&json!({"status": "working", "fraction": 0.6})),
        3 => reply("200 OK", &event(&last)),
        _ => ok(&last),
    })
    .await;
    let seen = stage.watch(PATIENCE, &CancellationToken::new()).await;
    assert_eq!(seen.expect("it ended well"), done);
    let (events, job) = ("GET /v1/folds/fold_1/events", "GET /v1/folds/fold_1");
    assert_eq!(stage.asked(), [events, job, job, events, job]);
}

#[tokio::test]
async fn a_gateway_that_stays_away_is_given_up() {
    let stage = Stage::new(|_| Reply::Nothing).await;
    let seen = stage.watch(PAUSE, &CancellationToken::new()).await;
    let words = format!("{:#}", seen.expect_err("nobody answers"));
    assert!(
        words.contains("is away") && words.contains("hint:"),
        "{words}"
    );
    // The events, and then the job itself: at once, and after each pause until the patience is over.
    let tries = stage.asked().len();
    assert!((3..=4).contains(&tries), "{:?}", stage.asked());
}

#[tokio::test]
async fn whoever_wants_no_more_has_the_job_cancelled() {
    let cancelled = json!({"id": "fold_1", "status": "cancelled", "has_result": true});
    let answer = cancelled.clone();
    let stage = Stage::new(move |asked| match asked.ends_with("/cancel") {
        true => ok(&answer),
        false => Reply::Hang,
    })
    .await;
    let stopping = CancellationToken::new();
    stopping.cancel();
    let seen = stage.watch(PATIENCE, &stopping).await;
    assert_eq!(seen.expect("what the gateway says last"), cancelled);
    let asked = stage.asked();
    assert_eq!(
        asked.last().map(String::as_str),
        Some("POST /v1/folds/fold_1/cancel")
    );
}

#[tokio::test]
async fn a_file_without_end_is_not_read_to_it() {
    let stage = Stage::new(|_| reply("200 OK", &"x".repeat(ANSWER_BYTES_MAX + 1))).await;
    let file = stage.job(PATIENCE).file("structure.cif").await;
    let words = format!("{:#}", file.expect_err("it is too long"));
    assert!(
        words.contains("structure.cif") && words.contains("more than"),
        "{words}"
    );
}

#[test]
fn a_job_says_when_it_has_ended_and_whether_it_moved() {
    let job = json!({"status": "working", "moves": 2});
    assert!(!has_ended(&job));
    assert_eq!(moved(&job), " · moved 2 times");
    let job = json!({"status": "cancelled", "moves": 0});
    assert!(has_ended(&job));
    assert_eq!(moved(&job), "");
}

#[test]
fn a_name_that_is_no_plain_word_is_none() {
    assert!(is_name("fold_00ff") && is_name("job-1"));
    for name in ["", "../folds", "a b", "\u{1b}[2J", &"x".repeat(101)] {
        assert!(!is_name(name), "{name:?}");
    }
}
