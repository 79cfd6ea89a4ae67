//! The pool between TAO and a subnet's alpha: swaps at constant product, and what each block adds.
//!
//! # The rule
//!
//! With reserves `x` of what is paid and `y` of what is received, a payment `p` and a fee of `f /
//! 65535`:
//!
//! ```text
//! fee      = ⌈p·f / 65535⌉            stays in the pool, for all who hold it
//! net      = p − fee
//! received = ⌊y·net / (x + net)⌋
//! x' = x + p,   y' = y − received
//! ```
//!
//! The price of alpha is `TAO reserve / alpha reserve`. A block adds TAO and the alpha of equal
//! worth, but never more alpha than root's proportion of what the subnet mints; the TAO beyond that
//! buys alpha instead ([`Injection`]).
//!
//! # What always holds
//!
//! * `x·y` never falls, so nobody takes out more than they put in by trading to and fro.
//! * A larger payment never receives less, and a later equal one never more.
//! * Neither reserve is ever emptied.

use crate::fixed::{Fixed, mul_div, saturate};

/// The fee of a swap unless the network says otherwise, as a ratio of 65535: 0.05 %.
pub const DEFAULT_FEE: u16 = 33;

/// Why a swap cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A reserve is zero, so there is no price.
    #[error("the pool is empty; add liquidity before trading")]
    Empty,
    /// A reserve would pass 2⁶⁴ − 1 rao.
    #[error("paying {paid} rao into a reserve of {reserve} rao overflows it; pay less")]
    Overflow {
        /// What was to be paid in.
        paid: u64,
        /// The reserve it was to be added to.
        reserve: u64,
    },
}

/// Which way a swap goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// TAO is paid, alpha is received.
    Buy,
    /// Alpha is paid, TAO is received.
    Sell,
}

/// What a swap costs and yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// What is paid, fee included.
    pub paid: u64,
    /// The part of it that stays in the pool as fee.
    pub fee: u64,
    /// What comes out.
    pub received: u64,
    /// The pool afterwards.
    pub pool: Pool,
}

/// A subnet's reserves, in rao.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pool {
    /// The TAO reserve.
    pub tao: u64,
    /// The alpha reserve.
    pub alpha: u64,
}

impl Pool {
    /// Returns the price of one alpha in TAO; zero when there is no alpha.
    pub fn price(&self) -> Fixed {
        Fixed::ratio(u128::from(self.tao), u128::from(self.alpha))
    }

    /// Returns what a swap would yield, without making it; the pool after it is in the quote.
    ///
    /// # Errors
    ///
    /// - [`Error::Empty`]: a reserve is zero.
    /// - [`Error::Overflow`]: the reserve paid into would pass 2⁶⁴ − 1.
    ///
    /// # Examples
    ///
    /// ```
    /// use economics::pool::{Pool, Side};
    ///
    /// let pool = Pool { tao: 1_000, alpha: 1_000 };
    /// let bought = pool.quote(Side::Buy, 1_000, 0)?;
    /// assert_eq!((bought.received, bought.pool), (500, Pool { tao: 2_000, alpha: 500 }));
    /// # Ok::<(), economics::pool::Error>(())
    /// ```
    pub fn quote(&self, side: Side, paid: u64, fee: u16) -> Result<Quote, Error> {
        let (reserve_in, reserve_out) = match side {
            Side::Buy => (self.tao, self.alpha),
            Side::Sell => (self.alpha, self.tao),
        };
        if reserve_in == 0 || reserve_out == 0 {
            return Err(Error::Empty);
        }
        let full = reserve_in.checked_add(paid).ok_or(Error::Overflow {
            paid,
            reserve: reserve_in,
        })?;
        let fee = (u128::from(paid) * u128::from(fee)).div_ceil(65_535) as u64;
        let net = paid - fee;
        let received =
            (u128::from(reserve_out) * u128::from(net) / u128::from(reserve_in + net)) as u64;
        let left = reserve_out - received;
        let pool = match side {
            Side::Buy => Pool {
                tao: full,
                alpha: left,
            },
            Side::Sell => Pool {
                tao: left,
                alpha: full,
            },
        };
        Ok(Quote {
            paid,
            fee,
            received,
            pool,
        })
    }

