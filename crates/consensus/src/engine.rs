//! Starts agreement: simplex decides, marshal delivers, the ledger executes.
//!
//! ```text
//!   peers ──votes, certificates──▶ simplex ──propose, verify──▶ Deferred ──▶ Authority ─┐
//!     │                              │ certificates              ▲                      ▼
//!     ├──blocks────▶ buffer ────▶ marshal ◀──────────────────────┘                  Executor ──▶ ledger
//!     └──backfill──▶ resolver ──▶    │ finalized blocks, in order                       ▲
//!                                    └────────────────────▶ Finalizer ──────────────────┘
//! ```
//!
//! The same code runs over TCP and disk, and under a simulator from a seed: clock, randomness, disk and network are
//! parameters.
//!
//! There is one epoch: the authorities are those of the genesis.

use crate::{
    application::Authority,
    block::{Block, PublicKey},
    chain::{Chain, Fault},
    committee::{Committee, Scheme},
    digest::BlockHash,
    executor::Executor,
    finalizer::{Finalizer, Inbox},
    metrics::Metrics,
    network::Channels,
    progress::Progress,
    storage::{self, Archives},
    timing::Timing,
};
use commonware_broadcast::buffered;
use commonware_consensus::{
    marshal::{
        self,
        core::{Actor, Mailbox},
        resolver::p2p as resolver,
        standard::{Deferred, Standard},
    },
    simplex::{
        self, SkipBudget,
        config::{Floor, ForwardPolicy, SkipPolicy},
        elector::{Random, RandomVersion},
    },
    types::{Epoch, FixedEpocher, ViewDelta},
};
use commonware_cryptography::{Sha256, bls12381::primitives::group, certificate::ConstantProvider};
use commonware_p2p::{Blocker, Provider, Receiver, Sender};
use commonware_parallel::Sequential;
use commonware_runtime::{Clock, Handle, Metrics as Registry, Spawner, Storage};
use commonware_utils::{NZUsize, NonZeroDuration, channel::mpsc};
use rand::CryptoRng;
use std::{
    num::{NonZeroU64, NonZeroUsize},
    time::Duration,
};

/// Blocks delivered to the ledger and not yet durable there, at most.
const UNACKNOWLEDGED_MAX: NonZeroUsize = NZUsize!(16);
/// Heights fetched at a time when catching up.
const REPAIR_MAX: NonZeroUsize = NZUsize!(64);
/// Messages waiting in one actor's mailbox.
const MAILBOX: NonZeroUsize = NZUsize!(256);
/// Unfinalized blocks of one peer kept at hand.
const BLOCKS_PER_PEER: usize = 16;
/// Views behind the last finalized one whose votes are kept.
const VIEWS_KEPT: u64 = 64;
/// Pause before asking again for data that no peer had.
const FETCH_RETRY: Duration = Duration::from_millis(100);

/// What distinguishes one authority of one network.
pub struct Config<C, P, B> {
    /// The network's authorities and group key.
    pub committee: Committee,
    /// This authority's identity among its peers.
    pub me: PublicKey,
    /// This authority's share of the group's key.
    pub share: group::Share,
    /// The ledger.
    pub chain: C,
    /// Which peers there are.
    pub peers: P,
    /// Cuts off peers that send what no honest one would.
    pub blocker: B,
    /// Time between blocks.
    pub interval: Duration,
    /// Largest block, in bytes; the same on every authority.
    pub block_bytes_max: u32,
    /// Prefix of everything stored, so that several authorities can share a simulated disk.
    pub partition: String,
    /// Where figures go.
    pub metrics: Metrics,
    /// How far the node has come; shared with whoever else reports on it.
    pub progress: Progress,
}

/// A running authority.
pub struct Engine {
    /// What it died of. The ledger gets no further blocks after the first fault.
    pub faults: mpsc::Receiver<Fault>,
    /// Ends when agreement ends; aborting it stops every actor.
    pub task: Handle<()>,
}

