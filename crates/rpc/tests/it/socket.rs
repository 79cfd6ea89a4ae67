//! The server on a socket of the system's choosing.

use crate::fixture::Node;
use jsonrpsee::core::client::{ClientT, SubscriptionClientT};
use jsonrpsee::http_client::HttpClientBuilder;
use jsonrpsee::rpc_params;
use jsonrpsee::ws_client::WsClientBuilder;
use rpc::{Config, serve};
use serde_json::Value;
use std::net::TcpListener;

#[tokio::test]
async fn one_port_speaks_websocket_and_http_within_bounds() {
    let node = Node::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = Config {
        request_bytes_max: 4_096,
        ..Config::default()
    };
    let server = serve(listener, config, &node.context).await.unwrap();
    let address = server.address();

    let http = HttpClientBuilder::default()
        .build(format!("http://{address}"))
        .unwrap();
    let chain: String = http.request("system_chain", rpc_params![]).await.unwrap();
    assert_eq!(chain, "Stoa Development");
    let long = format!("0x{}", "00".repeat(8_192));
    let refused = http
        .request::<Value, _>("author_submitExtrinsic", rpc_params![long])
        .await;
    assert!(refused.is_err());

    let socket = WsClientBuilder::default()
        .build(format!("ws://{address}"))
        .await
        .unwrap();
    let mut heads = socket
        .subscribe::<Value, _>(
            "chain_subscribeNewHeads",
            rpc_params![],
            "chain_unsubscribeNewHeads",
        )
        .await
        .unwrap();
    assert_eq!(heads.next().await.unwrap().unwrap()["number"], "0x0");
    node.grow();
    assert_eq!(heads.next().await.unwrap().unwrap()["number"], "0x1");

    server.stop();
    server.stopped().await;
    assert!(
        http.request::<String, _>("system_chain", rpc_params![])
            .await
            .is_err()
    );
}
