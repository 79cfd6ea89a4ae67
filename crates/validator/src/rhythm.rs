//! When to probe: at times nobody can foresee.
//!
//! Waits are drawn from the exponential distribution, whose past says nothing about its future: a miner that has just been
//! probed is as likely to be probed in the next second as any other.

use std::time::Duration;

use rand::{Rng, RngExt};

/// No wait is longer than so many means; one draw in three thousand would be.
const MEANS_MAX: f64 = 8.0;

/// From one job of a miner to the next pass at least so many times as long as one may take, in the mean.
const JOBS_APART: u32 = 2;

/// The mean time between two probes of one miner.
#[derive(Clone, Copy, Debug)]
pub struct Rhythm {
    mean: Duration,
}

impl Rhythm {
    /// Probes each miner about once in `mean`, which is at least a millisecond.
    pub fn new(mean: Duration) -> Self {
        Self {
            mean: mean.max(Duration::from_millis(1)),
        }
    }

    /// The rhythm of jobs: a miner is not probed more often than in `JOBS_APART` times as long as a job may take, or else probes
    /// would be all it does.
    pub fn calmed(self, patience: Duration) -> Self {
        Self {
            mean: self.mean.max(patience * JOBS_APART),
        }
    }

    /// The time until the next probe of any of so many miners, where as many as `at_once` of them are probed together.
    pub fn wait(&self, miners: usize, at_once: usize, rng: &mut impl Rng) -> Duration {
        let uniform: f64 = rng.random();
        let means = (-(1.0 - uniform).ln()).min(MEANS_MAX);
        let probes = at_once.max(1) as f64 / miners.max(1) as f64;
        self.mean.mul_f64(means * probes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    #[test]
    fn jobs_leave_a_miner_time_for_others() {
        let rhythm = Rhythm::new(Duration::from_secs(4));
        let mean = |patience| rhythm.calmed(Duration::from_secs(patience)).mean.as_secs();
        assert_eq!([mean(0), mean(1), mean(90)], [4, 4, 180]);
    }

    #[test]
    fn waits_average_to_the_mean_and_vary() {
        let rhythm = Rhythm::new(Duration::from_secs(4));
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let waits: Vec<f64> = (0..10_000)
            .map(|_| rhythm.wait(12, 3, &mut rng).as_secs_f64())
            .collect();
        let mean = waits.iter().sum::<f64>() / waits.len() as f64;
        assert!((0.95..1.05).contains(&mean), "{mean}");
        let early = waits.iter().filter(|wait| **wait < 0.1).count();
        let late = waits.iter().filter(|wait| 3.0 < **wait).count();
        assert!(800 < early && 400 < late, "{early} {late}");
        assert!(waits.iter().all(|wait| *wait <= 8.0));
    }
}
