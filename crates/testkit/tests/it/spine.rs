//! The spine, walked once: from a customer's question to the miner's balance, in one process.
//!
//! Nine steps, in order; each is the production function named in ARCHITECTURE.md. Two miners are on the street, one honest
//! and one that says the same to everybody; the customer does not know which is which until the validator has judged.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use client::{Metagraph, Neuron};
use gateway::condition::Conditions;
use gateway::directory::{Directory, Listed, Miner as Listing, Model as Offered};
use gateway::limits::Gates;
use gateway::metrics::Metrics;
use gateway::search::Market;
use gateway::signer::{Signer, unix_ms};
use gateway::{Gateway, Patience};
use inference::local::Limits;
use inference::model::{Model, SHIPPED, Source};
use inference::{Engine, LocalEngine};
use keys::Pair;
use miner::{Miner, Permits};
use pallet_admin_utils::Call as Admin;
use pallet_subtensor::Call as Subtensor;
use primitives::{AccountId, NetUid, Rao, Uid};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use runtime::{Runtime, RuntimeCall, TAO};
use scoring::Outcome;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use testkit::{Chain, Street};
use tower::ServiceExt;
use validator::{Book, ModelCheck, Probe, Questions, Transport, judge};

const NETUID: u16 = 1;
const TEMPO: u16 = 10;

/// Coldkeys; the hotkey of each is `COLDKEY//hot`.
const VALIDATOR: &str = "//Bob";
const HONEST: &str = "//Charlie";
const CANNED: &str = "//Dave";

#[tokio::test]
async fn a_question_becomes_a_balance() {
    let chain = Chain::new();
    open_market(&chain);
    let model = Arc::new(Model::open(&Source::Shipped).expect("the model inside the program"));
    let street = street(&model);

    // 1 route, 2 sign, 3 answer: the gateway finds a miner, signs as the validator, and returns what was said.
    let before = ask(&gateway(&chain, &street, &Book::default())).await;
    assert!(!before.text.is_empty());

    // 4 judge: every miner answers probes that look like the customer's question.
    let mut book = Book::default();
    book.follow(&metagraph(&chain), &hotkey(VALIDATOR).account());
    let outcomes = probe_all(&mut book, &street, &model).await;
    assert!(
        outcomes
            .iter()
            .all(|(miner, verified)| *verified == (*miner == hotkey(HONEST).account()))
    );

    // 5 weigh: the liar's weight is nothing.
    let weights = book.weights();
    let (honest, canned) = (uid(&chain, HONEST), uid(&chain, CANNED));
    assert_eq!(weights, [(Uid(honest), u16::MAX), (Uid(canned), 0)]);
    let judged = ask(&gateway(&chain, &street, &book)).await;
    assert_eq!(judged.miner, hotkey(HONEST).account().to_string());

    // 6 set weights, on chain.
    let (dests, weights) = weights
        .into_iter()
        .map(|(uid, weight)| (uid.0, weight))
        .unzip();
    let call = Subtensor::set_weights {
        netuid: NETUID,
        dests,
        weights,
        version_key: 0,
    };
    transact(&chain, &hotkey(VALIDATOR), call);

    // 7 settle, 8 pay: two epochs, for the validator's permit counts from the one after it is given.
    let earned_before = staked(&chain, HONEST);
    chain
        .advance_to(chain.head().number + 2 * u32::from(TEMPO + 1))
        .expect("the money adds up");
    let incentive = chain.read(|| pallet_subtensor::Incentive::<Runtime>::get(NETUID));
    assert_eq!(incentive[usize::from(honest)], u16::MAX);
    assert_eq!(incentive[usize::from(canned)], 0);

    // 9 read the balance: what the miner earned is stake, and stake can be sold for TAO that it can spend.
    let earned = staked(&chain, HONEST) - earned_before;
    assert!(0 < earned);
    assert_eq!(staked(&chain, CANNED), 0);
    let free = chain.free(&pair(HONEST).account());
    let hot = account(&hotkey(HONEST));
    let sale = Subtensor::remove_stake {
        hotkey: hot,
        netuid: NETUID,
        amount_unstaked: earned,
    };
    transact(&chain, &pair(HONEST), sale);
    assert!(free < chain.free(&pair(HONEST).account()));
}

fn pair(uri: &str) -> Pair {
    Pair::from_uri(uri).expect("a development key")
}

fn hotkey(coldkey: &str) -> Pair {
    pair(&format!("{coldkey}//hot"))
}

fn account(pair: &Pair) -> runtime::AccountId {
    runtime::AccountId::new(pair.account().0)
}