    /// Makes a swap.
    ///
    /// # Errors
    ///
    /// As [`Pool::quote`]; the pool is unchanged then.
    pub fn swap(&mut self, side: Side, paid: u64, fee: u16) -> Result<Quote, Error> {
        let quote = self.quote(side, paid, fee)?;
        *self = quote.pool;
        Ok(quote)
    }

    /// Returns the largest payment up to `most` after which the price has not passed `limit` (above
    /// it when buying, below it when selling); zero when it has already, or when no swap is
    /// possible.
    pub fn largest_within(&self, side: Side, limit: Fixed, most: u64, fee: u16) -> u64 {
        let is_within = |paid: u64| match (self.quote(side, paid, fee), side) {
            (Ok(quote), Side::Buy) => quote.pool.price() <= limit,
            (Ok(quote), Side::Sell) => quote.pool.price() >= limit,
            (Err(_), _) => false,
        };
        // The price moves one way only, so the payments within the limit are those up to a largest
        // one.
        let (mut within, mut beyond) = (0u64, most);
        if is_within(most) {
            return most;
        }
        while beyond - within > 1 {
            let middle = within + (beyond - within) / 2;
            if is_within(middle) {
                within = middle
            } else {
                beyond = middle
            }
        }
        within
    }
}

/// What a block adds to a subnet's pool out of its TAO.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Injection {
    /// TAO added to the reserve.
    pub tao: u64,
    /// Alpha minted into the reserve.
    pub alpha: u64,
    /// TAO that buys alpha from the pool instead, for the protocol to hold.
    pub excess_tao: u64,
}

impl Injection {
    /// Divides a subnet's TAO of one block, given the spot price, root's proportion and the alpha
    /// the block mints.
    pub fn of_block(tao: u64, price: Fixed, root_proportion: Fixed, alpha_emission: u64) -> Self {
        let cap = root_proportion.of(alpha_emission);
        let alpha = price.divide(tao);
        if alpha <= cap {
            return Self {
                tao,
                alpha,
                excess_tao: 0,
            };
        }
        let injected = price.of(cap).min(tao);
        Self {
            tao: injected,
            alpha: cap,
            excess_tao: tao - injected,
        }
    }
}

/// Half-life of the moving price, in blocks: how long a subnet is considered young.
pub const MOVING_PRICE_HALVING_BLOCKS: u64 = 201_600;

/// Returns the moving price after a block: `a·min(spot, 1) + (1 − a)·moving`, with `a = rate·age /
/// (age + halving)`.
///
/// A young subnet's price moves slowly, so that a short-lived spike earns little emission.
pub fn moving_price(
    moving: Fixed,
    spot: Fixed,
    rate: Fixed,
    age_blocks: u64,
    halving_blocks: u64,
) -> Fixed {
    let age = u128::from(age_blocks);
    let maturity = Fixed::ratio(age, age + u128::from(halving_blocks));
    let weight = rate.times(maturity).min(Fixed::ONE);
    let fresh = weight.times(spot.min(Fixed::ONE));
    fresh.plus(Fixed::ONE.minus(weight).times(moving))
}

