//! A whole market from a seed: subnets of any tasks on one chain, a validator on each, and whatever miners a test seats.
//!
//! Every step is the production code's and can be taken by itself: [`Market::probe`] asks and judges, [`Market::publish`] sets
//! weights, [`Market::settle`] lets epochs pass, [`Market::earned`] reads what they paid. With miners at fixed distances nothing
//! depends on the machine: the same seed makes the same market.

use crate::chain::Chain;
use crate::street::Street;
use axum::Router;
use client::{Metagraph, Neuron};
use daemon::unix_ms;
use gateway::directory::{Listed, Miner as Listing};
use gateway::jobs::Jobs;
use gateway::limits::Gates;
use gateway::market::{Market as Trading, Shared};
use gateway::metrics::Metrics;
use gateway::signer::Signer;
use gateway::subnets::{Subnet as Traded, Subnets};
use gateway::transport::Transport as _;
use gateway::{Gateway, Patience};
use keys::Pair;
use miner::{Miner, Permits, Trade};
use pallet_admin_utils::Call as Admin;
use pallet_subtensor::Call as Subtensor;
use primitives::{AccountId, NetUid, Rao, Uid};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use runtime::{Runtime, RuntimeCall, TAO};
use scoring::Judgement;
use std::collections::{BTreeMap, HashSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tasks::{Judge, Kind, Service, Setup};
use validator::{Book, Observed, Post, Probe, Seat, Transport};

/// Blocks from one epoch to the next, less one.
const TEMPO: u16 = 10;

/// What a newcomer is given, in rao.
const ALLOWANCE: u64 = 1_000 * TAO;

/// What a validator stakes, in rao.
const STAKE: u64 = 100 * TAO;

/// The name of every subnet's validator.
const VALIDATOR: &str = "validator";

/// The miners' first port.
const PORT: u16 = 9_001;

/// Subnets on one chain, with everybody who works there.
pub struct Market {
    chain: Chain,
    street: Street,
    subnets: BTreeMap<NetUid, Subnet>,
    rng: ChaCha20Rng,
    settled: u16,
}

struct Subnet {
    kind: &'static dyn Kind,
    judge: Arc<dyn Judge>,
    book: Book,
}

/// A judged answer, and whose it was.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The miner's hotkey.
    pub miner: AccountId,
    /// What the judge said.
    pub judgement: Judgement,
}

impl Market {
    /// A chain without subnets; everything that will be drawn follows from the seed.
    pub fn seeded(seed: u64) -> Self {
        let market = Self {
            chain: Chain::new(),
            street: Street::default(),
            subnets: BTreeMap::new(),
            rng: ChaCha20Rng::seed_from_u64(seed),
            settled: 0,
        };
        let no_wait = Admin::sudo_set_network_rate_limit { rate_limit: 0 };
        // The price of a subnet falls within a block by what the last one cost, so that each costs the same.
        let same_price = Admin::sudo_set_lock_reduction_interval { interval: 1 };
        market.transact_all(&alice(), [sudo(no_wait), sudo(same_price)]);
        market
    }

    /// The chain below.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Opens a subnet of Alice's for a task, with a validator that has stake.
    ///
    /// # Panics
    ///
    /// When the task needs what the test's machine has not, or the chain refuses a step.
    pub fn open(&mut self, kind: &'static dyn Kind) -> NetUid {
        let netuid = NetUid(self.subnets.len() as u16 + 1);
        let hotkey = runtime_account(&pair(&format!("//Alice//{netuid}")));
        self.transact(&alice(), Subtensor::register_network { hotkey });
        let set_task = client::calls::set_task(netuid, &kind.id());
        let start = Subtensor::start_call { netuid: netuid.0 }.into();
        let opening = rules(netuid.0).into_iter().chain([set_task, start]);
        self.transact_all(&alice(), opening);
        self.enter(netuid, VALIDATOR);
        let stake = Subtensor::add_stake {
            hotkey: runtime_account(&hotkey_of(netuid, VALIDATOR)),
            netuid: netuid.0,
            amount_staked: STAKE,
        };
        self.transact(&coldkey_of(netuid, VALIDATOR), stake);
        let judge = kind
            .judge(&Setup::default())
            .expect("the task needs nothing");
        let book = Book::default();
        self.subnets.insert(netuid, Subnet { kind, judge, book });
        netuid
    }

