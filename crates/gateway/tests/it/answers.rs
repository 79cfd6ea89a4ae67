//! What a customer gets when all goes well.

use serde_json::{Value, json};

use crate::market::{MODEL, market};
use crate::villains::{ANSWER, Character::Honest};

fn chunks(events: &[String]) -> Vec<Value> {
    let (done, chunks) = events.split_last().expect("events");
    assert_eq!(done, "[DONE]");
    chunks
        .iter()
        .map(|data| serde_json::from_str(data).expect("JSON"))
        .collect()
}

#[tokio::test]
async fn a_chat_is_answered_with_counts_and_proof() {
    let market = market(&[Honest]);
    let reply = market.chat(json!({"seed": 7})).await;
    assert_eq!(reply.status, 200);
    let body = reply.json();
    assert_eq!(body["object"], "chat.completion");
    assert_eq!(body["model"], MODEL);
    let message = json!({"role": "assistant", "content": ANSWER.concat(), "refusal": null});
    let choice = json!({"index": 0, "message": message, "logprobs": null, "finish_reason": "stop"});
    assert_eq!(body["choices"], json!([choice]));
    let usage = json!({"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8});
    assert_eq!(body["usage"], usage);
    let miner = market.pairs[0].account().to_string();
    assert_eq!(body["stoa"]["miner"], miner);
    assert_eq!(body["stoa"]["receipt"]["seed"], 7);
    assert_eq!(reply.header("x-stoa-miner"), miner);
    assert_eq!(reply.header("x-stoa-tries"), "1");
    assert_eq!(
        reply.header("x-stoa-request"),
        body["stoa"]["receipt"]["request_hash"]
    );
}

#[tokio::test]
async fn a_text_is_continued() {
    let body = market(&[Honest])
        .complete(json!({"logprobs": 0}))
        .await
        .json();
    assert_eq!(body["object"], "text_completion");
    assert_eq!(body["choices"][0]["text"], ANSWER.concat());
    assert_eq!(body["choices"][0]["logprobs"]["tokens"], json!(ANSWER));
    assert_eq!(
        body["choices"][0]["logprobs"]["text_offset"],
        json!([0, 5, 13])
    );
}

#[tokio::test]
async fn a_stream_tells_role_pieces_end_and_proof_in_this_order() {
    let reply = market(&[Honest]).chat(json!({"stream": true})).await;
    assert_eq!(
        reply.header("content-type"),
        "text/event-stream; charset=utf-8"
    );
    let chunks = chunks(&reply.events());
    assert_eq!(chunks.len(), 1 + ANSWER.len() + 1);
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(reply.streamed_text(), ANSWER.concat());
    let last = &chunks[chunks.len() - 1];
    assert_eq!(last["choices"][0]["finish_reason"], "stop");
    assert_eq!(last["stoa"]["receipt"]["completion_tokens"], 3);
    for chunk in &chunks {
        assert_eq!(chunk["id"], chunks[0]["id"]);
        assert_eq!(chunk["object"], "chat.completion.chunk");
        assert!(chunk.get("usage").is_none(), "counts were not asked for");
    }
}

#[tokio::test]
async fn counts_come_last_in_a_stream_that_asks_for_them() {
    let asked = json!({"stream": true, "stream_options": {"include_usage": true}});
    let chunks = chunks(&market(&[Honest]).chat(asked).await.events());
    let (counts, before) = chunks.split_last().expect("chunks");
    assert_eq!(counts["choices"], json!([]));
    assert_eq!(counts["usage"]["total_tokens"], 8);
    assert!(before.iter().all(|chunk| chunk["usage"] == Value::Null));
}

#[tokio::test]
async fn log_probabilities_arrive_whole_and_streamed() {
    let market = market(&[Honest]);
    let asked = json!({"logprobs": true, "top_logprobs": 0});
    let whole = market.chat(asked).await.json();
    let tokens = whole["choices"][0]["logprobs"]["content"]
        .as_array()
        .expect("tokens")
        .clone();
    assert_eq!(tokens.len(), ANSWER.len());
    assert_eq!(tokens[0]["token"], ANSWER[0]);
    let asked = json!({"logprobs": true, "stream": true});
    let chunks = chunks(&market.chat(asked).await.events());
    assert_eq!(
        chunks[1]["choices"][0]["logprobs"]["content"][0]["token"],
        ANSWER[0]
    );
}

#[tokio::test]
async fn models_are_listed_and_described() {
    let market = market(&[Honest, Honest]);
    let model = json!({
        "id": MODEL, "object": "model", "created": 1_767_225_600, "owned_by": "stoa",
        "task": "text-generation/1", "netuid": 1, "netuids": [1], "miners": 2,
        "context_length": 256,
    });
    let list = market.get("/v1/models").await.json();
    assert_eq!(list, json!({"object": "list", "data": [model]}));
    assert_eq!(market.get("/v1/models/shakespeare").await.json(), model);
    let unknown = market.get("/v1/models/meta/llama").await;
    assert_eq!(unknown.refusal(), (404, "model_not_found".into()));
}

#[tokio::test]
async fn the_api_describes_itself_and_its_health() {
    let open = market(&[Honest]);
    let document = open.get("/openapi.json").await.json();
    for path in [
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/models",
        "/v1/models/{id}",
    ] {
        assert!(document["paths"].get(path).is_some(), "{path}");
    }
    assert_eq!(open.get("/health").await.status, 200);
    assert_eq!(market(&[]).get("/health").await.status, 503);
    open.chat(json!({})).await;
    let metrics = String::from_utf8(open.get("/metrics").await.body).expect("text");
    for line in [
        r#"stoa_gateway_requests_total{route="/v1/chat/completions",status="200"} 1"#,
        r#"stoa_gateway_tokens_total{task="text-generation/1",kind="completion"} 3"#,
        r#"stoa_gateway_first_token_seconds_count{task="text-generation/1"} 1"#,
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
}
