//! Transactions that go in, fail, pile up, and get lost on the way.

use client::{Error, Until};
use keys::Pair;
use primitives::{NetUid, Rao};
use runtime::RuntimeCall;

use crate::node::Node;

fn dev(name: &str) -> Pair {
    Pair::from_uri(name).expect("a development key")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_arrives() {
    let node = Node::start().await;
    let client = node.client().await;
    let growing = node.keep_growing();
    let zoe = dev("//Zoe").account();
    let amount = Rao(2_500_000_000);
    let done = client
        .transfer(&dev("//Alice"), &zoe, amount, Until::Finalized)
        .await;
    let done = done.expect("transferred");
    assert_eq!(client.balance(&zoe).await.expect("a balance").free, amount);
    assert_eq!(client.head(done.block).await.expect("a head").number, 1);
    assert!(!done.events.is_empty());
    growing.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn many_transfers_from_one_key_are_under_way_at_once() {
    let node = Node::start().await;
    let client = node.client().await;
    let (alice, zoe) = (dev("//Alice"), dev("//Zoe").account());
    let transfers = (0..16).map(|_| {
        let (client, alice) = (client.clone(), alice.clone());
        let transfer = async move {
            client
                .transfer(&alice, &zoe, Rao(1_000_000), Until::InBlock)
                .await
        };
        tokio::spawn(transfer)
    });
    let transfers: Vec<_> = transfers.collect();
    // None of them waits for a block: all sixteen are in the pool before the first is built.
    node.until_ready(16).await;
    node.grow();
    for transfer in transfers {
        transfer.await.expect("no panic").expect("transferred");
    }
    assert_eq!(
        client.balance(&zoe).await.expect("a balance").free,
        Rao(16_000_000)
    );
    assert_eq!(
        client.next_nonce(&alice.account()).await.expect("a nonce"),
        16
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_call_is_told_by_pallet_and_name() {
    let node = Node::start().await;
    let client = node.client().await;
    let growing = node.keep_growing();
    let alice = dev("//Alice");
    let missing = NetUid(77);
    let failed = client
        .start_call(&alice, missing, Until::InBlock)
        .await
        .expect_err("no subnet 77");
    let Error::Failed(failure) = &failed else {
        panic!("{failed}")
    };
    assert_eq!(failure.pallet, "SubtensorModule");
    assert!(!failure.docs.is_empty(), "{failure}");
    growing.abort();
}

/// Sudo succeeds as a transaction even if what it does fails; the caller wants to know about the latter.
#[tokio::test(flavor = "multi_thread")]
async fn a_failure_inside_sudo_is_told() {
    let node = Node::start().await;
    let client = node.client().await;
    let growing = node.keep_growing();
    let call = pallet_balances::Call::force_transfer {
        source: runtime::AccountId::new(dev("//Nobody").account().0).into(),
        dest: runtime::AccountId::new(dev("//Zoe").account().0).into(),
        value: 1_000_000_000,
    };
    let call = RuntimeCall::Balances(call);
    let failed = client
        .sudo(&dev("//Alice"), call, Until::InBlock)
        .await
        .expect_err("no funds");
    assert!(failed.is_failure("Token", "FundsUnavailable"), "{failed}");
    growing.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_pay_the_fee_is_rejected_at_once() {
    let node = Node::start().await;
    let client = node.client().await;
    let to = dev("//Alice").account();
    let rejected = client
        .transfer(&dev("//Nobody"), &to, Rao(1), Until::InBlock)
        .await;
    assert!(
        matches!(rejected, Err(Error::Rejected { .. })),
        "{rejected:?}"
    );
}

/// The socket breaks after the pool took the transaction and before any block: the client cannot know what became of
/// it, looks for it in the blocks, and finds it.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_is_found_after_the_connection_broke() {
    let mut node = Node::start().await;
    let client = node.client().await;
    let zoe = dev("//Zoe").account();
    let submitting = tokio::spawn({
        let client = client.clone();
        async move {
            client
                .transfer(&dev("//Alice"), &zoe, Rao(7_000_000), Until::Finalized)
                .await
        }
    });
    node.until_ready(1).await;
    node.go_away().await;
    node.grow();
    node.come_back().await;
    let found = submitting
        .await
        .expect("no panic")
        .expect("found in block 1");
    assert_eq!(client.head(found.block).await.expect("a head").number, 1);
    assert_eq!(
        client.balance(&zoe).await.expect("a balance").free,
        Rao(7_000_000)
    );
}
