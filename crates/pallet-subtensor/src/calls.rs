//! Catalogue of what may be asked of the pallet. Each call says who may ask; the file that owns the
//! concept decides the rest.

use frame_support::pallet_macros::pallet_section;

#[pallet_section]
mod calls {
    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Replaces the caller's weights on a subnet.
        ///
        /// Weights are the validator's whole opinion: a neuron left out gets nothing from this
        /// validator until it is named again. Only proportions matter. They count from the next
        /// epoch on.
        ///
        /// Signed by the validator's hotkey. Free: the rate limit bounds the load.
        #[pallet::call_index(0)]
        #[pallet::weight((Weight::from_parts(200_000_000, 0), DispatchClass::Normal, Pays::No))]
        pub fn set_weights(
            origin: OriginFor<T>,
            netuid: NetUid,
            dests: Vec<u16>,
            weights: Vec<u16>,
            version_key: u64,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            Self::do_set_weights(
                &hotkey,
                netuid,
                Opinion {
                    uids: dests,
                    values: weights,
                    version_key,
                },
            )
        }

        /// Replaces the caller's weights of one mechanism. See
        /// [`Pallet::set_weights`].
        #[pallet::call_index(119)]
        #[pallet::weight((Weight::from_parts(200_000_000, 0), DispatchClass::Normal, Pays::No))]
        pub fn set_mechanism_weights(
            origin: OriginFor<T>,
            netuid: NetUid,
            mecid: MechId,
            dests: Vec<u16>,
            weights: Vec<u16>,
            version_key: u64,
        ) -> DispatchResult {
            let index = Self::existing_index(netuid, mecid)?;
            Self::set_weights(origin, index, dests, weights, version_key)
        }

        /// Announces weights by their hash, where the subnet asks for it.
        ///
        /// Signed by the validator's hotkey. Free: the rate limit bounds the load.
        #[pallet::call_index(96)]
        #[pallet::weight((Weight::from_parts(150_000_000, 0), DispatchClass::Normal, Pays::No))]
        pub fn commit_weights(
            origin: OriginFor<T>,
            netuid: NetUid,
            commit_hash: sp_core::H256,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            Self::do_commit_weights(&hotkey, netuid, commit_hash)
        }

        /// Announces weights of one mechanism. See
        /// [`Pallet::commit_weights`].
        #[pallet::call_index(115)]
        #[pallet::weight((Weight::from_parts(150_000_000, 0), DispatchClass::Normal, Pays::No))]
        pub fn commit_mechanism_weights(
            origin: OriginFor<T>,
            netuid: NetUid,
            mecid: MechId,
            commit_hash: sp_core::H256,
        ) -> DispatchResult {
            let index = Self::existing_index(netuid, mecid)?;
            Self::commit_weights(origin, index, commit_hash)
        }

        /// Publishes weights that open by themselves at a height.
        ///
        /// # Errors
        /// - `IncorrectCommitRevealVersion`, `InvalidRevealRound`: this chain opens what is sealed to its heights.
        /// - `CommitRevealDisabled`, `TooManyUnrevealedCommits`, and those of [`Pallet::commit_weights`].
        #[pallet::call_index(113)]
        #[pallet::weight((Weight::from_parts(150_000_000, 0), DispatchClass::Normal, Pays::No))]
        pub fn commit_timelocked_weights(
            origin: OriginFor<T>,
            netuid: NetUid,
            commit: BoundedVec<u8, ConstU32<{ timelock::SEALED_BYTES_MAX }>>,
            reveal_round: u64,
            commit_reveal_version: u16,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            Self::do_commit_timelocked_weights(
                &hotkey,
                netuid,
                commit,
                reveal_round,
                commit_reveal_version,
            )
        }

        /// Publishes weights announced earlier, in the epoch in which they are due.
        ///
        /// Signed by the validator's hotkey. Free: only what was announced can be revealed.
        #[pallet::call_index(97)]
        #[pallet::weight((Weight::from_parts(250_000_000, 0), DispatchClass::Normal, Pays::No))]
        pub fn reveal_weights(
            origin: OriginFor<T>,
            netuid: NetUid,
            uids: Vec<u16>,
            values: Vec<u16>,
            salt: Vec<u16>,
            version_key: u64,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            let opinion = Opinion {
                uids,
                values,
                version_key,
            };
            Self::do_reveal_weights(&hotkey, netuid, opinion, &salt).map(|_| ())
        }

        /// Publishes weights of one mechanism. See
        /// [`Pallet::reveal_weights`].
        #[pallet::call_index(116)]
        #[pallet::weight((Weight::from_parts(250_000_000, 0), DispatchClass::Normal, Pays::No))]
        pub fn reveal_mechanism_weights(
            origin: OriginFor<T>,
            netuid: NetUid,
            mecid: MechId,
            uids: Vec<u16>,
            values: Vec<u16>,
            salt: Vec<u16>,
            version_key: u64,
        ) -> DispatchResult {
            let index = Self::existing_index(netuid, mecid)?;
            Self::reveal_weights(origin, index, uids, values, salt, version_key)
        }

