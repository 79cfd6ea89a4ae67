//! One call, many answers.

use crate::fixture::{Node, account_key};
use jsonrpsee::core::server::Subscription;
use jsonrpsee::rpc_params;
use serde_json::{Value, json};

async fn next(subscription: &mut Subscription) -> Value {
    let (item, _) = subscription.next::<Value>().await.unwrap().unwrap();
    item
}

#[tokio::test]
async fn new_heads_begin_with_the_current_one() {
    let node = Node::new();
    node.grow();
    let mut heads = node
        .module
        .subscribe("chain_subscribeNewHeads", rpc_params![], 16)
        .await
        .unwrap();
    assert_eq!(next(&mut heads).await["number"], "0x1");
    node.grow();
    assert_eq!(next(&mut heads).await["number"], "0x2");
    node.finalize();
    node.grow();
    assert_eq!(next(&mut heads).await["number"], "0x3");
}

#[tokio::test]
async fn finalized_heads_name_every_final_block() {
    let node = Node::new();
    let mut heads = node
        .module
        .subscribe("chain_subscribeFinalizedHeads", rpc_params![], 16)
        .await
        .unwrap();
    assert_eq!(next(&mut heads).await["number"], "0x0");
    node.grow();
    node.grow();
    node.finalize();
    assert_eq!(next(&mut heads).await["number"], "0x1");
    assert_eq!(next(&mut heads).await["number"], "0x2");
}

#[tokio::test]
async fn a_watched_transaction_reports_in_substrates_words() {
    let node = Node::new();
    let mut updates = node
        .module
        .subscribe(
            "author_submitAndWatchExtrinsic",
            rpc_params![node.transfer(0)],
            16,
        )
        .await
        .unwrap();
    assert_eq!(next(&mut updates).await, "ready");
    let head = node.grow();
    assert_eq!(next(&mut updates).await, json!({ "inBlock": head.hash }));
    node.finalize();
    assert_eq!(next(&mut updates).await, json!({ "finalized": head.hash }));
    assert!(updates.next::<Value>().await.is_none());
}

#[tokio::test]
async fn watching_a_refused_transaction_fails_with_the_reason() {
    let node = Node::new();
    node.ask("author_submitExtrinsic", json!([node.transfer(0)]))
        .await;
    node.grow();
    let stale = node.transfer(0);
    let refused = node
        .module
        .subscribe("author_submitAndWatchExtrinsic", rpc_params![stale], 16)
        .await;
    let text = refused.unwrap_err().to_string();
    assert!(
        text.contains("1010") || text.contains("Invalid Transaction"),
        "{text}"
    );
}

#[tokio::test]
async fn watched_storage_reports_only_what_changes() {
    let node = Node::new();
    let keys = json!([account_key("Bob"), account_key("Charlie")]);
    let mut changes = node
        .module
        .subscribe("state_subscribeStorage", rpc_params![keys], 16)
        .await
        .unwrap();
    let first = next(&mut changes).await;
    assert_eq!(first["changes"].as_array().unwrap().len(), 2);
    node.grow();
    node.ask("author_submitExtrinsic", json!([node.transfer(0)]))
        .await;
    let head = node.grow();
    let second = next(&mut changes).await;
    assert_eq!(second["block"], json!(head.hash));
    assert_eq!(second["changes"][0][0], json!(account_key("Bob")));
    assert_eq!(second["changes"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn watching_all_storage_is_refused() {
    let node = Node::new();
    let error = node.fail("state_subscribeStorage", json!([])).await;
    assert_eq!(error["code"], -32602);
}

#[tokio::test]
async fn the_runtime_version_comes_at_once() {
    let node = Node::new();
    let mut versions = node
        .module
        .subscribe("state_subscribeRuntimeVersion", rpc_params![], 16)
        .await
        .unwrap();
    assert_eq!(next(&mut versions).await["specName"], "node-subtensor");
}
