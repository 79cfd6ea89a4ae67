//! One call, one answer.

use crate::fixture::{Node, account_key, hexed};
use runtime::genesis::development_account;
use serde_json::{Value, json};

#[tokio::test]
async fn a_header_has_substrates_shape() {
    let node = Node::new();
    let head = node.grow();
    let header = node.ask("chain_getHeader", json!([])).await;
    let genesis = node.context.ledger.genesis_hash();
    assert_eq!(header["number"], "0x1");
    assert_eq!(header["parentHash"], json!(genesis));
    assert_eq!(header["digest"], json!({ "logs": [] }));
    let named = node.ask("chain_getHeader", json!([head.hash])).await;
    assert_eq!(named, header);
    let first = node.ask("chain_getHeader", json!([genesis])).await;
    assert_eq!(first["number"], "0x0");
}

#[tokio::test]
async fn an_unknown_block_is_null() {
    let node = Node::new();
    let nowhere = hexed(&[9; 32]);
    assert_eq!(
        node.ask("chain_getHeader", json!([nowhere])).await,
        Value::Null
    );
    assert_eq!(
        node.ask("chain_getBlock", json!([nowhere])).await,
        Value::Null
    );
    assert_eq!(
        node.ask("chain_getBlockHash", json!([77])).await,
        Value::Null
    );
}

/// The SDK finds its extrinsic in a block by the hash of the bytes, so they must come back unchanged.
#[tokio::test]
async fn a_submitted_extrinsic_comes_back_in_its_block_unchanged() {
    let node = Node::new();
    let bytes = node.transfer(0);
    let hash = node.ask("author_submitExtrinsic", json!([bytes])).await;
    let raw = hex::decode(&bytes[2..]).unwrap();
    assert_eq!(hash, json!(hexed(&sp_io::hashing::blake2_256(&raw))));
    assert_eq!(
        node.ask("author_pendingExtrinsics", json!([])).await,
        json!([bytes])
    );
    node.grow();
    let block = node.ask("chain_getBlock", json!([])).await;
    assert_eq!(block["block"]["extrinsics"][1], json!(bytes));
    assert_eq!(block["justifications"], Value::Null);
    assert_eq!(
        node.ask("author_pendingExtrinsics", json!([])).await,
        json!([])
    );
}

#[tokio::test]
async fn block_hashes_are_found_by_number_hex_and_list() {
    let node = Node::new();
    let genesis = json!(node.context.ledger.genesis_hash());
    let one = json!(node.grow().hash);
    let two = json!(node.grow().hash);
    assert_eq!(node.ask("chain_getBlockHash", json!([])).await, two);
    assert_eq!(node.ask("chain_getHead", json!([])).await, two);
    assert_eq!(node.ask("chain_getBlockHash", json!([0])).await, genesis);
    assert_eq!(node.ask("chain_getBlockHash", json!(["0x1"])).await, one);
    let several = node.ask("chain_getBlockHash", json!([[0, "0x2", 9]])).await;
    assert_eq!(several, json!([genesis, two, null]));
    assert_eq!(node.ask("chain_getFinalizedHead", json!([])).await, genesis);
    node.finalize();
    assert_eq!(node.ask("chain_getFinalizedHead", json!([])).await, two);
}

#[tokio::test]
async fn a_missing_runtime_method_answers_the_text_that_the_sdk_parses() {
    let node = Node::new();
    let error = node
        .fail("state_call", json!(["No_such_thing", "0x"]))
        .await;
    assert_eq!(error["code"], 4003);
    let text = "Client error: Execution failed: Other: Exported method No_such_thing is not found";
    assert_eq!(error["message"], text);
}

#[tokio::test]
async fn a_runtime_call_answers_its_bytes() {
    let node = Node::new();
    let alice = hexed(&parity_scale_codec::Encode::encode(&development_account(
        "Alice",
    )));
    let call = json!(["AccountNonceApi_account_nonce", alice]);
    assert_eq!(node.ask("state_call", call).await, "0x00000000");
    let broken = node
        .fail(
            "state_call",
            json!(["AccountNonceApi_account_nonce", "0x01"]),
        )
        .await;
    assert_eq!(broken["code"], 4003);
}

