//! Authorities over a simulated network, all in one thread, from one seed.

use crate::book::{Book, Conduct};
use commonware_p2p::simulated::{self, Link, Oracle};
use commonware_runtime::{Clock as _, Quota, Runner as _, Supervisor as _, deterministic};
use commonware_utils::{NZUsize, Probability, channel::mpsc, probability};
use consensus::{
    AuthorityKey, Beacon, Chain as _, Committee, Config, Engine, Metrics, Progress, PublicKey,
    draw, gossip, network,
};
use rand::SeedableRng as _;
use rand_chacha::ChaCha20Rng;
use std::time::Duration;

/// Time between blocks in every simulated network.
pub const INTERVAL: Duration = Duration::from_millis(250);
const BLOCK_BYTES_MAX: u32 = 64 * 1024;
/// Heights whose keys every ledger wants, all the time.
pub const WANTED: [u32; 2] = [5, 40];

/// A link good enough for a local network.
pub fn link(success_rate: Probability) -> Link {
    Link {
        latency: Duration::from_millis(5),
        jitter: Duration::from_millis(3),
        success_rate,
    }
}

/// A network in the middle of a simulation.
pub struct Network {
    pub clock: deterministic::Context,
    pub committee: Committee,
    oracle: Oracle<PublicKey, deterministic::Context>,
    authorities: Vec<Authority>,
}

struct Authority {
    key: AuthorityKey,
    book: Book,
    beacon: Option<Beacon>,
    /// None are sent; gossip ends when this is dropped.
    transactions: Option<mpsc::Sender<bytes::Bytes>>,
    starts: usize,
    running: Option<(Engine, Progress)>,
}

/// Runs `story` in a network of authorities that behave as `conduct` says, all of it decided by `seed`. Returns the
/// simulator's account of everything that happened, and what `story` returned.
pub fn simulate<T>(
    seed: u64,
    conduct: &[Conduct],
    story: impl AsyncFnOnce(&mut Network) -> T,
) -> (String, T) {
    let settings = deterministic::Config::new()
        .with_seed(seed)
        .with_timeout(Some(Duration::from_secs(600)));
    deterministic::Runner::new(settings).start(async move |context| {
        let mut network = Network::found(context.child("root"), seed, conduct).await;
        network.link_all(probability!(1.0)).await;
        for index in 0..conduct.len() {
            network.start(index).await;
        }
        let told = story(&mut network).await;
        (context.auditor().state(), told)
    })
}