/// Returns the TAO that `alpha` is worth at a price, without moving it.
pub fn worth(alpha: u64, price: Fixed) -> u64 {
    saturate(mul_div(price.to_bits(), u128::from(alpha), 1 << 64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn product(pool: Pool) -> u128 {
        u128::from(pool.tao) * u128::from(pool.alpha)
    }

    fn pool() -> impl Strategy<Value = Pool> {
        (1u64..1 << 60, 1u64..1 << 60).prop_map(|(tao, alpha)| Pool { tao, alpha })
    }

    fn side() -> impl Strategy<Value = Side> {
        prop_oneof![Just(Side::Buy), Just(Side::Sell)]
    }

    #[test]
    fn an_empty_pool_refuses() {
        assert_eq!(Pool::default().quote(Side::Buy, 1, 0), Err(Error::Empty));
        let full = Pool {
            tao: u64::MAX,
            alpha: 1,
        };
        assert_eq!(
            full.quote(Side::Buy, 1, 0),
            Err(Error::Overflow {
                paid: 1,
                reserve: u64::MAX
            })
        );
    }

    #[test]
    fn tao_beyond_the_cap_buys_alpha() {
        let half = Fixed::ratio(1, 2);
        let within = Injection::of_block(40, Fixed::ONE, half, 100);
        assert_eq!(
            within,
            Injection {
                tao: 40,
                alpha: 40,
                excess_tao: 0
            }
        );
        let beyond = Injection::of_block(90, Fixed::ONE, half, 100);
        assert_eq!(
            beyond,
            Injection {
                tao: 50,
                alpha: 50,
                excess_tao: 40
            }
        );
        assert_eq!(Injection::of_block(9, Fixed::ZERO, half, 100).alpha, 0);
    }

    proptest! {
        #[test]
        fn the_product_never_falls(pool in pool(), side in side(), paid in 0u64..1 << 62, fee: u16) {
            let quote = pool.quote(side, paid, fee).expect("reserves have room");
            prop_assert!(product(quote.pool) >= product(pool));
            prop_assert!(quote.pool.tao > 0 && quote.pool.alpha > 0);
        }

        #[test]
        fn nothing_is_created_by_a_swap(pool in pool(), side in side(), paid in 0u64..1 << 62, fee: u16) {
            let quote = pool.quote(side, paid, fee).expect("reserves have room");
            let (tao, alpha) = match side {
                Side::Buy => (pool.tao + paid, pool.alpha - quote.received),
                Side::Sell => (pool.tao - quote.received, pool.alpha + paid),
            };
            prop_assert_eq!(quote.pool, Pool { tao, alpha });
        }

        #[test]
        fn a_round_trip_never_gains(pool in pool(), side in side(), paid in 0u64..1 << 61, fee: u16) {
            let there = pool.quote(side, paid, fee).expect("reserves have room");
            let other = if side == Side::Buy { Side::Sell } else { Side::Buy };
            let back = there.pool.quote(other, there.received, fee).expect("reserves have room");
            prop_assert!(back.received <= paid);
        }

        #[test]
        fn paying_more_never_receives_less(
            pool in pool(), side in side(), a in 0u64..1 << 62, b in 0u64..1 << 62, fee: u16,
        ) {
            let received = |paid| pool.quote(side, paid, fee).expect("reserves have room").received;
            prop_assert!(received(a.min(b)) <= received(a.max(b)));
        }

        #[test]
        fn a_limited_payment_is_the_largest_within(
            pool in pool(), side in side(), most in 1u64..1 << 60, factor in 1u128..200, fee in 0u16..2_000,
        ) {
            let limit = Fixed::from_bits(mul_div(pool.price().to_bits(), factor, 100));
            let paid = pool.largest_within(side, limit, most, fee);
            let is_within = |paid| {
                let price = pool.quote(side, paid, fee).expect("reserves have room").pool.price();
                if side == Side::Buy { price <= limit } else { price >= limit }
            };
            prop_assert!(paid == 0 || is_within(paid));
            prop_assert!(paid == most || !is_within(paid + 1));
        }

        #[test]
        fn an_injection_is_conserved_and_capped(
            tao: u64, price in 0u128..1 << 80, proportion in 0u128..=1 << 64, alpha in 0u64..1 << 60,
        ) {
            let proportion = Fixed::from_bits(proportion);
            let injection = Injection::of_block(tao, Fixed::from_bits(price), proportion, alpha);
            prop_assert_eq!(injection.tao + injection.excess_tao, tao);
            prop_assert!(injection.alpha <= proportion.of(alpha));
        }
    }
}
