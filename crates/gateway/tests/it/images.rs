//! Pictures in, labels out.

use axum::body::Body;
use axum::http::Request;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::market::{Market, Reply, Setup, Trade, post};
use crate::villains::Character::{self, Dead, Honest, Mumbler};

const TASK: &str = "image-classification";
const PATH: &str = "/v1/images/classifications";

/// What honest miners of pictures answer: every label.
pub const ANSWER: &str = r#"[{"label":"star","score":0.75},{"label":"ring","score":0.25}]"#;

fn open(miners: &[Character]) -> Market {
    let miners = miners.iter().map(|own| (*own, None)).collect();
    let pictures = Trade {
        task: TASK,
        model: "stoa-shapes",
        miners,
    };
    Setup {
        others: vec![pictures],
        ..Setup::default()
    }
    .open()
}

/// A picture such as validators draw.
fn picture() -> Vec<u8> {
    vision::scene::draw(&mut StdRng::seed_from_u64(3)).file
}

fn raw(path: &str, kind: Option<&str>, body: impl Into<Body>) -> Request<Body> {
    let mut request = Request::post(path);
    if let Some(kind) = kind {
        request = request.header("content-type", kind);
    }
    request.body(body.into()).expect("a request")
}

async fn json_of(market: &Market, body: Value) -> Reply {
    market.ask(post(PATH, &body)).await
}

#[tokio::test]
async fn a_picture_is_classified_however_it_comes() {
    let market = open(&[Honest]);
    let base64 = STANDARD.encode(picture());
    let unpadded = base64.trim_end_matches('=').to_owned();
    let broken: Vec<&str> = base64
        .as_bytes()
        .chunks(76)
        .map(|line| std::str::from_utf8(line).expect("ASCII"))
        .collect();
    let whole: Value = serde_json::from_str(ANSWER).expect("JSON");
    for body in [
        json!({"image": base64}),
        json!({"image": unpadded}),
        json!({"image": broken.join("\r\n")}),
        json!({"image": format!("data:image/png;base64,{base64}")}),
        json!({"image": base64, "model": TASK}),
        json!({"image": base64, "model": "stoa-shapes", "top_k": null}),
        json!({"inputs": base64, "parameters": {"function_to_apply": "softmax", "top_k": 5}}),
    ] {
        let reply = json_of(&market, body.clone()).await;
        assert_eq!(reply.status, 200, "{body}");
        assert_eq!(reply.json(), whole);
    }
    for kind in [
        Some("image/png"),
        Some("Image/WebP"),
        Some("image/jpeg"),
        Some("application/octet-stream"),
        None,
    ] {
        let reply = market.ask(raw(PATH, kind, picture())).await;
        assert_eq!(reply.status, 200, "{kind:?}");
        assert_eq!(reply.json(), whole);
        assert_eq!(reply.header("x-stoa-netuid"), "2");
        assert!(reply.header("x-stoa-receipt").contains("signature"));
    }
}

/// Whoever asks for one label shall not be told from a validator, which always wants all of them.
#[tokio::test]
async fn miners_are_asked_for_every_label_and_the_customer_gets_those_it_wants() {
    let market = open(&[Honest]);
    let base64 = STANDARD.encode(picture());
    let one = json!([{"label": "star", "score": 0.75}]);
    let top = json_of(&market, json!({"image": base64, "top_k": 1})).await;
    assert_eq!(top.json(), one);
    let path = format!("{PATH}?top_k=1");
    let top = market.ask(raw(&path, Some("image/png"), picture())).await;
    assert_eq!(top.json(), one);
    let parameters = json!({"inputs": base64, "parameters": {"top_k": 1}});
    assert_eq!(json_of(&market, parameters).await.json(), one);
    let all = json_of(&market, json!({"image": base64, "top_k": 99})).await;
    assert_eq!(all.json().as_array().map(Vec::len), Some(2));
    let worked = market.villains.worked.lock().expect("not poisoned");
    assert_eq!(worked.len(), 4);
    assert!(worked.iter().all(|request| *request == worked[0]));
}

