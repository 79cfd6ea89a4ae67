//! Carries one job: from miner to miner, until its answer is there or nobody is left.
//!
//! # The rule
//!
//! 1. A miner is chosen as for any request ([`crate::choice`]); those that have let this job down come after all others, and
//!    are not asked a third time. Those that stall on jobs ([`crate::condition`]) come last of all.
//! 2. [`protocol::Errand`] submits the job and follows it. What it tells goes on the board, and what is found on the way as well, if
//!    it can be an answer to the request ([`tasks::Kind::check_answer_to`]).
//! 3. The final one must be such an answer as well, and have the miner's receipt over exactly this submission and answer. Then the job is done.
//! 4. A miner that has the job and no news of it (`pulse`) for [`Rhythm::quiet`], or a part of the time that the task gives, loses it, whether
//!    it works or lets it stand in line. It is told so, and what it had is fetched. Having stalled is held against it.
//! 5. A job that stands in line is taken to another miner that is free after [`Rhythm::line`], [`LEAVES_MAX`] times at most; that is
//!    held against nobody, nor is a miner's giving up what stood in its line for long. Where all have lines each further one is borne
//!    for twice as long, so that nobody runs from line to line for ever.
//! 6. A miner that did not take the job (busy, other clock, no permit) is not to blame. A request that all who could be asked find fault
//!    with, two at least, ends the job: the task found none, so that the word of a few is not enough. Every other end, but for
//!    lines, is a letdown: the miner is set aside, and the job goes to another.
//! 7. When all have been asked the next round begins after a pause. A job for which nobody is there for [`Rhythm::nobody`] fails, and so
//!    does one that [`LOST_MAX`] miners had and let down, or [`LETDOWNS_MAX`] in all; one for which nobody has a place waits up to
//!    [`Rhythm::full`].
//! 8. A job that was somewhere when the gateway stopped is followed there again.
//! 9. Cancelled, the job is cancelled at its miner too, and what it has found so far is fetched once more.
//!
//! [`Rhythm::nobody`]: super::Rhythm::nobody
//! [`Rhythm::full`]: super::Rhythm::full
//! [`Rhythm::line`]: super::Rhythm::line
//! [`Rhythm::quiet`]: super::Rhythm::quiet

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use bytes::Bytes;
use primitives::{Hotkey, NetUid};
use protocol::{Code, Courier, Errand, Finished, Trouble};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::directory::{Listed, Miner};
use crate::jobs::board::Entry;
use crate::jobs::post::{Find, Miss, Post};
use crate::jobs::pulse::Pulse;
use crate::jobs::stay::{Stay, checked, part};
use crate::jobs::{Given, Job, Jobs, Place, Rhythm, State};
use crate::market::Market;
use crate::metrics::Outcome;
use crate::search::{Fit, is_fault_of_request, pick};
use crate::transport::MinerError;

/// So often may one miner let one job down.
const CHANCES: u32 = 2;
/// So often may a job be let down by all miners together; most that are gone say so within milliseconds.
const LETDOWNS_MAX: u32 = 32;
/// So often may it be let down by miners that had taken it, which costs minutes.
const LOST_MAX: u32 = 6;
/// So often is it taken out of one miner's line because another is free.
const LEAVES_MAX: u32 = 3;
/// So often doubles what it bears of a line.
const DOUBLINGS_MAX: u32 = 10;
/// For the last words with a miner whose job is cancelled.
pub(super) const FAREWELL: Duration = Duration::from_secs(5);

