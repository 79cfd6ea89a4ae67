//! How each miner has served this gateway lately: its wait, and whether it is set aside after failing.
//!
//! # The wait
//!
//! A miner's wait is a moving average of the time to its first token. It fades by half every [`FADE`] in which the miner is
//! not asked: a miner that was slow once looks better and better until somebody tries it, so no measurement rules for ever.
//! A new measurement counts the more, the older the average is.
//!
//! # Setting aside
//!
//! A miner that fails is not asked for a while: [`PAUSE_MIN`] after the first failure, twice as long after each further
//! one in a row, at most [`PAUSE_MAX`]. When the pause is over one request tries it; while that one is under way it is
//! not offered to others. Success clears the record.
//!
//! # Stalling
//!
//! A miner that takes a job and lets it lie costs minutes, and a pause of a minute does not keep it from taking the next. Each
//! such stall is noted, each answer given takes one off, and an hour after the last one all are forgotten. With [`STALLS`] of
//! them a miner *stalls*: jobs go to it only if there is nobody else.
//!
//! A refusal of the request itself (a prompt too long) is not a failure, and neither is being busy: a busy miner is only
//! passed over in favour of others by its wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use primitives::Hotkey;

/// First pause after a failure.
pub const PAUSE_MIN: Duration = Duration::from_secs(1);
/// Longest pause, however often a miner fails.
pub const PAUSE_MAX: Duration = Duration::from_secs(60);
/// Time in which an average that is not renewed loses half of its size and weight.
pub const FADE: Duration = Duration::from_secs(15);
/// So many stalls make a miner one that stalls.
pub const STALLS: u32 = 2;
/// A miner that has not stalled for so long has a new beginning.
pub const STALL_MEMORY: Duration = Duration::from_secs(3600);
/// Weight of the average so far against a new wait, when it is fresh.
const OLD: f64 = 0.7;

/// The conditions of all miners ever listed; forgotten with [`Conditions::retain`].
#[derive(Default)]
pub struct Conditions {
    of: Mutex<HashMap<Hotkey, Condition>>,
}

/// How one miner serves.
#[derive(Clone, Copy, Debug, Default)]
struct Condition {
    wait_ms: f64,
    /// When the wait was last measured.
    waited_at: Option<Instant>,
    asked_now: u32,
    failures: u32,
    /// Set aside until then.
    until: Option<Instant>,
    /// A request is trying it after a pause.
    on_trial: bool,
    stalls: u32,
    /// When it stalled last.
    stalled_at: Option<Instant>,
}

impl Condition {
    /// The stalls that are not forgotten.
    fn stalls(&self, now: Instant) -> u32 {
        let age = self.stalled_at.map(|at| now.saturating_duration_since(at));
        match age {
            Some(age) if age < STALL_MEMORY => self.stalls,
            _ => 0,
        }
    }

    /// What is left of the average's weight: 1 when just measured, 0 if never.
    fn freshness(&self, now: Instant) -> f64 {
        let age = self.waited_at.map(|at| now.saturating_duration_since(at));
        age.map_or(0.0, |age| {
            0.5f64.powf(age.as_secs_f64() / FADE.as_secs_f64())
        })
    }
}

/// What the choice needs to know about a miner's condition.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// Moving average of the time to its first token, in milliseconds.
    pub wait_ms: f64,
    /// Requests it is answering now.
    pub asked_now: u32,
    /// False while it is set aside.
    pub available: bool,
    /// It lets jobs lie.
    pub stalls: bool,
}

/// Marks a miner as being asked until dropped.
pub struct Asking {
    conditions: Arc<Conditions>,
    hotkey: Hotkey,
}

impl Conditions {
    /// The condition of a miner now.
    pub fn read(&self, hotkey: &Hotkey, now: Instant) -> Reading {
        let of = self.lock();
        let condition = of.get(hotkey).copied().unwrap_or_default();
        let paused = condition.until.is_some_and(|until| now < until);
        Reading {
            wait_ms: condition.wait_ms * condition.freshness(now),
            asked_now: condition.asked_now,
            available: !paused && !condition.on_trial,
            stalls: STALLS <= condition.stalls(now),
        }
    }

    /// Counts a request in until the returned mark is dropped.
    pub fn ask(self: &Arc<Self>, hotkey: Hotkey) -> Asking {
        let mut of = self.lock();
        let condition = of.entry(hotkey).or_default();
        condition.asked_now += 1;
        condition.on_trial = condition.failures > 0;
        drop(of);
        Asking {
            conditions: self.clone(),
            hotkey,
        }
    }

    /// A miner began to answer after `wait`.
    pub fn began(&self, hotkey: &Hotkey, wait: Duration, now: Instant) {
        let mut of = self.lock();
        let condition = of.entry(*hotkey).or_default();
        let wait_ms = wait.as_secs_f64() * 1000.0;
        let old = OLD * condition.freshness(now);
        condition.wait_ms = old * condition.wait_ms + (1.0 - old) * wait_ms;
        condition.waited_at = Some(now);
    }

