//! People who do as they please: random calls from a seed, sensible and otherwise.
//!
//! A call that the chain refuses is as good a test as one that it takes: whatever the crowd does, the money must add up.

use crate::chain::Chain;
use keys::Pair;
use pallet_admin_utils::Call as Admin;
use pallet_subtensor::Call as Subtensor;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use runtime::{AccountId, Runtime, RuntimeCall, TAO};

/// People with money; each also has a hotkey on every subnet it registers on.
const PEOPLE: [&str; 6] = ["Alice", "Bob", "Charlie", "Dave", "Eve", "Ferdie"];

/// Six people, their hotkeys, and the subnets they have opened.
pub struct Crowd {
    rng: ChaCha20Rng,
    coldkeys: Vec<Pair>,
    hotkeys: Vec<Pair>,
    subnets: Vec<u16>,
}

impl Crowd {
    /// Opens `subnets` markets of a tempo, seats everybody on each, and stakes on half of them.
    ///
    /// # Panics
    ///
    /// When the chain refuses a step of this orderly beginning, or the money does not add up during it.
    pub fn gather(chain: &Chain, seed: u64, subnets: u16, tempo: u16) -> Self {
        let pair = |uri: String| Pair::from_uri(&uri).expect("a development key");
        let crowd = Self {
            rng: ChaCha20Rng::seed_from_u64(seed),
            coldkeys: PEOPLE
                .iter()
                .map(|name| pair(format!("//{name}")))
                .collect(),
            hotkeys: PEOPLE
                .iter()
                .map(|name| pair(format!("//{name}//hot")))
                .collect(),
            subnets: (1..=subnets).collect(),
        };
        crowd.open(chain, tempo);
        crowd.seat_and_back(chain);
        crowd
    }

    fn open(&self, chain: &Chain, tempo: u16) {
        let alice = &self.coldkeys[0];
        orderly(
            chain,
            alice,
            sudo(Admin::sudo_set_network_rate_limit { rate_limit: 0 }),
        );
        for netuid in self.subnets.iter().copied() {
            let owner = &self.coldkeys[usize::from(netuid) % PEOPLE.len()];
            let hotkey = account(&self.hotkeys[usize::from(netuid) % PEOPLE.len()]);
            orderly(chain, owner, Subtensor::register_network { hotkey }.into());
            for rule in rules(netuid, tempo) {
                orderly(chain, alice, rule);
            }
            orderly(chain, owner, Subtensor::start_call { netuid }.into());
        }
    }

    fn seat_and_back(&self, chain: &Chain) {
        for netuid in self.subnets.iter().copied() {
            let seats = self.coldkeys.iter().zip(&self.hotkeys);
            for (index, (coldkey, hotkey)) in seats.enumerate() {
                let hotkey = account(hotkey);
                let seated =
                    chain.read(|| pallet_subtensor::Uids::<Runtime>::contains_key(netuid, &hotkey));
                if !seated {
                    let call = Subtensor::burned_register {
                        netuid,
                        hotkey: hotkey.clone(),
                    };
                    orderly(chain, coldkey, call.into());
                }
                if index % 2 == 0 {
                    let amount_staked = 100 * TAO;
                    orderly(
                        chain,
                        coldkey,
                        Subtensor::add_stake {
                            hotkey,
                            netuid,
                            amount_staked,
                        }
                        .into(),
                    );
                }
            }
        }
    }

    /// The subnets opened.
    pub fn subnets(&self) -> &[u16] {
        &self.subnets
    }

    /// Does up to four things at random; what the pool refuses at once is not done.
    pub fn act(&mut self, chain: &Chain) {
        for _ in 0..self.rng.random_range(0..=4) {
            let at = self.rng.random_range(0..PEOPLE.len());
            if self.rng.random_bool(0.3) {
                let call = self.opinion();
                let hotkey = self.hotkeys[at].clone();
                chain.submit(&hotkey, call).ok();
            } else {
                let call = self.dealing(at);
                let coldkey = self.coldkeys[at].clone();
                chain.submit(&coldkey, call).ok();
            }
        }
    }

