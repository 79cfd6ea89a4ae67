//! The calls and reads that open a market and look at it.

use client::Until;
use keys::Pair;
use primitives::{NetUid, Rao, TaskId, Uid};

use crate::node::Node;

fn dev(name: &str) -> Pair {
    Pair::from_uri(name).expect("a development key")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registered_miner_shows_in_the_metagraph_with_its_address() {
    let node = Node::start().await;
    let client = node.client().await;
    let growing = node.keep_growing();
    let (alice, miner) = (dev("//Alice"), dev("//Miner"));
    let netuid = NetUid(1);
    let until = Until::InBlock;
    client
        .register_network(&alice, &dev("//OwnerHotkey").account(), until)
        .await
        .expect("a subnet");
    client
        .start_call(&alice, netuid, until)
        .await
        .expect("started");
    client
        .burned_register(&alice, netuid, &miner.account(), until)
        .await
        .expect("a seat");
    let address = "127.0.0.1:9101".parse().expect("an address");
    client
        .serve_axon(&miner, netuid, address, 0, until)
        .await
        .expect("published");
    let stake = Rao(5_000_000_000);
    client
        .add_stake(&alice, &miner.account(), netuid, stake, until)
        .await
        .expect("staked");

    let metagraph = client.metagraph(netuid).await.expect("a subnet");
    let seat = metagraph.seat(&miner.account()).expect("a seat");
    assert_eq!(
        (seat.uid, seat.coldkey, seat.axon),
        (Uid(1), alice.account(), Some(address))
    );
    assert!(Rao(0) < seat.stake, "{seat:?}");
    let reachable: Vec<_> = metagraph
        .reachable()
        .map(|(neuron, at)| (neuron.uid, at))
        .collect();
    assert_eq!(reachable, [(Uid(1), address)]);
    growing.abort();

    let schedule = client.schedule(netuid).await.expect("a schedule");
    assert!(
        schedule.tempo > 0 && schedule.blocks_left().is_some(),
        "{schedule:?}"
    );
    assert!(client.metagraph(NetUid(9)).await.is_err());
}

/// The block returned is the one in which the schedule moved on, and none was skipped on the way.
#[tokio::test(flavor = "multi_thread")]
async fn an_epoch_is_waited_for() {
    let node = Node::start().await;
    let client = node.client().await;
    let growing = node.keep_growing();
    let alice = dev("//Alice");
    let netuid = NetUid(1);
    let hotkey = dev("//OwnerHotkey").account();
    client
        .register_network(&alice, &hotkey, Until::InBlock)
        .await
        .expect("a subnet");
    let tempo = pallet_admin_utils::Call::sudo_set_tempo {
        netuid: netuid.0,
        tempo: 20,
    };
    client
        .sudo(
            &alice,
            runtime::RuntimeCall::AdminUtils(tempo),
            Until::InBlock,
        )
        .await
        .expect("set");
    growing.abort();

    let before = client.schedule(netuid).await.expect("a schedule");
    let target = before.next_epoch.expect("an epoch");
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { client.next_epoch(netuid).await }
    });
    let settled = loop {
        node.grow();
        tokio::task::yield_now().await;
        if waiting.is_finished() {
            break waiting.await.expect("no panic").expect("an epoch");
        }
    };
    assert!(u64::from(settled.number) >= target, "{settled:?} {target}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subnet_is_listed_with_the_task_its_owner_named() {
    let node = Node::start().await;
    let client = node.client().await;
    let growing = node.keep_growing();
    let (alice, netuid, until) = (dev("//Alice"), NetUid(1), Until::InBlock);
    assert_eq!(client.subnets().await.expect("a list"), []);
    let hotkey = dev("//OwnerHotkey").account();
    client
        .register_network(&alice, &hotkey, until)
        .await
        .expect("a subnet");
    assert_eq!(client.task(netuid).await.expect("a read"), None);
    let task: TaskId = "tour/1".parse().expect("a task");
    client
        .set_task(&alice, netuid, &task, until)
        .await
        .expect("named");
    assert_eq!(
        client.task(netuid).await.expect("a read"),
        Some(task.clone())
    );
    assert_eq!(client.task(NetUid(9)).await.expect("a read"), None);
    let stranger = client.set_task(&dev("//Bob"), netuid, &task, until).await;
    let refused = stranger.expect_err("not the owner's signature");
    assert!(refused.is_failure("Tasks", "NotSubnetOwner"), "{refused}");
    growing.abort();

    let subnets = client.subnets().await.expect("a list");
    assert_eq!(subnets.len(), 1);
    let subnet = &subnets[0];
    assert_eq!((subnet.netuid, &subnet.task), (netuid, &Some(task)));
    assert_eq!((subnet.owner, subnet.neurons), (alice.account(), 1));
    assert!(0 < subnet.tempo && !subnet.started, "{subnet:?}");
}