        /// Lowers what a validator keeps of its stakers' pay. Signed by its owner.
        #[pallet::call_index(65)]
        #[pallet::weight(Weight::from_parts(80_000_000, 0))]
        pub fn decrease_take(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            take: u16,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_decrease_take(&coldkey, &hotkey, take)
        }

        /// Raises what a validator keeps of its stakers' pay. Signed by its owner; rarely allowed.
        #[pallet::call_index(66)]
        #[pallet::weight(Weight::from_parts(80_000_000, 0))]
        pub fn increase_take(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            take: u16,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_increase_take(&coldkey, &hotkey, take)
        }

        /// Stakes TAO on a hotkey in a subnet, at the pool's price. Signed by the coldkey that
        /// pays.
        #[pallet::call_index(2)]
        #[pallet::weight(Pallet::<T>::stake_cost(150, &[*netuid]))]
        pub fn add_stake(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            netuid: NetUid,
            amount_staked: TaoBalance,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_add_stake(&coldkey, &hotkey, netuid, amount_staked, None).map(|_| ())
        }

        /// Stakes TAO on a hotkey, unless the price would pass a limit. Signed by the coldkey that
        /// pays.
        #[pallet::call_index(88)]
        #[pallet::weight(Pallet::<T>::stake_cost(200, &[*netuid]))]
        pub fn add_stake_limit(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            netuid: NetUid,
            amount_staked: TaoBalance,
            limit_price: TaoBalance,
            allow_partial: bool,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            let limit = PriceLimit {
                price: limit_price,
                allow_partial,
            };
            Self::do_add_stake(&coldkey, &hotkey, netuid, amount_staked, Some(limit)).map(|_| ())
        }

        /// Unstakes alpha from a hotkey in a subnet, at the pool's price. Signed by the coldkey
        /// that owns it.
        #[pallet::call_index(3)]
        #[pallet::weight(Pallet::<T>::stake_cost(150, &[*netuid]))]
        pub fn remove_stake(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            netuid: NetUid,
            amount_unstaked: AlphaBalance,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_remove_stake(&coldkey, &hotkey, netuid, amount_unstaked, None)
        }

        /// Unstakes alpha from a hotkey, unless the price would pass a limit. Signed by the coldkey
        /// that owns it.
        #[pallet::call_index(89)]
        #[pallet::weight(Pallet::<T>::stake_cost(200, &[*netuid]))]
        pub fn remove_stake_limit(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            netuid: NetUid,
            amount_unstaked: AlphaBalance,
            limit_price: TaoBalance,
            allow_partial: bool,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            let limit = PriceLimit {
                price: limit_price,
                allow_partial,
            };
            Self::do_remove_stake(&coldkey, &hotkey, netuid, amount_unstaked, Some(limit))
        }

        /// Unstakes all alpha from a hotkey in a subnet, unless the price would fall below a limit,
        /// if one is given.
        #[pallet::call_index(103)]
        #[pallet::weight(Pallet::<T>::stake_cost(200, &[*netuid]))]
        pub fn remove_stake_full_limit(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            netuid: NetUid,
            limit_price: Option<TaoBalance>,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            let stake = Self::stake_of(&hotkey, &coldkey, netuid);
            let limit = limit_price.map(|price| PriceLimit {
                price,
                allow_partial: false,
            });
            Self::do_remove_stake(&coldkey, &hotkey, netuid, stake, limit)
        }