#[tokio::test]
async fn metadata_comes_as_14_and_on_request_as_15() {
    let node = Node::new();
    let old = node.ask("state_getMetadata", json!([])).await;
    assert!(old.as_str().unwrap().starts_with("0x6d6574610e"));
    let params = json!(["Metadata_metadata_at_version", "0x0f000000"]);
    let new = node.ask("state_call", params).await;
    assert!(new.as_str().unwrap().starts_with("0x01"));
    assert!(new.as_str().unwrap()[..40].contains("6d6574610f"));
}

#[tokio::test]
async fn the_runtime_version_has_the_names_that_clients_read() {
    let node = Node::new();
    let version = node.ask("state_getRuntimeVersion", json!([])).await;
    assert_eq!(version["specName"], "node-subtensor");
    assert_eq!(version["specVersion"], json!(runtime::VERSION.spec_version));
    assert_eq!(
        version["transactionVersion"],
        json!(runtime::VERSION.transaction_version)
    );
    assert!(version["apis"].as_array().unwrap().len() > 5);
}

#[tokio::test]
async fn storage_is_read_at_any_retained_block() {
    let node = Node::new();
    let key = account_key("Bob");
    let before = node.ask("state_getStorage", json!([key])).await;
    let genesis = node.context.ledger.genesis_hash();
    node.ask("author_submitExtrinsic", json!([node.transfer(0)]))
        .await;
    let head = node.grow();
    let after = node
        .ask("state_getStorageAt", json!([key, head.hash]))
        .await;
    assert_ne!(before, after);
    assert_eq!(
        node.ask("state_getStorage", json!([key, genesis])).await,
        before
    );
    let set = node
        .ask("state_queryStorageAt", json!([[key, "0x1234"], head.hash]))
        .await;
    let expected = json!([{ "block": head.hash, "changes": [[key, after], ["0x1234", null]] }]);
    assert_eq!(set, expected);
    let history = node
        .ask("state_queryStorage", json!([[key], genesis]))
        .await;
    assert_eq!(history.as_array().unwrap().len(), 2);
    assert_eq!(history[1]["changes"], json!([[key, after]]));
    assert_eq!(
        node.ask("state_getStorageSize", json!(["0x1234"])).await,
        Value::Null
    );
}

#[tokio::test]
async fn an_unknown_state_says_which_block() {
    let node = Node::new();
    let nowhere = hexed(&[9; 32]);
    let error = node
        .fail("state_getStorage", json!(["0x12", nowhere]))
        .await;
    assert_eq!(error["code"], 4003);
    let text =
        format!("Client error: UnknownBlock: Header was not found in the database: {nowhere}");
    assert_eq!(error["message"], json!(text));
}

#[tokio::test]
async fn a_discarded_state_says_so_in_the_words_that_the_sdk_parses() {
    let node = Node::new();
    let genesis = node.context.ledger.genesis_hash();
    for _ in 0..20 {
        node.grow();
        node.finalize();
    }
    let error = node
        .fail("state_getStorage", json!(["0x12", genesis]))
        .await;
    let text = format!("Client error: UnknownBlock: State already discarded for {genesis:?}");
    assert_eq!(error["message"], json!(text));
}

/// The SDK passes the prefix as the first start key; the start key itself is never in the page.
#[tokio::test]
async fn keys_come_in_pages_after_the_start_key() {
    let node = Node::new();
    let prefix = hexed(&sp_io::hashing::twox_128(b"System"));
    let all = node.ask("state_getKeys", json!([prefix])).await;
    let first = node
        .ask("state_getKeysPaged", json!([prefix, 3, prefix]))
        .await;
    assert_eq!(first.as_array().unwrap()[..], all.as_array().unwrap()[..3]);
    let second = node
        .ask("state_getKeysPaged", json!([prefix, 3, first[2]]))
        .await;
    assert_eq!(
        second.as_array().unwrap()[..],
        all.as_array().unwrap()[3..6]
    );
    let error = node.fail("state_getKeysPaged", json!([prefix, 1001])).await;
    assert_eq!(error["code"], 4002);
}

#[tokio::test]
async fn the_next_nonce_counts_the_pool() {
    let node = Node::new();
    let alice = json!(development_account("Alice"));
    node.ask("author_submitExtrinsic", json!([node.transfer(0)]))
        .await;
    node.ask("author_submitExtrinsic", json!([node.transfer(1)]))
        .await;
    assert_eq!(node.ask("account_nextIndex", json!([alice])).await, 2);
    assert_eq!(node.ask("system_accountNextIndex", json!([alice])).await, 2);
    let error = node.fail("account_nextIndex", json!(["nobody"])).await;
    assert_eq!(error["code"], -32602);
}