#[tokio::test]
async fn what_is_no_picture_is_refused_and_named() {
    let market = open(&[Honest]);
    let base64 = |bytes: &[u8]| json!({"image": STANDARD.encode(bytes)});
    let cases = [
        (json!({}), 400, "invalid_value", "image"),
        (json!({"image": 7}), 400, "invalid_value", "image"),
        (
            json!({"image": "not base64!"}),
            400,
            "invalid_value",
            "image",
        ),
        (
            json!({"image": "data:image/png,x"}),
            400,
            "invalid_value",
            "image",
        ),
        (base64(b""), 400, "invalid_image", "image"),
        (
            base64(b"To be, or not to be"),
            400,
            "invalid_image",
            "image",
        ),
        (base64(&picture()[..20]), 400, "invalid_image", "image"),
        (
            json!({"image": "data:image/gif;base64,R0lGODlh"}),
            415,
            "unsupported_media_type",
            "image",
        ),
        (base64(&bomb()), 413, "image_too_large", "image"),
        (base64(&[0; 4_194_305]), 413, "image_too_large", "image"),
    ];
    for (body, status, code, param) in cases {
        let reply = json_of(&market, body).await;
        assert_eq!(reply.refusal(), (status, code.into()));
        assert_eq!(reply.json()["error"]["param"], param);
    }
    let picture = STANDARD.encode(picture());
    let wishes = [
        (json!({"top_k": 0}), 400, "top_k"),
        (json!({"top_k": "three"}), 400, "top_k"),
        (json!({"model": 1}), 400, "model"),
        (json!({"model": "resnet"}), 404, "model"),
        (
            json!({"parameters": {"function_to_apply": "sigmoid"}}),
            400,
            "parameters.function_to_apply",
        ),
    ];
    for (mut body, status, param) in wishes {
        body["image"] = json!(picture);
        let reply = json_of(&market, body).await;
        assert_eq!(
            (reply.refusal().0, &reply.json()["error"]["param"]),
            (status, &json!(param))
        );
    }
    assert_eq!(market.villains.asked(&market.pairs[0]), 0);
}

#[tokio::test]
async fn raw_bodies_of_another_type_or_size_are_refused() {
    let market = open(&[Honest]);
    let gif = market.ask(raw(PATH, Some("image/gif"), "GIF89a")).await;
    assert_eq!(gif.refusal(), (415, "unsupported_media_type".into()));
    let form = "application/x-www-form-urlencoded";
    let form = market.ask(raw(PATH, Some(form), picture())).await;
    assert_eq!(form.refusal(), (415, "unsupported_media_type".into()));
    let torn = market.ask(raw(PATH, Some("application/json"), "{\"image\":"));
    assert_eq!(torn.await.refusal(), (400, "invalid_json".into()));
    let bomb = market.ask(raw(PATH, Some("image/png"), bomb())).await;
    assert_eq!(bomb.refusal(), (413, "image_too_large".into()));
    let large = market.ask(raw(PATH, None, vec![0; 8 << 20])).await;
    assert_eq!(large.refusal(), (413, "image_too_large".into()));
    let top_k = format!("{PATH}?top_k=-1");
    let top_k = market.ask(raw(&top_k, None, picture())).await;
    assert_eq!(top_k.json()["error"]["param"], "top_k");
    assert_eq!(market.villains.asked(&market.pairs[0]), 0);
}

#[tokio::test]
async fn another_miner_looks_when_one_fails() {
    let market = open(&[Dead, Mumbler, Honest]);
    let reply = market.ask(raw(PATH, Some("image/png"), picture())).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("x-stoa-uid"), "2");
}

/// A PNG of a few bytes that says it is 60000 pixels a side.
fn bomb() -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    let side = 60_000u32.to_be_bytes();
    png.extend_from_slice(&side);
    png.extend_from_slice(&side);
    png.extend_from_slice(&[8, 0, 0, 0, 0]);
    let sum = checksum(&png[12..]);
    png.extend_from_slice(&sum.to_be_bytes());
    let data = b"IDAT";
    png.extend_from_slice(&0u32.to_be_bytes());
    png.extend_from_slice(data);
    png.extend_from_slice(&checksum(data).to_be_bytes());
    png
}

/// The CRC-32 of PNG's chunks.
fn checksum(bytes: &[u8]) -> u32 {
    let turn = |mut sum: u32, byte: &u8| {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            let is_odd = sum & 1 == 1;
            sum >>= 1;
            if is_odd {
                sum ^= 0xedb8_8320;
            }
        }
        sum
    };
    !bytes.iter().fold(u32::MAX, turn)
}