        /// Unstakes everything from a hotkey, on every subnet and on root. Signed by the coldkey
        /// that owns it.
        #[pallet::call_index(83)]
        #[pallet::weight(Pallet::<T>::exit_cost())]
        pub fn unstake_all(origin: OriginFor<T>, hotkey: T::AccountId) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_unstake_all(&coldkey, &hotkey, UnstakeScope::Everything)
        }

        /// Unstakes everything from a hotkey but its root stake. Signed by the coldkey that owns
        /// it.
        #[pallet::call_index(84)]
        #[pallet::weight(Pallet::<T>::exit_cost())]
        pub fn unstake_all_alpha(origin: OriginFor<T>, hotkey: T::AccountId) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_unstake_all(&coldkey, &hotkey, UnstakeScope::AlphaOnly)
        }

        /// Moves stake to another hotkey, another subnet, or both. Signed by the coldkey that owns
        /// it.
        #[pallet::call_index(85)]
        #[pallet::weight(Pallet::<T>::stake_cost(250, &[*origin_netuid, *destination_netuid]))]
        pub fn move_stake(
            origin: OriginFor<T>,
            origin_hotkey: T::AccountId,
            destination_hotkey: T::AccountId,
            origin_netuid: NetUid,
            destination_netuid: NetUid,
            alpha_amount: AlphaBalance,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            let route = StakeRoute {
                origin_hotkey,
                origin_netuid,
                destination_coldkey: coldkey.clone(),
                destination_hotkey,
                destination_netuid,
            };
            Self::do_move(coldkey, StakeMove::Move, route, alpha_amount, None)
        }

        /// Passes stake to another coldkey, on the same hotkey. Signed by the coldkey that owns it.
        #[pallet::call_index(86)]
        #[pallet::weight(Pallet::<T>::stake_cost(250, &[*origin_netuid, *destination_netuid]))]
        pub fn transfer_stake(
            origin: OriginFor<T>,
            destination_coldkey: T::AccountId,
            hotkey: T::AccountId,
            origin_netuid: NetUid,
            destination_netuid: NetUid,
            alpha_amount: AlphaBalance,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            let route = StakeRoute {
                origin_hotkey: hotkey.clone(),
                origin_netuid,
                destination_coldkey,
                destination_hotkey: hotkey,
                destination_netuid,
            };
            Self::do_move(coldkey, StakeMove::Transfer, route, alpha_amount, None)
        }

        /// Moves stake to another subnet, on the same hotkey. Signed by the coldkey that owns it.
        #[pallet::call_index(87)]
        #[pallet::weight(Pallet::<T>::stake_cost(250, &[*origin_netuid, *destination_netuid]))]
        pub fn swap_stake(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            origin_netuid: NetUid,
            destination_netuid: NetUid,
            alpha_amount: AlphaBalance,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            let route = StakeRoute {
                origin_hotkey: hotkey.clone(),
                origin_netuid,
                destination_coldkey: coldkey.clone(),
                destination_hotkey: hotkey,
                destination_netuid,
            };
            Self::do_move(coldkey, StakeMove::Swap, route, alpha_amount, None)
        }

        /// Moves stake to another subnet, unless one alpha there would cost more than a limit
        /// allows: `limit_price` is the least rao of the destination's alpha for one of the
        /// origin's. Signed by the coldkey that owns it.
        #[pallet::call_index(90)]
        #[pallet::weight(Pallet::<T>::stake_cost(300, &[*origin_netuid, *destination_netuid]))]
        pub fn swap_stake_limit(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            origin_netuid: NetUid,
            destination_netuid: NetUid,
            alpha_amount: AlphaBalance,
            limit_price: TaoBalance,
            allow_partial: bool,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            let route = StakeRoute {
                origin_hotkey: hotkey.clone(),
                origin_netuid,
                destination_coldkey: coldkey.clone(),
                destination_hotkey: hotkey,
                destination_netuid,
            };
            let limit = PriceLimit {
                price: limit_price,
                allow_partial,
            };
            Self::do_move(coldkey, StakeMove::Swap, route, alpha_amount, Some(limit))
        }

        /// Sends the caller's pay as a miner on a subnet to another hotkey. Signed by the coldkey.
        #[pallet::call_index(114)]
        #[pallet::weight(Weight::from_parts(80_000_000, 0))]
        pub fn set_coldkey_auto_stake_hotkey(
            origin: OriginFor<T>,
            netuid: NetUid,
            hotkey: T::AccountId,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_set_auto_stake(&coldkey, netuid, &hotkey)
        }

        /// Lends parts of a hotkey's stake weight in a subnet to at most five others, and takes back
        /// what it lent before. Parts are ratios of 2⁶⁴ − 1. Counts after a cooldown. Signed by the
        /// coldkey that owns the hotkey.
        #[pallet::call_index(67)]
        #[pallet::weight(Pallet::<T>::lending_cost())]
        pub fn set_children(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            netuid: NetUid,
            children: Vec<(u64, T::AccountId)>,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_set_children(&coldkey, &hotkey, netuid, children)
        }

        /// Sets what a hotkey keeps of what it earns in a subnet with stake lent by others, as a
        /// ratio of 65535. Signed by the coldkey that owns it; raising is rarely allowed.
        #[pallet::call_index(75)]
        #[pallet::weight(Weight::from_parts(80_000_000, 0))]
        pub fn set_childkey_take(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            netuid: NetUid,
            take: u16,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_set_childkey_take(&coldkey, &hotkey, netuid, take)
        }

        /// Sets the blocks between two raises of a take for parents. Root only.
        #[pallet::call_index(69)]
        #[pallet::weight((Weight::from_parts(50_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_tx_childkey_take_rate_limit(
            origin: OriginFor<T>,
            tx_rate_limit: u64,
        ) -> DispatchResult {
            ensure_root(origin)?;
            Self::set_childkey_take_interval(tx_rate_limit);
            Ok(())
        }

        /// Sets the lowest take for parents, as a ratio of 65535. Root only.
        #[pallet::call_index(76)]
        #[pallet::weight((Weight::from_parts(50_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_min_childkey_take(origin: OriginFor<T>, take: u16) -> DispatchResult {
            ensure_root(origin)?;
            Self::set_min_childkey_take(take);
            Ok(())
        }

        /// Sets the highest take for parents, as a ratio of 65535. Root only.
        #[pallet::call_index(77)]
        #[pallet::weight((Weight::from_parts(50_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_max_childkey_take(origin: OriginFor<T>, take: u16) -> DispatchResult {
            ensure_root(origin)?;
            Self::set_max_childkey_take(take);
            Ok(())
        }

        /// Sets the blocks for which a new list of children waits. Root only.
        #[pallet::call_index(109)]
        #[pallet::weight((Weight::from_parts(50_000_000, 0), DispatchClass::Operational))]
        pub fn set_pending_childkey_cooldown(
            origin: OriginFor<T>,
            cooldown: u64,
        ) -> DispatchResult {
            ensure_root(origin)?;
            Self::set_pending_cooldown(cooldown);
            Ok(())
        }

        /// Turns on or off that a validator on root lends to subnets' owners where it lends to
        /// nobody else. Signed by the coldkey that owns it.
        #[pallet::call_index(135)]
        #[pallet::weight(Weight::from_parts(80_000_000, 0))]
        pub fn set_auto_parent_delegation_enabled(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            enabled: bool,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_set_auto_parent_delegation(&coldkey, hotkey, enabled)
        }

        /// Collects root dividends of the given subnets from every validator the caller stakes on,
        /// unless these are too many for one call.
        #[pallet::call_index(121)]
        #[pallet::weight(Weight::from_parts(8_000_000_000, 0))]
        pub fn claim_root(origin: OriginFor<T>, subnets: BTreeSet<NetUid>) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_claim_root(&coldkey, &subnets)
        }

        /// Collects root dividends of every subnet from one validator.
        #[pallet::call_index(148)]
        #[pallet::weight(Pallet::<T>::collection_cost())]
        pub fn claim_root_with_hotkey(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_claim_root_with_hotkey(&coldkey, &hotkey)
        }

        /// Moves stake to another hotkey, another subnet, or both, unless one alpha of the origin
        /// would buy less than `limit_price` rao of the destination's. Signed by the coldkey that
        /// owns it.
        #[pallet::call_index(149)]
        #[pallet::weight(Pallet::<T>::stake_cost(300, &[*origin_netuid, *destination_netuid]))]
        pub fn move_stake_limit(
            origin: OriginFor<T>,
            origin_hotkey: T::AccountId,
            destination_hotkey: T::AccountId,
            origin_netuid: NetUid,
            destination_netuid: NetUid,
            alpha_amount: AlphaBalance,
            limit_price: TaoBalance,
            allow_partial: bool,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            let route = StakeRoute {
                origin_hotkey,
                origin_netuid,
                destination_coldkey: coldkey.clone(),
                destination_hotkey,
                destination_netuid,
            };
            let limit = PriceLimit {
                price: limit_price,
                allow_partial,
            };
            Self::do_move(coldkey, StakeMove::Move, route, alpha_amount, Some(limit))
        }

        /// Passes stake to another coldkey and another hotkey. Signed by the coldkey that owns it.
        #[pallet::call_index(143)]
        #[pallet::weight(Pallet::<T>::stake_cost(250, &[*origin_netuid, *destination_netuid]))]
        pub fn transfer_stake_and_hotkey(
            origin: OriginFor<T>,
            destination_coldkey: T::AccountId,
            origin_hotkey: T::AccountId,
            destination_hotkey: T::AccountId,
            origin_netuid: NetUid,
            destination_netuid: NetUid,
            alpha_amount: AlphaBalance,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            let route = StakeRoute {
                origin_hotkey,
                origin_netuid,
                destination_coldkey,
                destination_hotkey,
                destination_netuid,
            };
            let kind = StakeMove::TransferAndHotkey;
            Self::do_move(coldkey, kind, route, alpha_amount, None)
        }

        /// Buys alpha and burns it at once, unless the price would pass a limit, if one is given.
        /// Signed by the coldkey that pays.
        #[pallet::call_index(132)]
        #[pallet::weight(Weight::from_parts(300_000_000, 0))]
        pub fn add_stake_burn(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            netuid: NetUid,
            amount: TaoBalance,
            limit: Option<TaoBalance>,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_buy_and_burn(&coldkey, &hotkey, netuid, amount, limit)
        }

        /// Takes staked alpha out of existence, at most all of it; emission may mint it again.
        /// Signed by the coldkey that owns it.
        #[pallet::call_index(101)]
        #[pallet::weight(Weight::from_parts(150_000_000, 0))]
        pub fn recycle_alpha(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            amount: AlphaBalance,
            netuid: NetUid,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_give_up(&coldkey, &hotkey, netuid, amount, Sacrifice::Recycled)
        }

        /// Leaves staked alpha with nobody for ever, at most all of it. Signed by the coldkey that
        /// owns it.
        #[pallet::call_index(102)]
        #[pallet::weight(Weight::from_parts(150_000_000, 0))]
        pub fn burn_alpha(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            amount: AlphaBalance,
            netuid: NetUid,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_give_up(&coldkey, &hotkey, netuid, amount, Sacrifice::Burned)
        }

        /// Sets the least worth of root dividends that a claim collects, in rao of TAO; `netuid` is
        /// root. Root only.
        #[pallet::call_index(124)]
        #[pallet::weight((Weight::from_parts(50_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_root_claim_threshold(
            origin: OriginFor<T>,
            netuid: NetUid,
            new_value: u64,
        ) -> DispatchResult {
            Self::ensure_root_or_owner(origin, netuid)?;
            Self::do_set_claim_threshold(netuid, new_value)
        }

        /// Replaces the caller's weights on several subnets; an item that fails leaves the others
        /// be. Signed by the validator's hotkey. Free.
        #[pallet::call_index(80)]
        #[pallet::weight((
            Weight::from_parts(200_000_000, 0).saturating_mul(1 + netuids.len() as u64),
            DispatchClass::Normal,
            Pays::No,
        ))]
        pub fn batch_set_weights(
            origin: OriginFor<T>,
            netuids: Vec<Compact<NetUid>>,
            weights: Vec<weight_batches::CompactRow>,
            version_keys: Vec<Compact<u64>>,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            Self::do_batch_set_weights(&hotkey, netuids, weights, version_keys)
        }

        /// Announces weights on several subnets by their hashes; an item that fails leaves the
        /// others be. Signed by the validator's hotkey. Free.
        #[pallet::call_index(100)]
        #[pallet::weight((
            Weight::from_parts(150_000_000, 0).saturating_mul(1 + netuids.len() as u64),
            DispatchClass::Normal,
            Pays::No,
        ))]
        pub fn batch_commit_weights(
            origin: OriginFor<T>,
            netuids: Vec<Compact<NetUid>>,
            commit_hashes: Vec<sp_core::H256>,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            Self::do_batch_commit_weights(&hotkey, netuids, commit_hashes)
        }

        /// Publishes several rows announced on one subnet, in the order in which they were, all or
        /// nothing. Signed by the validator's hotkey. Free.
        #[pallet::call_index(98)]
        #[pallet::weight((
            Weight::from_parts(250_000_000, 0).saturating_mul(1 + uids_list.len() as u64),
            DispatchClass::Normal,
            Pays::No,
        ))]
        pub fn batch_reveal_weights(
            origin: OriginFor<T>,
            netuid: NetUid,
            uids_list: Vec<Vec<u16>>,
            values_list: Vec<Vec<u16>>,
            salts_list: Vec<Vec<u16>>,
            version_keys: Vec<u64>,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            let opinions = Self::opinions_of(uids_list, values_list, version_keys)?;
            Self::do_batch_reveal_weights(&hotkey, netuid, opinions, &salts_list)
        }

        /// Puts a hotkey in another's place, with what is staked on it, on one subnet or on all.
        /// Signed by the coldkey that owns it.
        #[pallet::call_index(70)]
        #[pallet::weight(swaps::SWAP_WEIGHT)]
        pub fn swap_hotkey(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            new_hotkey: T::AccountId,
            netuid: Option<NetUid>,
        ) -> DispatchResult {
            Self::swap_hotkey_v2(origin, hotkey, new_hotkey, netuid, false)
        }

        /// Puts a hotkey in another's place, on one subnet or on all; what is staked moves along
        /// unless it is to stay. Signed by the coldkey that owns it.
        #[pallet::call_index(72)]
        #[pallet::weight(swaps::SWAP_WEIGHT)]
        pub fn swap_hotkey_v2(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            new_hotkey: T::AccountId,
            netuid: Option<NetUid>,
            keep_stake: bool,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            let swap = HotkeySwap {
                old: hotkey,
                new: new_hotkey,
                netuid,
                keep_stake,
            };
            Self::do_swap_hotkey(&coldkey, &swap)
        }

        /// Makes everything that a coldkey has another's, at a price that it pays. Root only.
        #[pallet::call_index(71)]
        #[pallet::weight(swaps::SWAP_WEIGHT)]
        pub fn swap_coldkey(
            origin: OriginFor<T>,
            old_coldkey: T::AccountId,
            new_coldkey: T::AccountId,
            swap_cost: TaoBalance,
        ) -> DispatchResult {
            ensure_root(origin)?;
            frame_support::storage::with_storage_layer(|| {
                Self::charge_coldkey_swap(&old_coldkey, swap_cost)?;
                Self::do_swap_coldkey(&old_coldkey, &new_coldkey)
            })
        }

        /// Refused: announce a swap, and name the new coldkey when its time has come.
        #[pallet::call_index(73)]
        #[pallet::weight(Weight::from_parts(50_000_000, 0))]
        pub fn schedule_swap_coldkey(
            origin: OriginFor<T>,
            new_coldkey: T::AccountId,
        ) -> DispatchResult {
            let _ignored = (ensure_signed(origin)?, new_coldkey);
            Err(Error::<T>::Deprecated.into())
        }

        /// Announces that the caller is to be swapped for the coldkey whose blake2-256 hash this is.
        #[pallet::call_index(125)]
        #[pallet::weight(Weight::from_parts(80_000_000, 0))]
        pub fn announce_coldkey_swap(
            origin: OriginFor<T>,
            new_coldkey_hash: T::Hash,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_announce_swap(&coldkey, new_coldkey_hash)
        }

        /// Makes everything that the caller has the announced coldkey's, once the delay is over.
        #[pallet::call_index(126)]
        #[pallet::weight(swaps::SWAP_WEIGHT)]
        pub fn swap_coldkey_announced(
            origin: OriginFor<T>,
            new_coldkey: T::AccountId,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_swap_announced(&coldkey, &new_coldkey)
        }

        /// Stops the swap that the caller announced, and everything else, until root resets it.
        #[pallet::call_index(127)]
        #[pallet::weight(Weight::from_parts(80_000_000, 0))]
        pub fn dispute_coldkey_swap(origin: OriginFor<T>) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_dispute_swap(&coldkey)
        }

        /// Frees a coldkey of its announcement and its dispute. Root only.
        #[pallet::call_index(128)]
        #[pallet::weight((Weight::from_parts(80_000_000, 0), DispatchClass::Operational))]
        pub fn reset_coldkey_swap(origin: OriginFor<T>, coldkey: T::AccountId) -> DispatchResult {
            ensure_root(origin)?;
            Self::do_reset_swap(&coldkey);
            Ok(())
        }

        /// Takes the caller's announcement back, once another could be made.
        #[pallet::call_index(133)]
        #[pallet::weight(Weight::from_parts(80_000_000, 0))]
        pub fn clear_coldkey_swap_announcement(origin: OriginFor<T>) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_clear_swap(&coldkey)
        }

        /// Publishes where a neuron answers. Signed by its hotkey. Free: the rate limit bounds the
        /// load.
        #[pallet::call_index(4)]
        #[pallet::weight((Weight::from_parts(80_000_000, 0), DispatchClass::Normal, Pays::No))]
        pub fn serve_axon(
            origin: OriginFor<T>,
            netuid: NetUid,
            version: u32,
            ip: u128,
            port: u16,
            ip_type: u8,
            protocol: u8,
            placeholder1: u8,
            placeholder2: u8,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            let axon = AxonInfo {
                block: 0,
                version,
                ip,
                port,
                ip_type,
                protocol,
                placeholder1,
                placeholder2,
            };
            Self::do_serve_axon(&hotkey, netuid, axon)
        }

        /// Publishes where a neuron answers, and the key by which peers know it. Signed by its
        /// hotkey.
        #[pallet::call_index(40)]
        #[pallet::weight((Weight::from_parts(100_000_000, 0), DispatchClass::Normal, Pays::No))]
        pub fn serve_axon_tls(
            origin: OriginFor<T>,
            netuid: NetUid,
            version: u32,
            ip: u128,
            port: u16,
            ip_type: u8,
            protocol: u8,
            placeholder1: u8,
            placeholder2: u8,
            certificate: Vec<u8>,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            let axon = AxonInfo {
                block: 0,
                version,
                ip,
                port,
                ip_type,
                protocol,
                placeholder1,
                placeholder2,
            };
            frame_support::storage::with_storage_layer(|| {
                Self::do_serve_axon_tls(&hotkey, netuid, axon, &certificate)
            })
        }

        /// Publishes where a neuron shows its metrics. Signed by its hotkey. Free: the rate limit
        /// bounds the load.
        #[pallet::call_index(5)]
        #[pallet::weight((Weight::from_parts(80_000_000, 0), DispatchClass::Normal, Pays::No))]
        pub fn serve_prometheus(
            origin: OriginFor<T>,
            netuid: NetUid,
            version: u32,
            ip: u128,
            port: u16,
            ip_type: u8,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            let endpoint = PrometheusInfo {
                block: 0,
                version,
                ip,
                port,
                ip_type,
            };
            Self::do_serve_prometheus(&hotkey, netuid, endpoint)
        }

        /// Registers a hotkey on a subnet at the price of the moment. Signed by the coldkey that
        /// pays and owns it.
        #[pallet::call_index(7)]
        #[pallet::weight(Pallet::<T>::seat_cost(*netuid))]
        pub fn burned_register(
            origin: OriginFor<T>,
            netuid: NetUid,
            hotkey: T::AccountId,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_burned_register(&coldkey, netuid, &hotkey, None)
        }

        /// Registers a hotkey on a subnet for work instead of TAO, where its owner allows it. Signed by
        /// the coldkey that owns it. Free: the work pays.
        #[pallet::call_index(160)]
        #[pallet::weight((Pallet::<T>::seat_cost(*netuid), DispatchClass::Normal, Pays::No))]
        pub fn pow_register(
            origin: OriginFor<T>,
            netuid: NetUid,
            work_block: u64,
            nonce: u64,
            work: [u8; 32],
            hotkey: T::AccountId,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            let work = Work {
                netuid,
                block: work_block,
                nonce,
                seal: work,
            };
            Self::do_pow_register(&coldkey, &hotkey, &work)
        }

        /// Registers a hotkey on a subnet at the price of the moment, like
        /// [`Pallet::burned_register`], which old wallets call so. Nothing depends on the work.
        #[pallet::call_index(6)]
        #[pallet::weight(Pallet::<T>::seat_cost(*netuid))]
        pub fn register(
            origin: OriginFor<T>,
            netuid: NetUid,
            block_number: u64,
            nonce: u64,
            work: Vec<u8>,
            hotkey: T::AccountId,
            coldkey: T::AccountId,
        ) -> DispatchResult {
            let payer = ensure_signed(origin)?;
            let _old_proof = (block_number, nonce, work);
            ensure!(payer == coldkey, Error::<T>::NonAssociatedColdKey);
            Self::do_burned_register(&payer, netuid, &hotkey, None)
        }

        /// Registers a hotkey on a subnet, unless that costs more than a limit in rao.
        #[pallet::call_index(134)]
        #[pallet::weight(Pallet::<T>::seat_cost(*netuid))]
        pub fn register_limit(
            origin: OriginFor<T>,
            netuid: NetUid,
            hotkey: T::AccountId,
            limit_price: u64,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_burned_register(&coldkey, netuid, &hotkey, Some(limit_price))
        }

        /// Registers a hotkey on root at the price of the moment. Signed by the coldkey that pays
        /// and owns it.
        #[pallet::call_index(62)]
        #[pallet::weight(Pallet::<T>::root_seat_cost())]
        pub fn root_register(origin: OriginFor<T>, hotkey: T::AccountId) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_root_register(&coldkey, &hotkey)
        }

        /// Makes a free hotkey belong to the caller. Signed by the coldkey.
        #[pallet::call_index(91)]
        #[pallet::weight(Weight::from_parts(80_000_000, 0))]
        pub fn try_associate_hotkey(origin: OriginFor<T>, hotkey: T::AccountId) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            ensure!(
                Self::may_own(&coldkey, &hotkey),
                Error::<T>::NonAssociatedColdKey
            );
            Self::associate(&coldkey, &hotkey)?;
            Self::deposit_event(Event::HotkeyAssociated(coldkey, hotkey));
            Ok(())
        }

        /// Registers a subnet, whose pool receives the price. Signed by the coldkey that pays and
        /// owns it.
        #[pallet::call_index(59)]
        #[pallet::weight(Weight::from_parts(4_500_000_000, 0))]
        pub fn register_network(origin: OriginFor<T>, hotkey: T::AccountId) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            frame_support::storage::with_storage_layer(|| {
                Self::do_register_network(&coldkey, &hotkey, None)
            })
        }

        /// Registers a subnet and describes it at once. Signed by the coldkey that pays and owns
        /// it.
        #[pallet::call_index(79)]
        #[pallet::weight(Weight::from_parts(4_500_000_000, 0))]
        pub fn register_network_with_identity(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            identity: Option<SubnetIdentityV3>,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            frame_support::storage::with_storage_layer(|| {
                Self::do_register_network(&coldkey, &hotkey, identity)
            })
        }

        /// Dissolves a subnet; its stakers are paid from its pool. Root only; `coldkey` is for wallets.
        #[pallet::call_index(61)]
        #[pallet::weight((Weight::from_parts(150_000_000, 0), DispatchClass::Operational))]
        pub fn dissolve_network(
            origin: OriginFor<T>,
            coldkey: T::AccountId,
            netuid: NetUid,
        ) -> DispatchResult {
            ensure_root(origin)?;
            Self::ensure_owner(&coldkey, netuid)?;
            Self::do_dissolve_network(netuid)
        }

        /// Dissolves a subnet; its stakers are paid from its pool. Root only.
        #[pallet::call_index(120)]
        #[pallet::weight((Weight::from_parts(150_000_000, 0), DispatchClass::Operational))]
        pub fn root_dissolve_network(origin: OriginFor<T>, netuid: NetUid) -> DispatchResult {
            ensure_root(origin)?;
            Self::do_dissolve_network(netuid)
        }

        /// Opens a subnet: its alpha trades and it is emitted to. Signed by its owner.
        #[pallet::call_index(92)]
        #[pallet::weight(Weight::from_parts(80_000_000, 0))]
        pub fn start_call(origin: OriginFor<T>, netuid: NetUid) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_start_call(&coldkey, netuid)
        }

        /// Describes the caller's coldkey.
        #[pallet::call_index(68)]
        #[pallet::weight(Weight::from_parts(2_500_000_000, 0))]
        pub fn set_identity(
            origin: OriginFor<T>,
            name: Vec<u8>,
            url: Vec<u8>,
            github_repo: Vec<u8>,
            image: Vec<u8>,
            discord: Vec<u8>,
            description: Vec<u8>,
            additional: Vec<u8>,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            let identity = ChainIdentityV2 {
                name,
                url,
                github_repo,
                image,
                discord,
                description,
                additional,
            };
            Self::do_set_identity(&coldkey, identity)
        }

        /// Describes a subnet. Signed by its owner, or root.
        #[pallet::call_index(78)]
        #[pallet::weight(Weight::from_parts(150_000_000, 0))]
        pub fn set_subnet_identity(
            origin: OriginFor<T>,
            netuid: NetUid,
            subnet_name: Vec<u8>,
            github_repo: Vec<u8>,
            subnet_contact: Vec<u8>,
            subnet_url: Vec<u8>,
            discord: Vec<u8>,
            description: Vec<u8>,
            logo_url: Vec<u8>,
            additional: Vec<u8>,
        ) -> DispatchResult {
            Self::ensure_root_or_owner(origin, netuid)?;
            let identity = SubnetIdentityV3 {
                subnet_name,
                github_repo,
                subnet_contact,
                subnet_url,
                discord,
                description,
                logo_url,
                additional,
            };
            Self::do_set_subnet_identity(netuid, identity)
        }

        /// Gives a subnet's token another sign. Signed by its owner, or root.
        #[pallet::call_index(112)]
        #[pallet::weight(Weight::from_parts(150_000_000, 0))]
        pub fn update_symbol(
            origin: OriginFor<T>,
            netuid: NetUid,
            symbol: Vec<u8>,
        ) -> DispatchResult {
            Self::ensure_root_or_owner(origin, netuid)?;
            Self::do_update_symbol(netuid, symbol)
        }

        /// Chooses the blocks from one epoch to the next. Signed by the subnet's owner; rarely
        /// allowed.
        #[pallet::call_index(139)]
        #[pallet::weight(Weight::from_parts(80_000_000, 0))]
        pub fn set_tempo(origin: OriginFor<T>, netuid: NetUid, tempo: u16) -> DispatchResult {
            let setting = Hyperparameter::Tempo(tempo);
            Self::set_as_owner_or_root(origin, netuid, setting)
        }

        /// Chooses after how many thousandths of a tempo a silent validator is inactive. Signed by
        /// the subnet's owner; rarely allowed.
        #[pallet::call_index(140)]
        #[pallet::weight(Weight::from_parts(80_000_000, 0))]
        pub fn set_activity_cutoff_factor(
            origin: OriginFor<T>,
            netuid: NetUid,
            factor_milli: u32,
        ) -> DispatchResult {
            let setting = Hyperparameter::ActivityCutoffFactorMilli(factor_milli);
            Self::set_as_owner_or_root(origin, netuid, setting)
        }

        /// Asks for an epoch in the next block. Signed by the subnet's owner, or root.
        #[pallet::call_index(141)]
        #[pallet::weight(Weight::from_parts(80_000_000, 0))]
        pub fn trigger_epoch(origin: OriginFor<T>, netuid: NetUid) -> DispatchResult {
            Self::ensure_root_or_owner(origin, netuid)?;
            Self::do_trigger_epoch(netuid)
        }
    }

    impl<T: Config> Pallet<T> {
        /// Sets a hyperparameter for whoever may, and counts an owner's changes.
        pub fn set_as_owner_or_root(
            origin: OriginFor<T>,
            netuid: NetUid,
            setting: Hyperparameter,
        ) -> DispatchResult {
            let authority = Self::ensure_root_or_owner(origin, netuid)?;
            let key = RateLimitKey::OwnerHyperparamUpdate(netuid, setting.tag());
            if authority == Authority::Owner {
                Self::ensure_owner_may_change(netuid, &key)?;
            }
            Self::set_hyperparameter(netuid, setting, authority)?;
            if authority == Authority::Owner {
                Self::mark_done(key);
            }
            Ok(())
        }
    }
}
