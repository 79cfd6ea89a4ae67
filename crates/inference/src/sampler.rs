//! Chooses a token from logits, by noise that anyone can draw again.
//!
//! Adding Gumbel noise to every `logit / temperature` and taking the largest draws from exactly the distribution that
//! softmax describes. Here the noise of a token is a function of the request's seed, the place in the answer and the
//! token's number, so a choice can be repeated, and checked, from nothing but the request:
//!
//! ```text
//!  key    = "stoa gumbel noise v1" (20 bytes) ‖ zero (4 bytes) ‖ seed (8 bytes, little endian)
//!  stream = place in the answer, from zero
//!  word   = the token's number: that 32-bit word of ChaCha12's output
//!  u      = (word + ½) / 2³²
//!  noise  = −ln(−ln u)
//! ```
//!
//! # The head of a distribution
//!
//! Top-k keeps the k likeliest tokens; top-p then keeps the fewest of these that together reach the share `p` of what
//! top-k kept. Both keep every token at least as likely as some last one, so the head is one number, a smallest logit,
//! and tokens equally likely are kept or cut together.

use rand::Rng;
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;

use crate::request::Sampling;

const NOISE_DOMAIN: &[u8; 20] = b"stoa gumbel noise v1";

/// Logits this far below the best are looked at last when the head is small.
const NEAR_BEST: f32 = 8.0;

/// Draws the noise of the first `count` tokens at a place.
pub(crate) fn noise(seed: u64, position: u64, count: usize) -> impl Iterator<Item = f64> {
    let mut key = [0u8; 32];
    key[..20].copy_from_slice(NOISE_DOMAIN);
    key[24..].copy_from_slice(&seed.to_le_bytes());
    let mut words = ChaCha12Rng::from_seed(key);
    words.set_stream(position);
    (0..count).map(move |_| {
        let share = (f64::from(words.next_u32()) + 0.5) / 4_294_967_296.0;
        -(-share.ln()).ln()
    })
}

/// The token at a place.
pub(crate) fn choose(logits: &[f32], sampling: Sampling, seed: u64, position: u64) -> u32 {
    let Sampling::Random { temperature, .. } = sampling else {
        return best(logits);
    };
    let cutoff = cutoff(logits, sampling);
    let noise = noise(seed, position, logits.len());
    let perturbed = logits.iter().zip(noise).map(|(logit, noise)| {
        if *logit < cutoff {
            f64::NEG_INFINITY
        } else {
            f64::from(*logit) / temperature + noise
        }
    });
    argmax(perturbed)
}

/// The likeliest token, the first of equals.
pub(crate) fn best(logits: &[f32]) -> u32 {
    argmax(logits.iter().map(|logit| f64::from(*logit)))
}

fn argmax(values: impl Iterator<Item = f64>) -> u32 {
    let mut best = (0, f64::NEG_INFINITY);
    for (id, value) in values.enumerate() {
        if value > best.1 {
            best = (id as u32, value);
        }
    }
    best.0
}

/// The smallest logit that top-k and top-p keep.
///
/// Greedy sampling keeps everything, since it needs no cut.
pub(crate) fn cutoff(logits: &[f32], sampling: Sampling) -> f32 {
    let Sampling::Random {
        temperature,
        top_p,
        top_k,
    } = sampling
    else {
        return f32::NEG_INFINITY;
    };
    let by_rank = match top_k {
        Some(count) if (count.get() as usize) < logits.len() => {
            let mut sorted = logits.to_vec();
            let rank = count.get() as usize - 1;
            *sorted.select_nth_unstable_by(rank, |a, b| b.total_cmp(a)).1
        }
        _ => f32::NEG_INFINITY,
    };
    if top_p >= 1.0 {
        return by_rank;
    }
    by_rank.max(cutoff_by_mass(logits, by_rank, temperature, top_p))
}

/// The smallest logit of the fewest likeliest tokens that reach the share `top_p` of those from `floor` up.
fn cutoff_by_mass(logits: &[f32], floor: f32, temperature: f64, top_p: f64) -> f32 {
    let best = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mass = |logit: f32| (f64::from(logit - best) / temperature).exp();
    let total: f64 = logits
        .iter()
        .filter(|logit| **logit >= floor)
        .map(|logit| mass(*logit))
        .sum();
    let goal = top_p * total;
    for depth in [NEAR_BEST, f32::INFINITY] {
        let mut head: Vec<f32> = logits
            .iter()
            .copied()
            .filter(|logit| *logit >= floor && *logit >= best - depth)
            .collect();
        head.sort_unstable_by(|a, b| b.total_cmp(a));
        let mut reached = 0.0;
        for logit in head {
            reached += mass(logit);
            if reached >= goal {
                return logit;
            }
        }
    }
    floor
}

/// Natural logarithm of the sum of exponentials: what turns logits into log-probabilities.
pub(crate) fn log_normaliser(logits: &[f32]) -> f64 {
    let best = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let total: f64 = logits
        .iter()
        .map(|logit| f64::from(logit - best).exp())
        .sum();
    f64::from(best) + total.ln()
}

