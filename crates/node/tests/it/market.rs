//! Four authorities with the real runtime, over a lossy network, with crashes: one history, one state, money conserved.
//!
//! This is the code that runs in production, from [`LedgerChain`] up to simplex; only the clock, the randomness, the
//! network and agreement's disk come from a simulator, so that a seed decides everything. The ledgers are in memory and
//! survive their authority's crash, as a disk does.

use bytes::Bytes;
use commonware_consensus::CertifiableBlock as _;
use commonware_p2p::simulated::{self, Link};
use commonware_runtime::{Clock as _, Runner as _, Supervisor as _, deterministic};
use commonware_utils::{NZUsize, Probability, channel::mpsc, probability};
use consensus::{
    AuthorityKey, Beacon, Chain as _, Committee, Engine, Metrics, Progress, PublicKey, draw,
    gossip, network,
};
use ledger::{
    Ledger,
    pool::{Pool, Source},
};
use node::LedgerChain;
use parity_scale_codec::{Decode as _, Encode as _};
use rand::SeedableRng as _;
use rand_chacha::ChaCha20Rng;
use runtime::{
    extrinsic,
    genesis::{GenesisSpec, build, development_account, development_pair},
};
use std::{sync::Arc, time::Duration};

const INTERVAL: Duration = Duration::from_millis(250);
const BLOCK_BYTES_MAX: u32 = 1 << 20;

struct Market {
    clock: deterministic::Context,
    committee: Committee,
    oracle: simulated::Oracle<PublicKey, deterministic::Context>,
    authorities: Vec<Authority>,
}

struct Authority {
    key: AuthorityKey,
    ledger: Ledger,
    pool: Arc<Pool>,
    beacon: Beacon,
    starts: usize,
    running: Option<(Engine, Progress)>,
    /// Towards its peers.
    gossip: Option<mpsc::Sender<Bytes>>,
}

/// Runs `story` among four authorities; returns the simulator's account of all that happened, and the story's.
fn simulate<T>(seed: u64, story: impl AsyncFnOnce(&mut Market) -> T) -> (String, T) {
    let settings = deterministic::Config::new()
        .with_seed(seed)
        .with_timeout(Some(Duration::from_secs(600)));
    deterministic::Runner::new(settings).start(async move |context| {
        let mut market = Market::found(context.child("root"), seed).await;
        market.link(probability!(1.0)).await;
        for index in 0..4 {
            market.start(index).await;
        }
        let told = story(&mut market).await;
        (context.auditor().state(), told)
    })
}

impl Market {
    async fn found(clock: deterministic::Context, seed: u64) -> Self {
        let (keys, polynomial) = draw(&mut ChaCha20Rng::seed_from_u64(seed), 4).expect("four");
        let names: Vec<_> = keys.iter().map(AuthorityKey::public).collect();
        let committee =
            Committee::new(names.clone(), polynomial, b"market".to_vec()).expect("as drawn");
        let (network, oracle) = simulated::Network::new_with_peers(
            clock.child("network"),
            simulated::Config {
                max_size: network::message_bytes_max(4, BLOCK_BYTES_MAX),
                max_peers_per_set: NZUsize!(4),
                disconnect_on_block: true,
                tracked_peer_sets: NZUsize!(1),
            },
            names,
        )
        .await;
        network.start();
        let authorities = keys.into_iter();
        let authorities = authorities
            .map(|key| Authority::new(key, &committee))
            .collect();
        Self {
            clock,
            committee,
            oracle,
            authorities,
        }
    }