/// Carries a job to its end, or until the gateway stops.
pub(super) async fn carry(jobs: Jobs, entry: Arc<Entry>) {
    let shutdown = jobs.setting().shutdown.clone();
    let _at_rest = entry.at_rest.clone().drop_guard();
    let carrier = Carrier {
        rhythm: jobs.setting().rhythm,
        jobs: jobs.clone(),
        entry: entry.clone(),
        begun: Instant::now(),
        refused: Vec::new(),
        faults: 0,
        lines: 0,
        reason: None,
    };
    tokio::select! {
        biased;
        () = shutdown.cancelled() => return,
        () = entry.finished() => {}
        () = keep_saved(&jobs, &entry) => {}
        end = carrier.run() => {
            let settled = move |job: &mut Job| match &end {
                End::Done(given) => {
                    job.answer = Some(given.clone());
                    job.finish(State::Done, daemon::unix_ms());
                }
                End::Failed(reason) => {
                    job.failure = Some(reason.clone());
                    job.finish(State::Failed, daemon::unix_ms());
                }
            };
            jobs.settle(&entry, settled).await;
        }
    }
    let job = entry.read();
    let offered = entry.offered().take();
    if let (State::Cancelled, Some(place)) = (job.state, job.place.clone().or(offered)) {
        let parting = part(&jobs, &entry, &job, &place);
        if timeout(FAREWELL, parting).await.is_err() {
            tracing::debug!(job = %job.id, "the miner of a cancelled job does not answer");
        }
        jobs.save_or_warn(&entry).await;
    }
}

/// Saves the job whenever that is worth it, at a calm pace.
async fn keep_saved(jobs: &Jobs, entry: &Arc<Entry>) {
    let pace = jobs.setting().rhythm.saving;
    loop {
        entry.dirty.notified().await;
        jobs.save_or_warn(entry).await;
        sleep(pace).await;
    }
}

/// How a job ends by itself.
#[derive(Clone)]
enum End {
    Done(Given),
    Failed(String),
}

/// How it went at one miner.
enum Visit {
    /// It has the answer.
    Done(Given),
    /// It did not take the job, for this reason; it is not to blame.
    Declined(String),
    /// It has no place for the job just now.
    Full(String),
    /// It took the job, and let it stand in line.
    Line(String),
    /// It finds fault with the request.
    Fault(String),
    /// It let the job down.
    LetDown(String),
}

/// Why a job is taken from a miner before its errand is over.
enum Parting {
    /// There was no news.
    Quiet,
    /// Another miner is free.
    Freer,
}

/// The bearer of one job.
struct Carrier {
    jobs: Jobs,
    entry: Arc<Entry>,
    rhythm: Rhythm,
    begun: Instant,
    /// Who said no in this round.
    refused: Vec<(NetUid, Hotkey)>,
    /// How many of them because they find fault with the request.
    faults: usize,
    /// How many lines it has left.
    lines: u32,
    /// Why it went no further, last time.
    reason: Option<String>,
}

impl Carrier {
    async fn run(mut self) -> End {
        if let Some(place) = self.entry.read().place
            && let Some(end) = self.resume(place).await
        {
            return end;
        }
        let mut idle_since = Instant::now();
        let mut pause = self.rhythm.pause_min;
        loop {
            let markets = self.markets();
            let job = self.entry.read();
            let Some((market, miner)) = self.pick(&markets, &job) else {
                if self.is_faulty(&job) {
                    let reason = self.reason.unwrap_or_default();
                    return End::Failed(format!(
                        "every miner that was asked finds fault with the request; change it. The last: {reason}"
                    ));
                }
                if self.rhythm.nobody <= idle_since.elapsed() {
                    return End::Failed(self.nobody(&job));
                }
                self.refused.clear();
                self.faults = 0;
                sleep(pause).await;
                pause = (pause * 2).min(self.rhythm.pause_max);
                continue;
            };
            let seat = (market.netuid, miner.hotkey);
            let visit = self.begin(market, miner).await;
            match visit {
                Visit::LetDown(_) => {
                    (idle_since, pause) = (Instant::now(), self.rhythm.pause_min);
                }
                Visit::Full(_) | Visit::Line(_) if self.begun.elapsed() < self.rhythm.full => {
                    idle_since = Instant::now();
                }
                _ => {}
            }
            if let Some(end) = self.note(seat, visit) {
                return end;
            }
        }
    }