    /// Seats a miner that answers with a service, and lets it publish an address. With a `distance`, that is what each of
    /// its answers takes.
    ///
    /// # Panics
    ///
    /// When the chain refuses a step.
    pub fn seat(
        &mut self,
        netuid: NetUid,
        name: &str,
        service: Service,
        distance: Option<Duration>,
    ) {
        self.enter(netuid, name);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT + self.settled));
        self.settled += 1;
        self.transact(&hotkey_of(netuid, name), axon(netuid, address));
        let permits = Permits::default();
        permits.replace(HashSet::from([hotkey_of(netuid, VALIDATOR).account()]));
        let miner = Miner::new(
            hotkey_of(netuid, name),
            netuid,
            Trade::new(self.subnets[&netuid].kind, service),
            permits,
            8,
            Arc::new(unix_ms),
        );
        let router = miner::router(Arc::new(miner));
        self.street.settle(address, router, distance);
    }

    /// As [`Market::seat`], with the task's own service: honest without a cheat.
    ///
    /// # Panics
    ///
    /// When the task has no such cheat, or the chain refuses a step.
    pub fn seat_own(
        &mut self,
        netuid: NetUid,
        name: &str,
        cheat: Option<&str>,
        distance: Option<Duration>,
    ) {
        let setup = Setup {
            cheat: cheat.map(str::to_owned),
            ..Setup::default()
        };
        let service = self.subnets[&netuid].kind.service(&setup);
        self.seat(
            netuid,
            name,
            service.expect("the task needs nothing"),
            distance,
        );
    }

    /// Puts so many challenges to every miner of a subnet, each of them the same, and judges what comes.
    ///
    /// # Panics
    ///
    /// When the validator cannot tell what an answer is worth.
    pub async fn probe(&mut self, netuid: NetUid, challenges: usize) -> Vec<Judged> {
        let graph = self.metagraph(netuid);
        let signer = hotkey_of(netuid, VALIDATOR);
        let subnet = self.subnets.get_mut(&netuid).expect("an open subnet");
        subnet.book.follow(&graph, &signer.account());
        let mut all = Vec::new();
        for _ in 0..challenges {
            let now_ms = unix_ms();
            let challenge = Arc::new(subnet.judge.challenge(&mut self.rng));
            let number = self.rng.random();
            for seat in subnet.book.seats().to_vec() {
                let challenge = (number, challenge.clone());
                let probe = Probe::new(challenge, seat, netuid, &signer, now_ms, &mut self.rng);
                let judgement = subnet.ask(&self.street, &probe).await;
                let observed = Observed {
                    challenge: number,
                    judgement,
                    at_ms: now_ms,
                };
                let (kind, judge) = (subnet.kind, subnet.judge.as_ref());
                subnet.book.record(&seat, &observed, kind, judge);
                let Observed { judgement, .. } = observed;
                let miner = seat.hotkey;
                all.push(Judged { miner, judgement });
            }
        }
        all
    }

    /// What a subnet's validator thinks of its miners.
    pub fn book(&self, netuid: NetUid) -> &Book {
        &self.subnets[&netuid].book
    }

    /// Sets the validator's weights on chain, after the epoch that gives it a permit if it has none yet.
    ///
    /// # Panics
    ///
    /// When the chain refuses them.
    pub fn publish(&self, netuid: NetUid) {
        if !self.has_permit(netuid, VALIDATOR) {
            self.settle(1);
        }
        let weights = self.book(netuid).weights();
        let (dests, weights) = weights
            .into_iter()
            .map(|(uid, weight)| (uid.0, weight))
            .unzip();
        let call = Subtensor::set_weights {
            netuid: netuid.0,
            dests,
            weights,
            version_key: 0,
        };
        self.transact(&hotkey_of(netuid, VALIDATOR), call);
    }

    /// Lets so many epochs pass.
    ///
    /// # Panics
    ///
    /// When the money does not add up after some block.
    pub fn settle(&self, epochs: u32) {
        let end = self.chain.head().number + epochs * u32::from(TEMPO + 1);
        self.chain.advance_to(end).expect("the money adds up");
    }

    fn has_permit(&self, netuid: NetUid, name: &str) -> bool {
        let permits = self
            .chain
            .read(|| pallet_subtensor::ValidatorPermit::<Runtime>::get(netuid.0));
        let uid = usize::from(self.uid(netuid, name).0);
        permits.get(uid).copied().unwrap_or(false)
    }

    /// The miner's share of its subnet's last epoch, as the chain has it.
    pub fn incentive(&self, netuid: NetUid, name: &str) -> u16 {
        let incentive = self
            .chain
            .read(|| pallet_subtensor::Incentive::<Runtime>::get(netuid.0));
        let uid = usize::from(self.uid(netuid, name).0);
        incentive.get(uid).copied().unwrap_or(0)
    }

    /// What the miner has earned: the alpha that its coldkey holds on its hotkey, in rao.
    pub fn earned(&self, netuid: NetUid, name: &str) -> u64 {
        let hot = runtime_account(&hotkey_of(netuid, name));
        let cold = runtime_account(&coldkey_of(netuid, name));
        self.chain
            .read(|| pallet_subtensor::Pallet::<Runtime>::stake_of(&hot, &cold, netuid.0))
    }

    /// The miner's seat.
    ///
    /// # Panics
    ///
    /// When it has none.
    pub fn uid(&self, netuid: NetUid, name: &str) -> Uid {
        let hotkey = runtime_account(&hotkey_of(netuid, name));
        let uid = self
            .chain
            .read(|| pallet_subtensor::Uids::<Runtime>::get(netuid.0, hotkey));
        Uid(uid.expect("a seat"))
    }

    /// A gateway in front of every subnet, which signs as their validators and knows what they know.
    ///
    /// # Panics
    ///
    /// When a miner does not say what it serves.
    pub async fn gateway(&self) -> Router {
        let metrics = Arc::new(Metrics::default());
        let shared = Shared {
            transport: Arc::new(self.street.clone()),
            patience: Patience::default(),
            metrics: metrics.clone(),
        };
        let mut traded = Vec::new();
        for (netuid, subnet) in &self.subnets {
            let signer = Signer::new(vec![hotkey_of(*netuid, VALIDATOR)], *netuid);
            let trading = Trading::new(subnet.kind, signer.expect("one key"), shared.clone());
            trading.directory.replace(self.listed(*netuid).await);
            traded.push(Traded::open(trading));
        }
        let subnets = Subnets::new(traded);
        gateway::router(Gateway {
            jobs: Jobs::in_memory(subnets.clone(), metrics.clone()),
            subnets,
            gates: Arc::new(Gates::new(vec![], None, 8)),
            metrics,
            body_bytes_max: 64 * 1024,
            since: 0,
        })
    }

    async fn listed(&self, netuid: NetUid) -> Vec<Listed> {
        let graph = self.metagraph(netuid);
        let mut listed = Vec::new();
        for (neuron, address) in graph.reachable() {
            let miner = Listing {
                uid: neuron.uid,
                hotkey: neuron.hotkey,
                address,
            };
            let models = self.street.models(miner).await;
            listed.push(Listed {
                miner,
                standing: self.book(netuid).value(neuron.uid),
                models: models.expect("it says what it serves"),
            });
        }
        listed
    }

    /// Includes a call in a block of its own and checks that it worked.
    ///
    /// # Panics
    ///
    /// When it did not.
    pub fn transact(&self, signer: &Pair, call: impl Into<RuntimeCall>) {
        self.transact_all(signer, [call.into()]);
    }

    /// Includes calls in one block and checks that they all worked.
    fn transact_all(&self, signer: &Pair, calls: impl IntoIterator<Item = RuntimeCall>) {
        for call in calls {
            self.chain.submit(signer, call).expect("the pool takes it");
        }
        self.chain.advance().expect("the money adds up");
        assert_eq!(self.chain.failures(), Vec::<String>::new());
    }

    /// Gives a newcomer money, and lets it buy a seat.
    fn enter(&self, netuid: NetUid, name: &str) {
        let coldkey = coldkey_of(netuid, name);
        let gift = pallet_balances::Call::transfer_keep_alive {
            dest: runtime_account(&coldkey).into(),
            value: ALLOWANCE,
        };
        self.transact(&alice(), gift);
        let seat = Subtensor::burned_register {
            netuid: netuid.0,
            hotkey: runtime_account(&hotkey_of(netuid, name)),
        };
        self.transact(&coldkey, seat);
    }

    /// The seats as the chain has them.
    fn metagraph(&self, netuid: NetUid) -> Metagraph {
        let head = self.chain.head();
        let neurons = self.chain.read(|| {
            let keys = pallet_subtensor::Keys::<Runtime>::iter_prefix(netuid.0);
            let seats: BTreeMap<u16, runtime::AccountId> = keys.collect();
            seats
                .into_iter()
                .map(|(uid, hotkey)| neuron(netuid, uid, &hotkey))
                .collect()
        });
        Metagraph {
            netuid,
            block: head.number,
            hash: head.hash,
            tempo: TEMPO,
            neurons,
        }
    }
}