    /// A miner answered to the end.
    pub fn served(&self, hotkey: &Hotkey) {
        let mut of = self.lock();
        let condition = of.entry(*hotkey).or_default();
        condition.failures = 0;
        condition.until = None;
        condition.on_trial = false;
        condition.stalls = condition.stalls.saturating_sub(1);
    }

    /// A miner let a job lie.
    pub fn stalled(&self, hotkey: &Hotkey, now: Instant) {
        let mut of = self.lock();
        let condition = of.entry(*hotkey).or_default();
        condition.stalls = condition.stalls(now).saturating_add(1);
        condition.stalled_at = Some(now);
    }

    /// A miner failed.
    pub fn failed(&self, hotkey: &Hotkey, now: Instant) {
        let mut of = self.lock();
        let condition = of.entry(*hotkey).or_default();
        let pause = PAUSE_MIN
            .saturating_mul(1 << condition.failures.min(16))
            .min(PAUSE_MAX);
        condition.failures = condition.failures.saturating_add(1);
        condition.until = Some(now + pause);
        condition.on_trial = false;
    }

    /// Forgets everyone for whom `keep` is false.
    pub fn retain(&self, keep: impl Fn(&Hotkey) -> bool) {
        self.lock()
            .retain(|hotkey, condition| condition.asked_now > 0 || keep(hotkey));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Hotkey, Condition>> {
        self.of
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        let mut of = self.conditions.lock();
        if let Some(condition) = of.get_mut(&self.hotkey) {
            condition.asked_now = condition.asked_now.saturating_sub(1);
            // A trial that ended without a verdict (the caller went away) leaves room for the next.
            condition.on_trial = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use primitives::AccountId;

    const MINER: Hotkey = AccountId([1; 32]);

    #[test]
    fn a_failing_miner_is_set_aside_longer_each_time() {
        let (conditions, mut now) = (Conditions::default(), Instant::now());
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            conditions.failed(&MINER, now);
            let pause = Duration::from_secs(seconds);
            let almost = now + pause - Duration::from_millis(1);
            assert!(!conditions.read(&MINER, almost).available, "{seconds} s");
            now += pause;
            assert!(conditions.read(&MINER, now).available, "{seconds} s");
        }
        conditions.served(&MINER);
        conditions.failed(&MINER, now);
        assert!(
            conditions.read(&MINER, now + PAUSE_MIN).available,
            "success clears the record"
        );
    }

    #[test]
    fn after_a_pause_one_request_at_a_time_tries() {
        let (conditions, start) = (Arc::new(Conditions::default()), Instant::now());
        conditions.failed(&MINER, start);
        let later = start + PAUSE_MIN;
        let trial = conditions.ask(MINER);
        assert!(!conditions.read(&MINER, later).available);
        drop(trial);
        assert!(conditions.read(&MINER, later).available);
    }

    #[test]
    fn who_stalls_twice_is_known_for_it_until_it_serves_or_an_hour_has_gone() {
        let (conditions, start) = (Conditions::default(), Instant::now());
        let stalls_at = |now| conditions.read(&MINER, now).stalls;
        conditions.stalled(&MINER, start);
        assert!(!stalls_at(start), "once is bad luck");
        conditions.stalled(&MINER, start);
        assert!(stalls_at(start));
        conditions.served(&MINER);
        assert!(!stalls_at(start));
        conditions.stalled(&MINER, start);
        assert!(stalls_at(start), "one answer makes up for one stall");
        assert!(!stalls_at(start + STALL_MEMORY));
        conditions.stalled(&MINER, start + STALL_MEMORY);
        assert!(!stalls_at(start + STALL_MEMORY), "it began anew");
    }

    #[test]
    fn the_wait_follows_what_was_seen_and_fades() {
        let (conditions, start) = (Conditions::default(), Instant::now());
        conditions.began(&MINER, Duration::from_millis(100), start);
        conditions.began(&MINER, Duration::from_millis(200), start);
        let wait_at = |now: Instant| conditions.read(&MINER, now).wait_ms.round();
        assert_eq!(wait_at(start), 130.0);
        assert_eq!(wait_at(start + FADE), 65.0);
        let later = start + 20 * FADE;
        conditions.began(&MINER, Duration::from_millis(50), later);
        assert_eq!(
            wait_at(later),
            50.0,
            "an old average does not weigh down a new one"
        );
    }

    #[test]
    fn requests_under_way_are_counted_until_they_end() {
        let conditions = Arc::new(Conditions::default());
        let (one, two) = (conditions.ask(MINER), conditions.ask(MINER));
        assert_eq!(conditions.read(&MINER, Instant::now()).asked_now, 2);
        drop((one, two));
        assert_eq!(conditions.read(&MINER, Instant::now()).asked_now, 0);
    }
}