    async fn start(&mut self, index: usize) {
        let authority = &mut self.authorities[index];
        let me = authority.key.public();
        let control = self.oracle.control(me.clone());
        let mut registered = Vec::new();
        for (number, quota) in network::quotas() {
            registered.push(
                control
                    .register(number, quota)
                    .await
                    .expect("the network runs"),
            );
        }
        let Ok(registered) = <[_; 6]>::try_from(registered) else {
            unreachable!("as many as quotas");
        };
        let (channels, gossip_channel) = network::assign(registered);
        let context = self
            .clock
            .child("authority")
            .with_attribute("index", index)
            .with_attribute("start", authority.starts);
        authority.starts += 1;
        let progress = Progress::new(authority.ledger.finalized().number);
        let chain = LedgerChain::new(
            authority.ledger.clone(),
            authority.pool.clone(),
            // Transactions get a minute to be included, so that how fast this machine is decides nothing.
            Duration::from_secs(180),
            BLOCK_BYTES_MAX as usize / 2,
        );
        let engine = consensus::start(
            context.child("agreement"),
            consensus::Config {
                committee: self.committee.clone(),
                me,
                share: authority.key.share.clone(),
                chain,
                peers: self.oracle.manager(),
                blocker: control,
                interval: INTERVAL,
                block_bytes_max: BLOCK_BYTES_MAX,
                partition: format!("authority-{index}"),
                metrics: Metrics::new(&context.child("stoa")),
                progress: progress.clone(),
            },
            channels,
        )
        .expect("the share is of this committee");
        let (transactions, outgoing) = mpsc::channel(8);
        let pool = authority.pool.clone();
        let submit = move |transactions: Vec<Bytes>| {
            for transaction in transactions {
                // One that is known already is refused, as it should be.
                let _ = pool.submit(transaction.to_vec(), Source::External);
            }
        };
        gossip::start(
            context.child("gossip"),
            gossip_channel,
            outgoing,
            submit,
            1,
            progress.clone(),
            authority.beacon.clone(),
        );
        authority.running = Some((engine, progress));
        authority.gossip = Some(transactions);
    }

    async fn crash(&mut self, index: usize) {
        let authority = &mut self.authorities[index];
        let (engine, _) = authority.running.take().expect("it runs");
        engine.task.abort();
        // An aborted task answers with an error, which is what was asked for.
        let _ = engine.task.await;
    }

    async fn link(&mut self, success_rate: Probability) {
        for from in 0..4 {
            for to in (0..4).filter(|to| *to != from) {
                let from = self.authorities[from].key.public();
                let to = self.authorities[to].key.public();
                // A link that is not there cannot be removed, and need not be.
                let _ = self.oracle.remove_link(from.clone(), to.clone()).await;
                let link = Link {
                    latency: Duration::from_millis(5),
                    jitter: Duration::from_millis(3),
                    success_rate,
                };
                self.oracle
                    .add_link(from, to, link)
                    .await
                    .expect("both are known");
            }
        }
    }

    async fn reach(&self, height: u32) {
        for authority in &self.authorities {
            if let Some((_, progress)) = &authority.running {
                progress.finalized_at_least(height).await;
            }
        }
    }

    /// Hands a call of a development account to the first authority and waits until it is final there.
    async fn send(&mut self, name: &str, call: impl Into<runtime::RuntimeCall>) {
        let first = &self.authorities[0];
        let nonce = first.nonce(name);
        let (pair, genesis) = (development_pair(name), first.ledger.genesis_hash());
        let signed = extrinsic::sign(&pair, call.into(), nonce, genesis, 0).encode();
        let submitted = first.pool.submit(signed.clone(), Source::Local);
        submitted.expect("a valid transaction");
        let gossip = first.gossip.clone().expect("it runs");
        gossip.send(signed.into()).await.expect("it runs");
        let (_, progress) = first.running.as_ref().expect("it runs");
        while first.nonce(name) == nonce {
            progress.finalized_at_least(progress.finalized() + 1).await;
        }
    }

    /// Checks that all agree as far as each has come, and returns the greatest height and its state root.
    fn check(&self) -> (u32, ledger::Hash) {
        let longest = self
            .authorities
            .iter()
            .max_by_key(|authority| authority.ledger.finalized().number)
            .expect("four authorities");
        let tip = longest.ledger.finalized();
        let mut rng = ChaCha20Rng::seed_from_u64(0);
        for authority in &self.authorities {
            for number in 0..=authority.ledger.finalized().number {
                let hash = authority.hash_of(number);
                assert_eq!(hash, longest.hash_of(number), "fork at height {number}");
                let certificate = authority.ledger.certificate(number).expect("readable");
                let certificate = certificate.filter(|certificate| !certificate.is_empty());
                if let Some(certificate) = certificate {
                    let certified = self.committee.certified(&mut rng, &certificate);
                    assert_eq!(
                        certified,
                        Some(hash.into()),
                        "certificate at height {number}"
                    );
                }
            }
        }
        let header = longest
            .ledger
            .header(&tip.hash)
            .expect("readable")
            .expect("there");
        (tip.number, header.state_root)
    }
}