    /// Somebody's weights, of any length and order.
    fn opinion(&mut self) -> RuntimeCall {
        let netuid = self.subnet();
        let count = self.rng.random_range(0..=PEOPLE.len() as u16);
        let dests: Vec<u16> = (0..count).collect();
        let weights = dests
            .iter()
            .map(|_| self.rng.random_range(0..=u16::MAX))
            .collect();
        Subtensor::set_weights {
            netuid,
            dests,
            weights,
            version_key: 0,
        }
        .into()
    }

    /// Something that moves money.
    fn dealing(&mut self, at: usize) -> RuntimeCall {
        let netuid = self.subnet();
        let other = self.subnet();
        let hotkey = self.somebody();
        let whom = self.somebody();
        let amount = self.rng.random_range(0..200 * TAO);
        match self.rng.random_range(0..10) {
            0..=2 => Subtensor::add_stake {
                hotkey,
                netuid,
                amount_staked: amount,
            }
            .into(),
            3 | 4 => Subtensor::remove_stake {
                hotkey,
                netuid,
                amount_unstaked: amount,
            }
            .into(),
            5 => Subtensor::move_stake {
                origin_hotkey: hotkey,
                destination_hotkey: whom,
                origin_netuid: netuid,
                destination_netuid: other,
                alpha_amount: amount,
            }
            .into(),
            6 => Subtensor::unstake_all { hotkey }.into(),
            7 => {
                let take = self.rng.random_range(0..=11_796);
                Subtensor::increase_take {
                    hotkey: account(&self.hotkeys[at]),
                    take,
                }
                .into()
            }
            8 => Subtensor::burned_register {
                netuid,
                hotkey: self.newcomer(),
            }
            .into(),
            _ => pallet_balances::Call::transfer_allow_death {
                dest: whom.into(),
                value: amount,
            }
            .into(),
        }
    }

    /// One of the subnets, or root.
    fn subnet(&mut self) -> u16 {
        if self.rng.random_bool(0.2) {
            return pallet_subtensor::ROOT;
        }
        *self
            .subnets
            .choose(&mut self.rng)
            .expect("a crowd opens at least one subnet")
    }

    fn somebody(&mut self) -> AccountId {
        account(
            self.hotkeys
                .choose(&mut self.rng)
                .expect("a crowd has people"),
        )
    }

    fn newcomer(&mut self) -> AccountId {
        AccountId::new(self.rng.random())
    }
}

/// Submits a call that must succeed, and makes the block that holds it.
fn orderly(chain: &Chain, signer: &Pair, call: RuntimeCall) {
    let shown = format!("{call:?}");
    chain
        .submit(signer, call)
        .unwrap_or_else(|error| panic!("{shown}: {error}"));
    chain
        .advance()
        .unwrap_or_else(|error| panic!("{shown}: {error}"));
    let failures = chain.failures();
    assert!(failures.is_empty(), "{shown}: {failures:?}");
}

/// Rules under which much happens in few blocks.
fn rules(netuid: u16, tempo: u16) -> Vec<RuntimeCall> {
    vec![
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
            max_registrations_per_block: 16,
        }),
        sudo(Admin::sudo_set_target_registrations_per_interval {
            netuid,
            target_registrations_per_interval: 16,
        }),
        sudo(Admin::sudo_set_max_allowed_uids {
            netuid,
            max_allowed_uids: 64,
        }),
    ]
}

fn sudo(call: Admin<Runtime>) -> RuntimeCall {
    pallet_sudo::Call::sudo {
        call: Box::new(call.into()),
    }
    .into()
}

fn account(pair: &Pair) -> AccountId {
    AccountId::new(pair.account().0)
}