    /// Goes on where the gateway left off.
    async fn resume(&mut self, place: Place) -> Option<End> {
        let begun = Instant::now();
        let market = loop {
            let market = self.markets().into_iter();
            if let Some(market) = market.into_iter().find(|own| own.netuid == place.netuid) {
                break market;
            }
            if self.rhythm.nobody <= begun.elapsed() {
                return self.note((place.netuid, place.miner), lost("its subnet is gone"));
            }
            sleep(self.rhythm.pause_min).await;
        };
        let seat = (place.netuid, place.miner);
        let listed = market.directory.listed();
        let known = listed.iter().find(|own| own.miner.hotkey == place.miner);
        let miner = known.map_or_else(|| place.reached(), |own| own.miner);
        let (found, finds) = mpsc::channel(1);
        let request = self.request();
        let post = Post::resume(market, miner, place.asker, request, self.rhythm, found);
        let elapsed_ms = daemon::unix_ms().saturating_sub(place.since_ms);
        let visit = self
            .visit(post, place, Duration::from_millis(elapsed_ms), finds)
            .await;
        self.note(seat, visit)
    }

    /// Hands the job to a miner.
    async fn begin(&self, market: Arc<Market>, miner: Miner) -> Visit {
        let (found, finds) = mpsc::channel(1);
        let (netuid, request) = (market.netuid, self.request());
        let (post, job, asker) = Post::begin(market, miner, request, self.rhythm, found);
        let place = Place {
            netuid,
            uid: miner.uid,
            miner: miner.hotkey,
            address: miner.address,
            asker,
            job,
            since_ms: daemon::unix_ms(),
        };
        *self.entry.offered() = Some(place.clone());
        self.visit(post, place, Duration::ZERO, finds).await
    }

    /// Follows the job at one miner.
    async fn visit(
        &self,
        post: Post,
        place: Place,
        elapsed: Duration,
        finds: mpsc::Receiver<Find>,
    ) -> Visit {
        let (market, miner) = (post.market.clone(), post.miner);
        let patience = market.kind.patience_of(&self.request());
        let quiet = self.rhythm.quiet_of(patience) / self.rhythm.tempo;
        let errand = Errand {
            id: place.job,
            is_submitted: self.is_at(&place),
            patience: (patience + self.rhythm.quiet).saturating_sub(elapsed),
        };
        let stay = Stay {
            jobs: &self.jobs,
            entry: &self.entry,
            place: &place,
            started: Instant::now(),
            pulse: Pulse::new(Instant::now()),
            is_liar: AtomicBool::new(false),
            _asking: market.conditions.ask(miner.hotkey),
        };
        let mut is_taken = self.is_at(&place);
        let run = errand.run(&post, |status| {
            stay.tell(&market, status, !is_taken);
            is_taken = true;
        });
        let in_line = quiet * (1 << self.lines.min(DOUBLINGS_MAX));
        let ended = tokio::select! {
            came = run => Ok(came),
            never = stay.look(market.kind, finds) => match never {},
            () = stay.pulse.stop(in_line, quiet) => Err(Parting::Quiet),
            () = self.freer(&stay.pulse, (place.netuid, place.miner)) => Err(Parting::Freer),
        };
        let (has_worked, stood) = (stay.pulse.has_worked(), post.now());
        match ended {
            Ok(Ok(finished)) => self.received(&market, &place, finished).await,
            Ok(Err(Trouble::Failed(words))) if !has_worked && patience / 2 <= stood => {
                Visit::Line(format!("gave the job up while it stood in line: {words}"))
            }
            Ok(Err(trouble)) => judge(&market, &miner, trouble, is_taken),
            Err(Parting::Freer) => {
                self.leave(&place).await;
                Visit::Line("let the job stand in line while another was free".into())
            }
            Err(Parting::Quiet) => {
                market.conditions.stalled(&miner.hotkey, Instant::now());
                self.leave(&place).await;
                if !has_worked {
                    let reason = format!("let the job stand in line for {} s", seconds(in_line));
                    return Visit::Line(reason);
                }
                let reason = format!("no news of the job for {} s", seconds(quiet));
                market.blame(&miner, &MinerError::Protocol(reason.clone()));
                Visit::LetDown(reason)
            }
        }
    }