impl Authority {
    fn new(key: AuthorityKey, committee: &Committee) -> Self {
        let group_key = timelock::GroupKey::from(*committee.group_key());
        let spec = GenesisSpec {
            group_key: Some(format!("0x{}", hex::encode(group_key.to_bytes()))),
            start_call_delay: 0,
            tempo: 8,
            ..GenesisSpec::development(250)
        };
        let genesis = build(&spec).expect("a valid description");
        let ledger = Ledger::open(ledger::Config::in_memory(), genesis).expect("memory");
        let beacon = node::heights::collect(committee.clone(), &key, &ledger);
        let pool = Arc::new(Pool::new(ledger.clone(), ledger::pool::Config::default()));
        Self {
            key,
            ledger,
            pool,
            beacon,
            starts: 0,
            running: None,
            gossip: None,
        }
    }

    /// How many transactions of a development account are final here.
    fn nonce(&self, name: &str) -> u32 {
        let state = self
            .ledger
            .state(self.ledger.finalized().hash)
            .expect("kept");
        let account = development_account(name).encode();
        let answer = state.call("AccountNonceApi_account_nonce", &account);
        u32::decode(&mut &answer.expect("a runtime API")[..]).expect("a nonce")
    }

    /// The weights of a uid in the last final state here.
    fn row(&self, netuid: u16, uid: u16) -> Vec<(u16, u16)> {
        let key = pallet_subtensor::Weights::<runtime::Runtime>::hashed_key_for(netuid, uid);
        let state = self.ledger.state(self.ledger.finalized().hash);
        let row = state.expect("kept").storage(&key).expect("readable");
        row.map_or(Vec::new(), |row| Vec::decode(&mut &row[..]).expect("a row"))
    }

    fn hash_of(&self, number: u32) -> ledger::Hash {
        let hash = self.ledger.hash_of(number).expect("readable");
        hash.expect("no finalized block is missing")
    }
}

#[test]
fn loss_and_a_crash_leave_one_history_of_real_blocks() {
    simulate(1, async |market| {
        market.reach(12).await;
        market.link(probability!(0.9)).await;
        market.crash(2).await;
        let (height, _) = market.check();
        market.reach(height + 4).await;
        market.start(2).await;
        market.link(probability!(1.0)).await;
        market.reach(height + 16).await;
        market.check();
    });
}

/// What a client hands to one authority reaches the chain even if that authority is gone a moment later.
#[test]
fn a_transaction_outlives_the_authority_that_accepted_it() {
    simulate(3, async |market| {
        market.reach(4).await;
        let first = &market.authorities[0];
        let transfer = runtime::RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive {
            dest: development_account("Bob").into(),
            value: 1_000_000_000,
        });
        let pair = development_pair("Alice");
        let signed = extrinsic::sign(&pair, transfer, 0, first.ledger.genesis_hash(), 0).encode();
        first
            .pool
            .submit(signed.clone(), Source::Local)
            .expect("a valid transfer");
        let gossip = first.gossip.clone().expect("it runs");
        gossip.send(signed.into()).await.expect("it runs");
        // Longer than the slowest link takes, shorter than the next block.
        market.clock.sleep(Duration::from_millis(40)).await;
        market.crash(0).await;
        let (height, _) = market.check();
        market.reach(height + 4).await;
        for authority in &market.authorities[1..] {
            assert_eq!(authority.nonce("Alice"), 1);
        }
        market.check();
    });
}

#[test]
fn the_same_seed_gives_the_same_blocks_and_states() {
    let run = |seed| {
        simulate(seed, async |market| {
            market.clock.sleep(Duration::from_secs(5)).await;
            market.check()
        })
    };
    let (account, (height, root)) = run(2);
    assert!(height > 10, "only {height} blocks in five seconds");
    assert_eq!(run(2), (account, (height, root)));
}