fn address(coldkey: &str) -> SocketAddr {
    let port = if coldkey == HONEST { 9_001 } else { 9_002 };
    ([127, 0, 0, 1], port).into()
}

/// Includes a call in a block and checks that it worked.
fn transact(chain: &Chain, signer: &Pair, call: impl Into<RuntimeCall>) {
    chain.submit(signer, call).expect("the pool takes it");
    chain.advance().expect("the money adds up");
    assert_eq!(chain.failures(), Vec::<String>::new());
}

/// A subnet of Alice's with one validator and two miners, who say where they live.
fn open_market(chain: &Chain) {
    let alice = pair("//Alice");
    transact(
        chain,
        &alice,
        Subtensor::register_network {
            hotkey: account(&hotkey("//Alice")),
        },
    );
    let rules = [
        Admin::sudo_set_tempo {
            netuid: NETUID,
            tempo: TEMPO,
        },
        Admin::sudo_set_weights_set_rate_limit {
            netuid: NETUID,
            weights_set_rate_limit: 0,
        },
        Admin::sudo_set_commit_reveal_weights_enabled {
            netuid: NETUID,
            enabled: false,
        },
    ];
    for rule in rules {
        transact(
            chain,
            &alice,
            pallet_sudo::Call::sudo {
                call: Box::new(rule.into()),
            },
        );
    }
    transact(chain, &alice, Subtensor::start_call { netuid: NETUID });
    for coldkey in [VALIDATOR, HONEST, CANNED] {
        let hotkey = account(&hotkey(coldkey));
        transact(
            chain,
            &pair(coldkey),
            Subtensor::burned_register {
                netuid: NETUID,
                hotkey,
            },
        );
    }
    let stake = Subtensor::add_stake {
        hotkey: account(&hotkey(VALIDATOR)),
        netuid: NETUID,
        amount_staked: 100 * TAO,
    };
    transact(chain, &pair(VALIDATOR), stake);
    for coldkey in [HONEST, CANNED] {
        transact(chain, &hotkey(coldkey), axon(address(coldkey)));
    }
}

fn axon(address: SocketAddr) -> Subtensor<Runtime> {
    let IpAddr::V4(ip) = address.ip() else {
        panic!("this street has IPv4 addresses")
    };
    Subtensor::serve_axon {
        netuid: NETUID,
        version: 1,
        ip: u32::from(ip).into(),
        port: address.port(),
        ip_type: 4,
        protocol: 4,
        placeholder1: 0,
        placeholder2: 0,
    }
}

/// Both miners' routers, with the validator permitted to ask.
fn street(model: &Arc<Model>) -> Street {
    let engine = LocalEngine::start(SHIPPED.into(), model.clone(), Limits::default());
    let honest: Arc<dyn Engine> = Arc::new(engine.expect("a worker"));
    let tokens = model
        .vocabulary()
        .encode("Indeed.")
        .expect("a text the model can spell");
    let canned = miner::villain::Canned::new(SHIPPED.into(), "Indeed.".into(), tokens, 256);
    let canned: Arc<dyn Engine> = Arc::new(canned);
    let mut street = Street::default();
    for (coldkey, engine) in [(HONEST, honest), (CANNED, canned)] {
        let permits = Permits::default();
        permits.replace(HashSet::from([hotkey(VALIDATOR).account()]));
        let netuid = NetUid(NETUID);
        let miner = Miner::new(
            hotkey(coldkey),
            netuid,
            SHIPPED.into(),
            engine,
            permits,
            8,
            Arc::new(unix_ms),
        );
        street.settle(address(coldkey), miner::router(Arc::new(miner)));
    }
    street
}

/// The gateway, with its directory made from the chain and the validator's book.
fn gateway(chain: &Chain, street: &Street, book: &Book) -> Router {
    let models = vec![Offered {
        id: SHIPPED.into(),
        context_length: Some(256),
    }];
    let graph = metagraph(chain);
    let listed = graph.reachable().map(|(neuron, address)| Listed {
        miner: Listing {
            uid: neuron.uid,
            hotkey: neuron.hotkey,
            address,
        },
        standing: book
            .entries()
            .get(&neuron.uid)
            .map(|entry| entry.standing.value),
        models: models.clone(),
    });
    let directory = Directory::default();
    directory.replace(listed.collect());
    let market = Market {
        directory,
        conditions: Arc::new(Conditions::default()),
        transport: Arc::new(street.clone()),
        signer: Signer::new(vec![hotkey(VALIDATOR)], NetUid(NETUID)).expect("one key"),
        patience: Patience::default(),
        metrics: Metrics::default(),
    };
    gateway::router(Gateway {
        market: Arc::new(market),
        gates: Arc::new(Gates::new(vec![], None, 8)),
        body_bytes_max: 64 * 1024,
        since: 0,
    })
}