/// What agreement needs of a machine: a clock, randomness, tasks, a disk and figures.
pub trait Environment: Clock + CryptoRng + Spawner + Storage + Registry {}
impl<T: Clock + CryptoRng + Spawner + Storage + Registry> Environment for T {}

/// Starts an authority.
///
/// # Errors
///
/// [`crate::KeyError::ForeignShare`] when the share is not of this committee.
pub fn start<E, C, P, B, S, R>(
    context: E,
    config: Config<C, P, B>,
    channels: Channels<S, R>,
) -> Result<Engine, crate::KeyError>
where
    E: Environment,
    C: Chain,
    P: Provider<PublicKey = PublicKey> + Sync,
    B: Blocker<PublicKey = PublicKey> + Sync,
    S: Sender<PublicKey = PublicKey>,
    R: Receiver<PublicKey = PublicKey>,
{
    let scheme = config.committee.signer(config.share.clone())?;
    let (faults, faults_receiver) = mpsc::channel(1);
    let running = Running {
        scheme,
        timing: Timing::of_interval(config.interval),
        config,
        faults,
    };
    let task = context.spawn(move |context| async move {
        running.run(context, channels).await;
    });
    Ok(Engine {
        faults: faults_receiver,
        task,
    })
}

type MarshalMailbox = Mailbox<Scheme, Standard<Block>>;

struct Running<C, P, B> {
    scheme: Scheme,
    timing: Timing,
    config: Config<C, P, B>,
    faults: mpsc::Sender<Fault>,
}