#[test]
fn a_ledger_is_a_chain_as_agreement_needs_it() {
    use consensus::{BlockHash, ImportError, Position};
    let (mut keys, polynomial) = draw(&mut ChaCha20Rng::seed_from_u64(0), 1).expect("one");
    let key = keys.remove(0);
    let committee = Committee::new(vec![key.public()], polynomial, b"market".to_vec());
    let authority = Authority::new(key, &committee.expect("as drawn"));
    let chain = LedgerChain::new(
        authority.ledger.clone(),
        authority.pool.clone(),
        INTERVAL,
        1 << 20,
    );
    let genesis = chain.genesis();
    assert_eq!(
        chain.finalized(),
        Position {
            number: 0,
            hash: genesis.hash()
        }
    );
    assert_eq!(chain.timestamp_ms(&genesis), None);
    assert!(chain.holds_state(genesis.hash()));

    let digest = consensus::digest_item(&genesis.context());
    let block = chain
        .build(genesis.hash(), 1_700_000_000_000, digest.clone())
        .expect("it builds");
    assert_eq!((block.number(), block.parent_hash()), (1, genesis.hash()));
    assert_eq!(chain.timestamp_ms(&block), Some(1_700_000_000_000));
    chain
        .import(&block)
        .expect("importing a block twice is the same as once");

    let orphan = chain.build(BlockHash([7; 32]), 1_700_000_000_000, digest);
    assert!(matches!(orphan, Err(ImportError::MissingParent)));

    chain.finalize(&block, None).expect("it was imported");
    assert_eq!(
        chain.finalized(),
        Position {
            number: 1,
            hash: block.hash()
        }
    );
    assert_eq!(chain.finalized_hash(1), Some(block.hash()));
    assert!(
        !chain.holds_state(genesis.hash()),
        "nothing is built below the last final block"
    );
}

/// A validator seals its weights to a height and does nothing more; when the height is final, its weights count. Until then
/// nobody can read them, the validator's own node included.
#[test]
fn sealed_weights_open_by_themselves_though_messages_are_lost_and_an_authority_is_gone() {
    use pallet_subtensor::{Call as Market, timelock::SealedOpinion};
    simulate(4, async |market| {
        let (owner, netuid) = (development_account("Alice"), 1);
        market.reach(1).await;
        market
            .send(
                "Alice",
                Market::register_network {
                    hotkey: owner.clone(),
                },
            )
            .await;
        market.send("Alice", Market::start_call { netuid }).await;
        let enable = pallet_admin_utils::Call::sudo_set_commit_reveal_weights_enabled {
            netuid,
            enabled: true,
        };
        let hurry = pallet_admin_utils::Call::sudo_set_weights_set_rate_limit {
            netuid,
            weights_set_rate_limit: 0,
        };
        for call in [enable, hurry] {
            let call = Box::new(call.into());
            market.send("Alice", pallet_sudo::Call::sudo { call }).await;
        }
        market.link(probability!(0.9)).await;

        let height = market.check().0 + 6;
        let plain = SealedOpinion {
            hotkey: owner.encode(),
            uids: vec![0],
            values: vec![1],
            version_key: 0,
        };
        let group = timelock::GroupKey::from(*market.committee.group_key());
        let mut rng = ChaCha20Rng::seed_from_u64(5);
        let sealed = timelock::seal(&mut rng, &group, height, &plain.encode()).expect("a group");
        let commit = Market::commit_timelocked_weights {
            netuid,
            commit: sealed.try_into().expect("short enough"),
            reveal_round: height.into(),
            commit_reveal_version: pallet_subtensor::timelock::HEIGHTS_VERSION,
        };
        market.send("Alice", commit).await;
        market.crash(3).await;
        assert_eq!(market.authorities[0].row(netuid, 0), []);
        market.reach(height + 8).await;
        for authority in &market.authorities[..3] {
            assert_eq!(authority.row(netuid, 0), [(0, u16::MAX)]);
            let wanted = authority.ledger.wanted_heights().expect("readable");
            assert!(wanted.is_empty(), "{wanted:?} are open");
        }
        market.start(3).await;
        market.link(probability!(1.0)).await;
        market.reach(height + 12).await;
        assert_eq!(market.authorities[3].row(netuid, 0), [(0, u16::MAX)]);
        market.check();
    });
}

/// The last block before a version that their program does not have is final everywhere; then each stops, and says what it
/// needs.
#[test]
fn everybody_stops_at_the_same_block_before_a_version_that_nobody_knows() {
    let (height, next) = (24, runtime::VERSION.spec_version + 1);
    simulate(5, async |market| {
        market.reach(1).await;
        let plan = runtime::versions::Call::plan_upgrade {
            spec_version: next,
            height,
        };
        let call = Box::new(runtime::RuntimeCall::Versions(plan));
        market.send("Alice", pallet_sudo::Call::sudo { call }).await;
        for authority in &mut market.authorities {
            let (engine, _) = authority.running.as_mut().expect("it runs");
            let fault = engine.faults.recv().await.expect("it says why it stops");
            let said = format!("block {height} needs version {next} of the runtime");
            assert!(fault.0.starts_with(&said), "{fault}");
            assert_eq!(authority.ledger.finalized().number, height - 1);
        }
        market.check();
    });
}
