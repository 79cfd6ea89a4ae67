//! A miner's pulse: whether what it says of a job is news.
//!
//! # The rule
//!
//! News is that work begins, that the fraction done is higher by a hundredth than at the last news, or a figure beyond all figures told.
//! A status that says nothing of that kind, however often it is sent, is none. The pulse of a miner from which no news came for as long as
//! [`Rhythm::quiet`](super::Rhythm::quiet) says has stopped.
//!
//! Who invents news is not found out here, but by the errand's patience.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use protocol::{JobState, JobStatus};
use tokio::time::sleep;

/// A smaller rise of the fraction is none.
const RISE: f64 = 0.01;

/// What a miner has told of one job.
pub(super) struct Pulse(Mutex<Beat>);

#[derive(Clone, Copy)]
struct Beat {
    /// When there was news last.
    last: Instant,
    fraction: f64,
    lowest: f64,
    highest: f64,
    has_told: bool,
    has_worked: bool,
}

impl Pulse {
    /// That of a miner which begins now.
    pub(super) fn new(now: Instant) -> Self {
        Self(Mutex::new(Beat {
            last: now,
            fraction: 0.0,
            lowest: f64::INFINITY,
            highest: f64::NEG_INFINITY,
            has_told: false,
            has_worked: false,
        }))
    }

    /// Takes in what the miner says.
    pub(super) fn feel(&self, status: &JobStatus, now: Instant) {
        let mut beat = self.lock();
        let is_working = matches!(status.state, JobState::Working | JobState::Done);
        let begins = is_working && !beat.has_worked;
        let rises = beat.fraction + RISE <= status.fraction;
        let figure = status.figure.filter(|figure| figure.is_finite());
        let is_beyond = figure.is_some_and(|own| own < beat.lowest || beat.highest < own);
        if let Some(figure) = figure {
            beat.lowest = beat.lowest.min(figure);
            beat.highest = beat.highest.max(figure);
        }
        beat.has_told = true;
        beat.has_worked |= is_working;
        if begins || rises || is_beyond {
            beat.fraction = beat.fraction.max(status.fraction);
            beat.last = now;
        }
    }

    /// Whether the miner has begun to work on the job.
    pub(super) fn has_worked(&self) -> bool {
        self.lock().has_worked
    }

    /// Whether the miner has taken the job and not begun.
    pub(super) fn is_in_line(&self) -> bool {
        let beat = self.lock();
        beat.has_told && !beat.has_worked
    }

    /// Waits until there was no news for so long: in its line, or at work.
    pub(super) async fn stop(&self, in_line: Duration, at_work: Duration) {
        loop {
            let beat = *self.lock();
            let limit = match beat.has_worked {
                true => at_work,
                false => in_line,
            };
            match limit.saturating_sub(beat.last.elapsed()) {
                Duration::ZERO => return,
                // Work that begins may shorten the limit.
                left => sleep(left.min(at_work)).await,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Beat> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use protocol::Digest;

    use super::*;

    /// Whether each of these is news after those before it.
    fn news(told: &[(JobState, f64, Option<f64>)]) -> Vec<bool> {
        let start = Instant::now();
        let pulse = Pulse::new(start);
        let mut now = start;
        let mut feel = |(state, fraction, figure): &(JobState, f64, Option<f64>)| {
            now += Duration::from_secs(1);
            let status = JobStatus {
                id: Digest::default(),
                state: *state,
                fraction: *fraction,
                figure: *figure,
                version: 1,
                has_answer: false,
                message: None,
            };
            pulse.feel(&status, now);
            pulse.lock().last == now
        };
        told.iter().map(&mut feel).collect()
    }

    #[test]
    fn work_that_begins_and_gets_on_is_news() {
        let told = [
            (JobState::Waiting, 0.0, None),
            (JobState::Working, 0.0, None),
            (JobState::Working, 0.01, None),
            (JobState::Working, 0.01, Some(-1.0)),
            (JobState::Working, 0.01, Some(-2.0)),
        ];
        assert_eq!(news(&told), [false, true, true, true, true]);
    }

    #[test]
    fn words_without_progress_are_none() {
        let told = [
            (JobState::Working, 0.5, Some(-2.0)),
            (JobState::Working, 0.5, Some(-2.0)),
            (JobState::Working, 0.505, Some(-2.0)),
            (JobState::Waiting, 0.0, Some(-2.0)),
            (JobState::Working, 0.5, Some(-2.0)),
            (JobState::Working, 0.2, Some(f64::NAN)),
            (JobState::Working, 0.51, None),
        ];
        let expected = [true, false, false, false, false, false, true];
        assert_eq!(news(&told), expected);
    }
}