impl Subnet {
    /// Puts a challenge to one miner, and judges what comes.
    async fn ask(&self, street: &Street, probe: &Probe) -> Judgement {
        let Seat { address, .. } = probe.seat;
        let post = Post {
            address,
            route: probe.challenge.route,
            task: self.kind.id(),
            limits: self.kind.limits(),
            envelope: probe.envelope,
            body: probe.challenge.body.clone(),
        };
        match Transport::ask(street, post).await {
            Ok(reply) => {
                let judgement = self.judge.judge(probe.put(), &reply);
                judgement.expect("this validator can tell")
            }
            Err(fault) => Judgement::fault(fault),
        }
    }
}

/// The coldkey of somebody on a subnet.
pub fn coldkey_of(netuid: NetUid, name: &str) -> Pair {
    pair(&format!("//{netuid}//{name}"))
}

/// The hotkey of somebody on a subnet.
pub fn hotkey_of(netuid: NetUid, name: &str) -> Pair {
    pair(&format!("//{netuid}//{name}//hot"))
}

fn alice() -> Pair {
    pair("//Alice")
}

fn pair(uri: &str) -> Pair {
    Pair::from_uri(uri).expect("a development key")
}

fn runtime_account(pair: &Pair) -> runtime::AccountId {
    runtime::AccountId::new(pair.account().0)
}