/// The likeliest tokens with their log-probabilities, best first.
pub(crate) fn likeliest(logits: &[f32], count: usize) -> Vec<(u32, f32)> {
    let normaliser = log_normaliser(logits);
    let mut order: Vec<u32> = (0..logits.len() as u32).collect();
    let count = count.min(order.len());
    let by_logit = |a: &u32, b: &u32| {
        logits[*b as usize]
            .total_cmp(&logits[*a as usize])
            .then_with(|| a.cmp(b))
    };
    if count > 0 && count < order.len() {
        order.select_nth_unstable_by(count - 1, by_logit);
    }
    order.truncate(count);
    order.sort_unstable_by(by_logit);
    let logprob = |id: u32| (f64::from(logits[id as usize]) - normaliser) as f32;
    order.into_iter().map(|id| (id, logprob(id))).collect()
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use proptest::prelude::*;

    use super::*;

    fn random(temperature: f64, top_p: f64, top_k: Option<u32>) -> Sampling {
        Sampling::Random {
            temperature,
            top_p,
            top_k: top_k.and_then(NonZeroU32::new),
        }
    }

    /// Pins the noise: another implementation that follows the module's rule gets these numbers.
    #[test]
    fn the_noise_is_what_the_rule_says() {
        let drawn: Vec<f64> = noise(7, 3, 4).collect();
        let key = *b"stoa gumbel noise v1\0\0\0\0\x07\0\0\0\0\0\0\0";
        let mut words = ChaCha12Rng::from_seed(key);
        words.set_stream(3);
        words.set_word_pos(2);
        let share = (f64::from(words.next_u32()) + 0.5) / 2f64.powi(32);
        assert_eq!(drawn[2], -(-share.ln()).ln());
        assert_ne!(noise(8, 3, 4).collect::<Vec<_>>(), drawn);
        assert_ne!(noise(7, 4, 4).collect::<Vec<_>>(), drawn);
    }

    /// With probabilities ½, ¼, ¼ and many places, each token comes up as often as it should.
    #[test]
    fn the_noise_draws_from_the_models_distribution() {
        let logits = [2f32.ln(), 0.0, 0.0];
        let mut counts = [0u32; 3];
        for position in 0..4000 {
            counts[choose(&logits, Sampling::FULL, 11, position) as usize] += 1;
        }
        // Four standard deviations of 4000 draws: 4·√(4000·¼) = 126 and 4·√(4000·3/16) = 110.
        assert!(counts[0].abs_diff(2000) < 126, "{counts:?}");
        assert!(
            counts[1].abs_diff(1000) < 110 && counts[2].abs_diff(1000) < 110,
            "{counts:?}"
        );
    }

    #[test]
    fn top_k_and_top_p_keep_the_head() {
        // Shares 8/15, 4/15, 2/15, 1/15.
        let logits = [0.0, 8f32.ln(), 2f32.ln(), 4f32.ln()];
        let kept = |sampling| {
            let cutoff = cutoff(&logits, sampling);
            logits.map(|logit| logit >= cutoff)
        };
        assert_eq!(kept(random(1.0, 1.0, None)), [true; 4]);
        assert_eq!(kept(random(1.0, 1.0, Some(2))), [false, true, false, true]);
        assert_eq!(kept(random(1.0, 0.5, None)), [false, true, false, false]);
        assert_eq!(kept(random(1.0, 0.6, None)), [false, true, false, true]);
        // Of the two that top-k keeps, the first has two thirds.
        assert_eq!(kept(random(1.0, 0.6, Some(2))), [false, true, false, false]);
        // At temperature ½ shares are squared: 64/85 for the first.
        assert_eq!(kept(random(0.5, 0.7, None)), [false, true, false, false]);
        assert_eq!(kept(Sampling::Greedy), [true; 4]);
    }

    #[test]
    fn the_likeliest_tokens_come_best_first_with_their_probabilities() {
        let listed = likeliest(&[0.0, 2f32.ln(), 0.0], 2);
        assert_eq!(listed[0].0, 1);
        assert_eq!(listed[1].0, 0);
        assert!((listed[0].1 - 0.5f32.ln()).abs() < 1e-6);
        assert_eq!(likeliest(&[1.0], 20).len(), 1);
        assert!(likeliest(&[1.0], 0).is_empty());
    }

    proptest! {
        /// A choice lies in the head, and the head is never empty.
        #[test]
        fn a_choice_is_always_supported(
            logits in prop::collection::vec(-12f32..12.0, 1..80),
            temperature in 0.05f64..2.0,
            top_p in 0.01f64..=1.0,
            top_k in prop::option::of(1u32..90),
            seed: u64,
            position in 0u64..1000,
        ) {
            let sampling = random(temperature, top_p, top_k);
            let token = choose(&logits, sampling, seed, position);
            prop_assert!(logits[token as usize] >= cutoff(&logits, sampling));
        }

        /// A cold temperature makes sampling greedy.
        #[test]
        fn cold_is_greedy(logits in prop::collection::vec(0u8..200, 2..40), seed: u64) {
            let logits: Vec<f32> = logits.iter().enumerate()
                .map(|(id, value)| f32::from(*value) + id as f32 / 100.0).collect();
            prop_assert_eq!(choose(&logits, random(1e-4, 1.0, None), seed, 0), best(&logits));
        }
    }
}