    /// Looks at what a miner says is the answer.
    async fn received(&self, market: &Market, place: &Place, finished: Finished) -> Visit {
        let miner = place.reached();
        match checked(&self.jobs, market.kind, &self.entry, place, finished).await {
            Ok(given) => {
                market.praise(&miner);
                Visit::Done(given)
            }
            Err(error) => {
                market.blame(&miner, &error);
                Visit::LetDown(error.to_string())
            }
        }
    }

    /// Takes the job from a miner, with what it has found.
    async fn leave(&self, place: &Place) {
        let job = self.entry.read();
        let parting = part(&self.jobs, &self.entry, &job, place);
        if timeout(FAREWELL / self.rhythm.tempo, parting)
            .await
            .is_err()
        {
            tracing::debug!(job = %job.id, "the miner that loses a job does not answer");
        }
    }

    /// Waits until the job has stood in this miner's line for long enough, and another miner is free.
    async fn freer(&self, pulse: &Pulse, seat: (NetUid, Hotkey)) {
        if LEAVES_MAX <= self.lines {
            return std::future::pending().await;
        }
        sleep(self.rhythm.line / self.rhythm.tempo).await;
        while !(pulse.is_in_line() && self.is_another_free(seat)) {
            if pulse.has_worked() {
                return std::future::pending().await;
            }
            sleep(self.rhythm.pause_max).await;
        }
    }

    /// Whether a miner is there that has nothing of ours to do and nothing against it.
    fn is_another_free(&self, seat: (NetUid, Hotkey)) -> bool {
        let (job, now) = (self.entry.read(), Instant::now());
        let free = pick(&self.markets(), |market, listed: &Listed| {
            let own = (market.netuid, listed.miner.hotkey);
            let reading = market.conditions.read(&own.1, now);
            let is_idle = reading.available && reading.asked_now == 0 && !reading.stalls;
            let is_known = own == seat || self.refused.contains(&own);
            match listed.models.is_empty() {
                true => Fit::Unfit,
                false if is_known || !is_idle || 0 < job.times_let_down(&own.1, own.0) => {
                    Fit::Tried
                }
                false => Fit::Free,
            }
        });
        free.is_some()
    }

    /// Draws the consequences of a visit; returns the job's end if it is one.
    fn note(&mut self, seat: (NetUid, Hotkey), visit: Visit) -> Option<End> {
        let reason = match visit {
            Visit::Done(given) => return Some(End::Done(given)),
            Visit::Declined(reason) | Visit::Full(reason) => {
                self.refused.push(seat);
                reason
            }
            Visit::Fault(reason) => {
                self.faults += 1;
                self.refused.push(seat);
                reason
            }
            Visit::Line(reason) => {
                self.refused.push(seat);
                self.lines += 1;
                self.take_back(seat, &reason, Job::take_back);
                reason
            }
            Visit::LetDown(reason) => {
                let (netuid, miner) = seat;
                self.take_back(seat, &reason, |job| job.let_down(miner, netuid));
                reason
            }
        };
        self.reason = Some(reason);
        let job = self.entry.read();
        let letdowns: u32 = job.letdowns.iter().map(|own| own.times).sum();
        let is_enough = LETDOWNS_MAX <= letdowns || LOST_MAX <= job.lost;
        is_enough.then(|| End::Failed(self.nobody(&job)))
    }

    /// Takes the job from the miner that has it.
    fn take_back(&self, seat: (NetUid, Hotkey), reason: &str, change: impl FnOnce(&mut Job)) {
        let (netuid, miner) = seat;
        let job = self.entry.read();
        tracing::info!(job = %job.id, %netuid, %miner, reason, "a job moves");
        if job.place.is_some() {
            let metrics = &self.jobs.setting().metrics;
            metrics.job_moved(&job.task.to_string());
        }
        self.entry.change(change);
        self.entry.dirty.notify_one();
    }

    /// Whether all who could be asked in this round find fault with the request, and nobody ever took the job.
    fn is_faulty(&self, job: &Job) -> bool {
        2 <= self.faults && self.faults == self.refused.len() && job.lost == 0
    }