fn sudo(call: Admin<Runtime>) -> RuntimeCall {
    let call = Box::new(call.into());
    pallet_sudo::Call::sudo { call }.into()
}

/// Short epochs, weights whenever there are some, and room for everybody.
fn rules(netuid: u16) -> [RuntimeCall; 5] {
    let tempo = TEMPO;
    [
        sudo(Admin::sudo_set_tempo { netuid, tempo }),
        sudo(Admin::sudo_set_weights_set_rate_limit {
            netuid,
            weights_set_rate_limit: 0,
        }),
        sudo(Admin::sudo_set_commit_reveal_weights_enabled {
            netuid,
            enabled: false,
        }),
        sudo(Admin::sudo_set_max_registrations_per_block {
            netuid,
            max_registrations_per_block: 64,
        }),
        sudo(Admin::sudo_set_target_registrations_per_interval {
            netuid,
            target_registrations_per_interval: 64,
        }),
    ]
}

fn axon(netuid: NetUid, address: SocketAddr) -> Subtensor<Runtime> {
    let ip = u128::from(u32::from(Ipv4Addr::LOCALHOST));
    Subtensor::serve_axon {
        netuid: netuid.0,
        version: 1,
        ip,
        port: address.port(),
        ip_type: 4,
        protocol: 4,
        placeholder1: 0,
        placeholder2: 0,
    }
}

/// A seat, read inside the runtime's storage.
fn neuron(netuid: NetUid, uid: u16, hotkey: &runtime::AccountId) -> Neuron {
    let axon = pallet_subtensor::Axons::<Runtime>::get(netuid.0, hotkey);
    let axon = axon.and_then(|axon| {
        let ip = Ipv4Addr::from(u32::try_from(axon.ip).ok()?);
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
