//! Work that is answered at once: the receipt, the bounds, and workers that misbehave.

use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::StatusCode;
use miner::{Miner, Permits, Trade, router};
use primitives::NetUid;
use protocol::{Code, Route};
use tasks::{Complaint, Limits, Setup, WorkError, Worker};

use crate::market::{Letter, NOW_MS, done, honest, pair, refused, send, terms, tour, working};

const TOUR: &[u8] = br#"{"points":[[0,0],[300,400],[0,400],[300,0]]}"#;

/// Does what it is told: the request is the order.
struct Obedient;

impl Worker for Obedient {
    fn work(&self, body: &[u8]) -> Result<Vec<u8>, WorkError> {
        match body {
            b"panic" => panic!("as ordered"),
            b"fail" => Err(WorkError::Failed("the secret reason".into())),
            b"complain" => Err(Complaint::of("points", "has too few").into()),
            b"ramble" => Ok(vec![b'x'; Limits::SMALL.answer_bytes + 1]),
            _ => Ok(body.to_vec()),
        }
    }
}

/// Works until it is let go.
struct Stubborn(Mutex<mpsc::Receiver<()>>);

impl Worker for Stubborn {
    fn work(&self, _: &[u8]) -> Result<Vec<u8>, WorkError> {
        let _ = self.0.lock().expect("no worker panicked").recv();
        Ok(b"{}".to_vec())
    }
}

#[tokio::test]
async fn work_is_done_and_the_receipt_proves_it() {
    let miner = working(Obedient, Limits::SMALL, 4);
    let (receipt, body) = done(&miner, Letter::work(TOUR, 1)).await;
    assert_eq!(body, TOUR);
    assert!(receipt.receipt.queue_ms <= receipt.receipt.total_ms);
}

/// The whole of a task's service, as `stoa miner` opens it.
#[tokio::test]
async fn a_task_of_the_list_is_served() {
    let kind = tasks::find(&tour()).expect("the list has it");
    let service = kind.service(&Setup::default()).expect("it needs nothing");
    let permits = Permits::default();
    permits.replace([pair("//Alice").account()].into());
    let clock = Arc::new(|| NOW_MS);
    let trade = Trade::new(kind, service);
    let miner = Miner::new(pair("//Bob"), NetUid(1), trade, permits, 4, clock);
    let (_, body) = done(&router(Arc::new(miner)), Letter::work(TOUR, 1)).await;
    assert!(kind.check_answer(&body).is_ok());
}

#[tokio::test]
async fn the_task_meant_has_to_be_the_task_served() {
    let miner = working(Obedient, Limits::SMALL, 4);
    let code = async |letter: Letter| refused(&miner, letter.request()).await.code;
    let unnamed = Letter {
        task: None,
        ..Letter::work(TOUR, 1)
    };
    assert_eq!(code(unnamed).await, Code::UnknownTask);
    for other in ["tour/2", "text-generation/1", "tour", ""] {
        let letter = Letter {
            task: Some(other.into()),
            ..Letter::work(TOUR, 2)
        };
        assert_eq!(code(letter).await, Code::UnknownTask, "{other}");
    }
    let alice = pair("//Alice");
    let question = Letter::from_parts(&alice, Route::Chat, terms(3), b"{}".to_vec());
    assert_eq!(code(question).await, Code::UnknownTask);
}

#[tokio::test]
async fn an_envelope_of_work_is_checked_like_any_other() {
    let miner = working(Obedient, Limits::SMALL, 4);
    let code = async |letter: Letter| refused(&miner, letter.request()).await.code;
    let letter = Letter::work(TOUR, 1);
    done(&miner, letter.clone()).await;
    assert_eq!(code(letter.clone()).await, Code::Replayed);
    let bent = Letter {
        body: b"{}".to_vec(),
        ..Letter::work(TOUR, 2)
    };
    assert_eq!(code(bent).await, Code::BadSignature);
    let stranger = Letter {
        task: letter.task,
        ..Letter::from_parts(&pair("//Mallory"), Route::Work, terms(3), TOUR.to_vec())
    };
    assert_eq!(code(stranger).await, Code::NotPermitted);
    let most = Limits::SMALL.request_bytes;
    assert_eq!(
        code(Letter::work(&vec![b' '; most + 1], 4)).await,
        Code::TooLarge
    );
    done(&miner, Letter::work(&vec![b' '; most], 5)).await;
}