impl Network {
    async fn found(clock: deterministic::Context, seed: u64, conduct: &[Conduct]) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let count = u32::try_from(conduct.len()).expect("few authorities");
        let (keys, polynomial) = draw(&mut rng, count).expect("a valid count");
        let names: Vec<_> = keys.iter().map(AuthorityKey::public).collect();
        let committee =
            Committee::new(names.clone(), polynomial, b"simulation".to_vec()).expect("as drawn");
        let (network, oracle) = simulated::Network::new_with_peers(
            clock.child("network"),
            simulated::Config {
                max_size: network::message_bytes_max(count, BLOCK_BYTES_MAX),
                max_peers_per_set: NZUsize!(names.len()),
                disconnect_on_block: true,
                tracked_peer_sets: NZUsize!(1),
            },
            names,
        )
        .await;
        network.start();
        let authorities = keys
            .into_iter()
            .zip(conduct)
            .map(|(key, conduct)| Authority {
                key,
                book: Book::new(*conduct),
                beacon: None,
                transactions: None,
                starts: 0,
                running: None,
            })
            .collect();
        Self {
            clock,
            committee,
            oracle,
            authorities,
        }
    }

    /// How many authorities there are.
    pub fn size(&self) -> usize {
        self.authorities.len()
    }

    /// An authority's ledger.
    pub fn book(&self, index: usize) -> &Book {
        &self.authorities[index].book
    }

    /// Height of an authority's durable history.
    pub fn height(&self, index: usize) -> u32 {
        self.book(index).finalized().number
    }

    /// Starts an authority, or restarts it after [`Network::crash`].
    pub async fn start(&mut self, index: usize) {
        let authority = &mut self.authorities[index];
        let me = authority.key.public();
        let control = self.oracle.control(me.clone());
        let mut registered = Vec::new();
        for (number, quota) in network::quotas() {
            let quota: Quota = quota;
            registered.push(control.register(number, quota).await.expect("network runs"));
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
        let progress = Progress::new(authority.book.finalized().number);
        let engine = consensus::start(
            context.child("agreement"),
            Config {
                committee: self.committee.clone(),
                me,
                share: authority.key.share.clone(),
                chain: authority.book.clone(),
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
        let (transactions, outgoing) = mpsc::channel(1);
        let share = authority.key.share.clone();
        let beacon = Beacon::new(self.committee.clone(), share, || WANTED.to_vec());
        gossip::start(
            context.child("gossip"),
            gossip_channel,
            outgoing,
            |_| (),
            1,
            progress.clone(),
            beacon.clone(),
        );
        authority.beacon = Some(beacon);
        authority.transactions = Some(transactions);
        authority.running = Some((engine, progress));
    }

    /// Kills an authority. Its ledger loses the last `lost` blocks it had made durable.
    pub async fn crash(&mut self, index: usize, lost: usize) {
        let authority = &mut self.authorities[index];
        let (engine, _) = authority.running.take().expect("it runs");
        engine.task.abort();
        // An aborted task answers with an error, which is what was asked for.
        let _ = engine.task.await;
        authority.book = authority.book.reopen(lost);
    }

    /// Connects everybody with everybody.
    pub async fn link_all(&mut self, success_rate: Probability) {
        let all: Vec<_> = (0..self.size()).collect();
        self.link(&all, success_rate).await;
    }

    /// Connects those named with each other.
    pub async fn link(&mut self, members: &[usize], success_rate: Probability) {
        for (from, to) in pairs(members, members) {
            let (from, to) = (self.name(from), self.name(to));
            // Links that are not there cannot be removed, and need not be.
            let _ = self.oracle.remove_link(from.clone(), to.clone()).await;
            self.oracle
                .add_link(from, to, link(success_rate))
                .await
                .expect("both are known");
        }
    }

    /// Cuts every link between the two groups.
    pub async fn part(&mut self, left: &[usize], right: &[usize]) {
        for (from, to) in pairs(left, right).into_iter().chain(pairs(right, left)) {
            let (from, to) = (self.name(from), self.name(to));
            self.oracle.remove_link(from, to).await.expect("linked");
        }
    }

    /// The keys of heights that an authority knows.
    pub fn keys(&self, index: usize) -> Vec<(u32, timelock::HeightKey)> {
        let beacon = self.authorities[index].beacon.as_ref();
        beacon.map_or(Vec::new(), Beacon::keys)
    }

    fn name(&self, index: usize) -> PublicKey {
        self.authorities[index].key.public()
    }

    /// Lets time pass.
    pub async fn pass(&self, time: Duration) {
        self.clock.sleep(time).await;
    }

    /// Waits until every running authority's durable history is at least `height` long.
    pub async fn reach(&self, height: u32) {
        for authority in &self.authorities {
            if let Some((_, progress)) = &authority.running {
                progress.finalized_at_least(height).await;
            }
        }
    }

    /// Checks that no two authorities disagree about any height, and that every certificate holds. Returns the
    /// longest history's length and last state.
    pub fn check(&self) -> (u32, String) {
        let mut rng = ChaCha20Rng::seed_from_u64(0);
        let books: Vec<_> = self.authorities.iter().map(|a| a.book.pages()).collect();
        let longest = books
            .iter()
            .max_by_key(|pages| pages.len())
            .expect("a network has authorities");
        for pages in &books {
            for (height, page) in pages.iter().enumerate() {
                assert_eq!(page.hash, longest[height].hash, "fork at height {height}");
                assert_eq!(
                    page.state, longest[height].state,
                    "two states at height {height}"
                );
                if let Some(certificate) = &page.certificate {
                    let certified = self.committee.certified(&mut rng, certificate);
                    assert_eq!(certified, Some(page.hash), "certificate at height {height}");
                }
            }
        }
        let last = longest.last().expect("a history has a genesis");
        let height = u32::try_from(longest.len() - 1).expect("short histories");
        (height, format!("{:?}", last.state))
    }
}

fn pairs(left: &[usize], right: &[usize]) -> Vec<(usize, usize)> {
    left.iter()
        .flat_map(|from| right.iter().map(move |to| (*from, *to)))
        .filter(|(from, to)| from != to)
        .collect()
}