/// What a customer got, and from whom.
struct Served {
    text: String,
    miner: String,
}

async fn ask(gateway: &Router) -> Served {
    let body = json!({
        "model": SHIPPED,
        "max_tokens": 12,
        "messages": [{"role": "user", "content": "What news of the king?"}],
    });
    let request = Request::post("/v1/chat/completions")
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .expect("a request");
    let response = gateway
        .clone()
        .oneshot(request)
        .await
        .expect("routes always answer");
    assert_eq!(response.status(), StatusCode::OK);
    let miner = response.headers()["x-stoa-miner"]
        .to_str()
        .expect("an address")
        .to_owned();
    let body = to_bytes(response.into_body(), 1 << 20)
        .await
        .expect("the whole body");
    let answer: Value = serde_json::from_slice(&body).expect("JSON");
    let text = answer["choices"][0]["message"]["content"]
        .as_str()
        .expect("a text")
        .to_owned();
    Served { text, miner }
}

/// Asks every seat a few questions, judges the answers, and says who was believed.
async fn probe_all(book: &mut Book, street: &Street, model: &Arc<Model>) -> Vec<(AccountId, bool)> {
    let check = ModelCheck::new(model.clone());
    let mut questions = Questions::new([7; 32], SHIPPED.into());
    let mut rng = ChaCha20Rng::seed_from_u64(7);
    let mut outcomes = Vec::new();
    for seat in book.seats().to_vec() {
        for _ in 0..3 {
            let ask = protocol::Ask {
                max_tokens: 12,
                ..questions.draw()
            };
            let now_ms = unix_ms();
            let netuid = NetUid(NETUID);
            let probe = Probe::new(ask, seat, netuid, &hotkey(VALIDATOR), now_ms, &mut rng);
            let route = probe.ask.route();
            let reply =
                Transport::ask(street, seat.address, route, probe.envelope, probe.body).await;
            let outcome = match reply {
                Ok(reply) => judge(&probe.ask, probe.request_hash, seat.hotkey, &reply, &check)
                    .expect("this validator can tell"),
                Err(fault) => Outcome::Unverified(fault),
            };
            outcomes.push((seat.hotkey, matches!(outcome, Outcome::Verified(_))));
            book.record(&seat, &outcome, now_ms);
        }
    }
    outcomes
}

/// The seats as the chain has them.
fn metagraph(chain: &Chain) -> Metagraph {
    let head = chain.head();
    let neurons = chain.read(|| {
        let mut keys: Vec<_> = pallet_subtensor::Keys::<Runtime>::iter_prefix(NETUID).collect();
        keys.sort();
        keys.into_iter()
            .map(|(uid, hotkey)| neuron(uid, &hotkey))
            .collect()
    });
    let netuid = NetUid(NETUID);
    Metagraph {
        netuid,
        block: head.number,
        hash: head.hash,
        tempo: TEMPO,
        neurons,
    }
}

fn neuron(uid: u16, hotkey: &runtime::AccountId) -> Neuron {
    let axon = pallet_subtensor::Axons::<Runtime>::get(NETUID, hotkey);
    let axon = axon.and_then(|axon| {
        let ip = std::net::Ipv4Addr::from(u32::try_from(axon.ip).ok()?);
        Some(SocketAddr::from((ip, axon.port)))
    });
    let coldkey = pallet_subtensor::Owner::<Runtime>::get(hotkey).expect("a seat has an owner");
    Neuron {
        uid: Uid(uid),
        hotkey: AccountId(hotkey.clone().into()),
        coldkey: AccountId(coldkey.into()),
        axon,
        stake: Rao(0),
        validator_permit: false,
        active: true,
        incentive: 0,
        dividends: 0,
        consensus: 0,
        emission: Rao(0),
        last_update: 0,
        registered_at: 0,
    }
}

fn uid(chain: &Chain, coldkey: &str) -> u16 {
    let hotkey = account(&hotkey(coldkey));
    chain
        .read(|| pallet_subtensor::Uids::<Runtime>::get(NETUID, hotkey))
        .expect("a seat")
}

/// Alpha that a miner's coldkey holds on its hotkey.
fn staked(chain: &Chain, coldkey: &str) -> u64 {
    let (hot, cold) = (account(&hotkey(coldkey)), account(&pair(coldkey)));
    chain.read(|| pallet_subtensor::Pallet::<Runtime>::stake_of(&hot, &cold, NETUID))
}