/// Whatever a worker does, its asker is told something and the next one is served.
#[tokio::test]
async fn a_worker_that_misbehaves_costs_nobody_else_anything() {
    let miner = working(Obedient, Limits::SMALL, 1);
    let refusal = async |order: &[u8], nonce| {
        let refusal = refused(&miner, Letter::work(order, nonce).request()).await;
        done(&miner, Letter::work(TOUR, nonce + 100)).await;
        refusal
    };
    for (nonce, order) in [&b"panic"[..], b"fail", b"ramble"].into_iter().enumerate() {
        let refusal = refusal(order, nonce as u8).await;
        assert_eq!(refusal.code, Code::Failed);
        assert!(!refusal.message.contains("secret"), "{refusal}");
    }
    let complaint = refusal(b"complain", 9).await;
    assert_eq!(complaint.code, Code::BadRequest);
    assert_eq!(complaint.param.as_deref(), Some("points"));
    assert!(complaint.message.contains("too few"), "{complaint}");
}

/// A worker that goes on regardless keeps its place, so that late work cannot pile up.
#[tokio::test]
async fn work_that_takes_too_long_is_refused_and_keeps_its_place_until_it_ends() {
    let limits = Limits {
        patience: Duration::from_millis(50),
        ..Limits::SMALL
    };
    let (let_go, held) = mpsc::channel();
    let miner = working(Stubborn(Mutex::new(held)), limits, 1);
    let late = refused(&miner, Letter::work(TOUR, 1).request()).await;
    assert_eq!(late.code, Code::Failed);
    assert!(late.message.contains("0.05 s"), "{late}");
    let full = refused(&miner, Letter::work(TOUR, 2).request()).await;
    assert_eq!(full.code, Code::Busy);

    drop(let_go);
    let served = async {
        for nonce in 3.. {
            let (status, _, _) = send(&miner, Letter::work(TOUR, nonce).request()).await;
            if status == StatusCode::OK {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(5), served).await;
    assert!(waited.is_ok(), "the place is free again");
}

#[tokio::test]
async fn an_asker_who_leaves_is_counted() {
    let (let_go, held) = mpsc::channel();
    let miner = working(Stubborn(Mutex::new(held)), Limits::SMALL, 1);
    let asking = send(&miner, Letter::work(TOUR, 1).request());
    let left = tokio::time::timeout(Duration::from_millis(20), asking).await;
    assert!(left.is_err(), "nobody has let the worker go");
    let request = axum::http::Request::get("/metrics").body(axum::body::Body::empty());
    let (_, _, body) = send(&miner, request.expect("a request")).await;
    let metrics = String::from_utf8(body).expect("text");
    assert!(metrics.contains("outcome=\"abandoned\"} 1"), "{metrics}");
    drop(let_go);
}

#[tokio::test]
async fn pages_of_work_name_the_task() {
    let miner = working(Obedient, Limits::SMALL, 4);
    done(&miner, Letter::work(TOUR, 1)).await;
    let page = async |path: &str| {
        let request = axum::http::Request::get(path).body(axum::body::Body::empty());
        let (status, _, body) = send(&miner, request.expect("a request")).await;
        assert!(status.is_success(), "{path}");
        String::from_utf8(body).expect("text")
    };
    let models: serde_json::Value = serde_json::from_str(&page("/v1/models").await).expect("JSON");
    let model = &models["data"][0];
    assert_eq!(
        (&model["id"], &model["task"]),
        (&"tour".into(), &"tour/1".into())
    );
    let health: serde_json::Value = serde_json::from_str(&page("/health").await).expect("JSON");
    assert_eq!(health["task"], "tour/1");
    let metrics = page("/metrics").await;
    let answered = "stoa_miner_requests_total{task=\"tour/1\",outcome=\"answered\"} 1";
    assert!(metrics.contains(answered), "{metrics}");
    assert!(!metrics.contains("tokens"), "{metrics}");
    let text = honest(1);
    let request = axum::http::Request::get("/metrics").body(axum::body::Body::empty());
    let (_, _, body) = send(&text, request.expect("a request")).await;
    assert!(
        String::from_utf8(body)
            .expect("text")
            .contains("completion_tokens")
    );
}