impl<C, P, B> Running<C, P, B>
where
    C: Chain,
    P: Provider<PublicKey = PublicKey> + Sync,
    B: Blocker<PublicKey = PublicKey> + Sync,
{
    async fn run<E, S, R>(self, context: E, channels: Channels<S, R>)
    where
        E: Environment,
        S: Sender<PublicKey = PublicKey>,
        R: Receiver<PublicKey = PublicKey>,
    {
        let executor = Executor::new(
            context.child("ledger"),
            self.config.chain.clone(),
            self.config.progress.clone(),
        );
        let (marshal, delivery) = self
            .start_marshal(&context, &executor, channels.backfill, channels.blocks)
            .await;
        let authority = Authority::new(executor, self.timing, self.faults.clone());
        let automaton = Deferred::new(
            context.child("application"),
            authority,
            marshal,
            one_epoch(),
        );
        let simplex = self.simplex(&context, automaton);
        let engine = simplex.start(channels.votes, channels.certificates, channels.resolver);
        // Whichever ends first ends the node: none can work without the others.
        futures::future::select(engine, delivery).await;
    }

    async fn start_marshal<E, S, R>(
        &self,
        context: &E,
        executor: &Executor<E, C>,
        backfill: (S, R),
        blocks: (S, R),
    ) -> (MarshalMailbox, Handle<()>)
    where
        E: Environment,
        S: Sender<PublicKey = PublicKey>,
        R: Receiver<PublicKey = PublicKey>,
    {
        let config = &self.config;
        let resolver = resolver::init(
            context.child("backfill"),
            resolver::Config {
                public_key: config.me.clone(),
                peer_provider: config.peers.clone(),
                blocker: config.blocker.clone(),
                mailbox_size: MAILBOX,
                fetch_timeout: NonZeroDuration::new_panic(self.timing.fetch),
                fetch_retry_delay: FETCH_RETRY,
                priority_requests: false,
                priority_responses: false,
            },
            backfill,
        );
        let (buffer, buffer_mailbox) = buffered::Engine::new(
            context.child("blocks"),
            buffered::Config {
                public_key: config.me.clone(),
                mailbox_size: MAILBOX,
                deque_size: BLOCKS_PER_PEER,
                priority: true,
                codec_config: config.block_bytes_max,
                peer_provider: config.peers.clone(),
                strategy: Sequential,
            },
        );
        buffer.start(blocks);

        let Archives {
            certificates,
            blocks,
        } = storage::open(context, &config.partition, config.block_bytes_max).await;
        let (actor, mailbox, _) = Actor::init(
            context.child("marshal"),
            certificates,
            blocks,
            self.marshal_config(),
        )
        .await;
        let (inbox, deliveries) =
            Inbox::new(UNACKNOWLEDGED_MAX.get(), self.config.progress.clone());
        let delivery = actor.start(inbox, buffer_mailbox, resolver);
        let finalizer = Finalizer {
            executor: executor.clone(),
            marshal: mailbox.clone(),
            progress: self.config.progress.clone(),
            metrics: config.metrics.clone(),
            faults: self.faults.clone(),
            me: config.me.clone(),
        };
        context
            .child("finalizer")
            .spawn(move |clock| finalizer.run(clock, deliveries));
        (mailbox, delivery)
    }

    fn marshal_config(
        &self,
    ) -> marshal::Config<
        ConstantProvider<Scheme, Epoch>,
        FixedEpocher,
        Sequential,
        Block,
        commonware_cryptography::Digested<Block>,
    > {
        let config = &self.config;
        marshal::Config {
            provider: ConstantProvider::new(self.scheme.clone()),
            epocher: one_epoch(),
            start: marshal::Start::Genesis(config.chain.genesis().digested()),
            partition_prefix: config.partition.clone(),
            mailbox_size: MAILBOX,
            view_retention: ViewDelta::new(VIEWS_KEPT),
            prunable_items_per_section: storage::CACHE_SECTION,
            page_cache: storage::page_cache(),
            replay_buffer: storage::REPLAY_BUFFER,
            key_write_buffer: storage::KEY_BUFFER,
            value_write_buffer: storage::VALUE_BUFFER,
            block_codec_config: config.block_bytes_max,
            max_repair: REPAIR_MAX,
            max_pending_acks: UNACKNOWLEDGED_MAX,
            strategy: Sequential,
        }
    }

    fn simplex<E: Environment>(&self, context: &E, automaton: Wrapped<E, C>) -> Simplex<E, C, B> {
        let (config, timing) = (&self.config, self.timing);
        simplex::Engine::new(
            context.child("simplex"),
            simplex::Config {
                scheme: self.scheme.clone(),
                elector: Random::<Sha256>::new(RandomVersion::V1),
                blocker: config.blocker.clone(),
                automaton: automaton.clone(),
                relay: automaton.clone(),
                reporter: automaton,
                strategy: Sequential,
                partition: format!("{}-simplex", config.partition),
                mailbox_size: MAILBOX,
                epoch: Epoch::zero(),
                floor: Floor::Genesis(config.chain.genesis().hash()),
                replay_buffer: storage::REPLAY_BUFFER,
                write_buffer: storage::VALUE_BUFFER,
                page_cache: storage::page_cache(),
                leader_timeout: timing.leader,
                certification_timeout: timing.certification,
                timeout_retry: timing.retry,
                view_retention: ViewDelta::new(VIEWS_KEPT),
                skip: SkipPolicy::Enabled {
                    timeout: timing.skip,
                    budget: SkipBudget::Participants,
                },
                fetch_timeout: NonZeroDuration::new_panic(timing.fetch),
                fetch_retry_delay: FETCH_RETRY,
                forward: ForwardPolicy::SilentVoters,
                track_historical_votes: false,
            },
        )
    }
}

type Wrapped<E, C> = Deferred<E, Scheme, Authority<E, C>, Block, FixedEpocher>;
type Simplex<E, C, B> = simplex::Engine<
    E,
    Scheme,
    Random<Sha256>,
    B,
    BlockHash,
    Wrapped<E, C>,
    Wrapped<E, C>,
    Wrapped<E, C>,
    Sequential,
>;

/// Every height there can be, as one epoch.
fn one_epoch() -> FixedEpocher {
    FixedEpocher::new(NonZeroU64::MAX)
}