#[tokio::test]
async fn refused_transactions_have_substrates_codes() {
    let node = Node::new();
    let nonsense = node
        .fail("author_submitExtrinsic", json!(["0x010203"]))
        .await;
    assert_eq!(nonsense["code"], 1001);
    let bytes = node.transfer(0);
    node.ask("author_submitExtrinsic", json!([bytes])).await;
    let again = node.fail("author_submitExtrinsic", json!([bytes])).await;
    assert_eq!(again["code"], 1013);
    let rival = node
        .fail("author_submitExtrinsic", json!([node.transfer(0)]))
        .await;
    assert_eq!(rival["code"], 1014);
    assert!(
        rival["message"]
            .as_str()
            .unwrap()
            .starts_with("Priority is too low: (")
    );
    node.grow();
    let stale = node.fail("author_submitExtrinsic", json!([bytes])).await;
    let expected = json!({
        "code": 1010,
        "message": "Invalid Transaction",
        "data": "Transaction is outdated",
    });
    assert_eq!(stale, expected);
}

#[tokio::test]
async fn a_fee_is_quoted_in_the_shape_that_wallets_read() {
    let node = Node::new();
    let info = node
        .ask("payment_queryInfo", json!([node.transfer(0)]))
        .await;
    assert!(info["partialFee"].is_string());
    assert_eq!(info["class"], "normal");
    let details = node
        .ask("payment_queryFeeDetails", json!([node.transfer(0)]))
        .await;
    assert!(
        details["inclusionFee"]["baseFee"]
            .as_str()
            .unwrap()
            .starts_with("0x")
    );
    let broken = node.fail("payment_queryInfo", json!(["0x0102"])).await;
    assert_eq!(broken["code"], 8002);
}

#[tokio::test]
async fn the_node_describes_itself() {
    let node = Node::new();
    assert_eq!(
        node.ask("system_chain", json!([])).await,
        "Stoa Development"
    );
    let properties = json!({ "ss58Format": 42, "tokenDecimals": 9, "tokenSymbol": "TAO" });
    assert_eq!(node.ask("system_properties", json!([])).await, properties);
    let health = json!({ "peers": 0, "isSyncing": false, "shouldHavePeers": false });
    assert_eq!(node.ask("system_health", json!([])).await, health);
    assert_eq!(
        node.ask("system_nodeRoles", json!([])).await,
        json!(["Authority"])
    );
    let sync = json!({ "startingBlock": 0, "currentBlock": 3, "highestBlock": 3 });
    assert_eq!(node.ask("system_syncState", json!([])).await, sync);
}

#[tokio::test]
async fn followers_get_final_blocks_with_certificates() {
    let node = Node::new();
    node.grow();
    node.finalize();
    node.grow();
    let blocks = node.ask("stoa_getFinalizedBlocks", json!([1, 10])).await;
    assert_eq!(blocks.as_array().unwrap().len(), 1);
    assert_eq!(blocks[0]["number"], 1);
    assert_eq!(blocks[0]["certificate"], "0xce27");
    let none = node.ask("stoa_getFinalizedBlocks", json!([2, 10])).await;
    assert_eq!(none, json!([]));
}

#[tokio::test]
async fn every_method_that_the_sdk_calls_is_there() {
    let node = Node::new();
    let methods = node.ask("rpc_methods", json!([])).await["methods"].take();
    let listed: Vec<&str> = methods
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    let wanted = "state_getRuntimeVersion chain_getBlockHash chain_getHead chain_getHeader chain_getBlock \
        chain_getFinalizedHead state_call state_getMetadata state_getStorageAt state_queryStorageAt \
        state_getKeysPaged account_nextIndex author_submitExtrinsic author_submitAndWatchExtrinsic \
        author_unwatchExtrinsic chain_subscribeNewHeads chain_unsubscribeNewHeads \
        chain_subscribeFinalizedHeads chain_unsubscribeFinalizedHeads state_subscribeStorage \
        state_unsubscribeStorage state_subscribeRuntimeVersion state_unsubscribeRuntimeVersion \
        system_accountNextIndex state_getStorage payment_queryInfo system_chain system_properties \
        system_health system_name system_version rpc_methods";
    for name in wanted.split_whitespace() {
        assert!(listed.contains(&name), "{name} is missing");
    }
}