    /// What to tell the customer when nobody is left.
    fn nobody(&self, job: &Job) -> String {
        let task = job.task.name();
        match &self.reason {
            Some(reason) => {
                let rest = match job.answer {
                    Some(_) => "what was found so far can be fetched",
                    None => "create it again later",
                };
                format!("no miner of `{task}` could finish the job; {rest}. The last: {reason}")
            }
            None => {
                format!("no miner of `{task}` was there to take the job; create it again later")
            }
        }
    }

    /// Chooses among those that have not said no, and have not let the job down; then among those that have, once. Whoever stalls on jobs is
    /// asked after all of these, in the same order.
    fn pick(&self, markets: &[Arc<Market>], job: &Job) -> Option<(Arc<Market>, Miner)> {
        let now = Instant::now();
        let of = |stalls: bool, letdowns: std::ops::Range<u32>| {
            pick(markets, |market, listed: &Listed| {
                let seat = (market.netuid, listed.miner.hotkey);
                let times = job.times_let_down(&seat.1, seat.0);
                let is_of = letdowns.contains(&times)
                    && stalls == market.conditions.read(&seat.1, now).stalls;
                match listed.models.is_empty() {
                    true => Fit::Unfit,
                    false if self.refused.contains(&seat) || !is_of => Fit::Tried,
                    false => Fit::Free,
                }
            })
        };
        [false, true].into_iter().find_map(|stalls| {
            let of_one = of(stalls, 0..1);
            of_one.or_else(|| of(stalls, 1..CHANCES))
        })
    }

    /// The subnets that pay for this task, in this version.
    fn markets(&self) -> Vec<Arc<Market>> {
        let job = self.entry.job.borrow();
        let mut markets = self.jobs.setting().subnets.markets();
        markets.retain(|market| {
            let is_meant = job.only.is_none_or(|only| only == market.netuid);
            is_meant && market.kind.id() == job.task
        });
        markets
    }

    fn request(&self) -> Bytes {
        Bytes::copy_from_slice(self.entry.job.borrow().request.as_bytes())
    }

    fn is_at(&self, place: &Place) -> bool {
        self.entry.job.borrow().place.as_ref() == Some(place)
    }
}

/// Whole seconds, for people.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs_f64().round() as u64
}

fn lost(reason: &str) -> Visit {
    Visit::LetDown(reason.to_owned())
}

/// Whose fault it is that a job came to nothing at a miner.
fn judge(market: &Market, miner: &Miner, trouble: Trouble<Miss>, is_taken: bool) -> Visit {
    let reason = told(&trouble);
    match trouble {
        Trouble::Lost(Miss {
            error: MinerError::Refused(refusal),
            ..
        }) if !is_taken && refusal.code != Code::Failed => {
            tracing::debug!(uid = %miner.uid, %refusal, "a miner does not take a job");
            market.tried(miner, Outcome::Refused);
            match refusal.code {
                code if is_fault_of_request(code) => Visit::Fault(refusal.message),
                Code::Busy => Visit::Full(reason),
                _ => Visit::Declined(reason),
            }
        }
        Trouble::Lost(miss) => {
            market.blame(miner, &miss.error);
            Visit::LetDown(reason)
        }
        Trouble::TooSlow(limit) => {
            let now = Instant::now();
            market.conditions.stalled(&miner.hotkey, now);
            market.blame(miner, &MinerError::Slow(limit));
            Visit::LetDown(reason)
        }
        Trouble::Protocol(_) | Trouble::Failed(_) | Trouble::Cancelled => {
            market.blame(miner, &MinerError::Protocol(reason.clone()));
            Visit::LetDown(reason)
        }
    }
}

/// What went wrong, in words for the customer.
fn told(trouble: &Trouble<Miss>) -> String {
    match trouble {
        Trouble::Lost(miss) => miss.error.to_string(),
        Trouble::Protocol(what) => format!("broke the protocol of jobs: {what}"),
        Trouble::Failed(words) => format!("the miner gave up: {words}"),
        Trouble::Cancelled => "the miner cancelled the job by itself".into(),
        Trouble::TooSlow(limit) => format!("no answer within {} s", limit.as_secs_f64()),
    }
}
