//! Catalogue of what may be set. Each call says who may ask; the market pallet decides the rest.
//!
//! FRAME wants a pallet's calls in one `impl`, so this file is as long as they are many.

use frame_support::pallet_macros::pallet_section;

#[pallet_section]
mod calls {
    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Sets the blocks between two publications of a neuron's address. Signed by the subnet's
        /// owner, or root.
        #[pallet::call_index(0)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_serving_rate_limit(
            origin: OriginFor<T>,
            netuid: NetUid,
            serving_rate_limit: u64,
        ) -> DispatchResult {
            Self::as_owner_or_root(
                origin,
                netuid,
                Setting::ServingRateLimit(serving_rate_limit),
            )
        }

        /// Sets the lowest difficulty of a proof of work. Root only.
        #[pallet::call_index(1)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_min_difficulty(
            origin: OriginFor<T>,
            netuid: NetUid,
            min_difficulty: u64,
        ) -> DispatchResult {
            Self::as_root(origin, netuid, Setting::MinDifficulty(min_difficulty))
        }

        /// Sets the highest difficulty of a proof of work. Signed by the subnet's owner, or root.
        #[pallet::call_index(2)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_max_difficulty(
            origin: OriginFor<T>,
            netuid: NetUid,
            max_difficulty: u64,
        ) -> DispatchResult {
            Self::as_owner_or_root(origin, netuid, Setting::MaxDifficulty(max_difficulty))
        }

        /// Sets the difficulty of a proof of work. Root only.
        #[pallet::call_index(3)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_difficulty(
            origin: OriginFor<T>,
            netuid: NetUid,
            difficulty: u64,
        ) -> DispatchResult {
            Self::as_root(origin, netuid, Setting::Difficulty(difficulty))
        }

        /// Sets the oldest version of validator software whose weights count. Signed by the
        /// subnet's owner, or root.
        #[pallet::call_index(4)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_weights_version_key(
            origin: OriginFor<T>,
            netuid: NetUid,
            weights_version_key: u64,
        ) -> DispatchResult {
            Self::as_owner_or_root(
                origin,
                netuid,
                Setting::WeightsVersionKey(weights_version_key),
            )
        }

        /// Sets the blocks between two rows of one validator. Root only.
        #[pallet::call_index(5)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_weights_set_rate_limit(
            origin: OriginFor<T>,
            netuid: NetUid,
            weights_set_rate_limit: u64,
        ) -> DispatchResult {
            Self::as_root(
                origin,
                netuid,
                Setting::WeightsSetRateLimit(weights_set_rate_limit),
            )
        }

        /// Sets a value that wallets show; seats' prices do not depend on it. Root only.
        #[pallet::call_index(6)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_adjustment_interval(
            origin: OriginFor<T>,
            netuid: NetUid,
            adjustment_interval: u16,
        ) -> DispatchResult {
            Self::as_root(
                origin,
                netuid,
                Setting::AdjustmentInterval(adjustment_interval),
            )
        }

        /// Sets a value that wallets show; seats' prices do not depend on it. Signed by the
        /// subnet's owner, or root.
        #[pallet::call_index(7)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_adjustment_alpha(
            origin: OriginFor<T>,
            netuid: NetUid,
            adjustment_alpha: u64,
        ) -> DispatchResult {
            Self::as_owner_or_root(origin, netuid, Setting::AdjustmentAlpha(adjustment_alpha))
        }

        /// Sets the blocks in which a new neuron is not pruned. Signed by the subnet's owner, or
        /// root.
        #[pallet::call_index(8)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_immunity_period(
            origin: OriginFor<T>,
            netuid: NetUid,
            immunity_period: u16,
        ) -> DispatchResult {
            Self::as_owner_or_root(origin, netuid, Setting::ImmunityPeriod(immunity_period))
        }

        /// Sets the fewest weights in a row. Signed by the subnet's owner, or root.
        #[pallet::call_index(9)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_min_allowed_weights(
            origin: OriginFor<T>,
            netuid: NetUid,
            min_allowed_weights: u16,
        ) -> DispatchResult {
            Self::as_owner_or_root(
                origin,
                netuid,
                Setting::MinAllowedWeights(min_allowed_weights),
            )
        }

        /// Sets the most neurons of a subnet. Signed by the subnet's owner, or root.
        #[pallet::call_index(10)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_max_allowed_uids(
            origin: OriginFor<T>,
            netuid: NetUid,
            max_allowed_uids: u16,
        ) -> DispatchResult {
            Self::ensure_exists(netuid)?;
            let authority = Subtensor::<T>::ensure_root_or_owner(origin.clone(), netuid)?;
            Self::ensure_size(netuid, max_allowed_uids, authority)?;
            Self::as_owner_or_root(origin, netuid, Setting::MaxAllowedUids(max_allowed_uids))
        }

        /// Sets the fewest neurons that a subnet's size may be limited to. Root only.
        #[pallet::call_index(11)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_min_allowed_uids(
            origin: OriginFor<T>,
            netuid: NetUid,
            min_allowed_uids: u16,
        ) -> DispatchResult {
            Self::as_root(origin, netuid, Setting::MinAllowedUids(min_allowed_uids))
        }

        /// Sets the majority of stake that must agree on a weight, as a ratio of 65535. Root only.
        #[pallet::call_index(12)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_kappa(origin: OriginFor<T>, netuid: NetUid, kappa: u16) -> DispatchResult {
            Self::as_root(origin, netuid, Setting::Kappa(kappa))
        }

        /// Sets a value that wallets show; epochs do not depend on it. Signed by the subnet's
        /// owner, or root.
        #[pallet::call_index(13)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_rho(origin: OriginFor<T>, netuid: NetUid, rho: u16) -> DispatchResult {
            Self::as_owner_or_root(origin, netuid, Setting::Rho(rho))
        }

        /// Sets a value that wallets show; the activity cutoff factor decides. Signed by the
        /// subnet's owner, or root.
        #[pallet::call_index(14)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_activity_cutoff(
            origin: OriginFor<T>,
            netuid: NetUid,
            activity_cutoff: u16,
        ) -> DispatchResult {
            Self::as_owner_or_root(origin, netuid, Setting::ActivityCutoff(activity_cutoff))
        }

        /// Sets after how many thousandths of a tempo a silent validator is inactive. Signed by the
        /// subnet's owner, or root.
        #[pallet::call_index(15)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_activity_cutoff_factor(
            origin: OriginFor<T>,
            netuid: NetUid,
            factor_milli: u32,
        ) -> DispatchResult {
            Self::as_owner_or_root(
                origin,
                netuid,
                Setting::ActivityCutoffFactorMilli(factor_milli),
            )
        }

        /// Sets whether a subnet takes newcomers for TAO. Signed by the subnet's owner, or root.
        #[pallet::call_index(16)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_network_registration_allowed(
            origin: OriginFor<T>,
            netuid: NetUid,
            registration_allowed: bool,
        ) -> DispatchResult {
            let setting = Setting::NetworkRegistrationAllowed(registration_allowed);
            Self::as_owner_or_root(origin, netuid, setting)
        }

        /// Sets a value that wallets show; seats' prices do not depend on it. Root only.
        #[pallet::call_index(17)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_target_registrations_per_interval(
            origin: OriginFor<T>,
            netuid: NetUid,
            target_registrations_per_interval: u16,
        ) -> DispatchResult {
            Self::as_root(
                origin,
                netuid,
                Setting::TargetRegistrationsPerInterval(target_registrations_per_interval),
            )
        }

        /// Sets the lowest price of a seat, in rao. Signed by the subnet's owner, or root.
        #[pallet::call_index(18)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_min_burn(
            origin: OriginFor<T>,
            netuid: NetUid,
            min_burn: TaoBalance,
        ) -> DispatchResult {
            Self::as_owner_or_root(origin, netuid, Setting::MinBurn(min_burn))
        }

        /// Sets the highest price of a seat, in rao. Signed by the subnet's owner, or root.
        #[pallet::call_index(19)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_max_burn(
            origin: OriginFor<T>,
            netuid: NetUid,
            max_burn: TaoBalance,
        ) -> DispatchResult {
            Self::as_owner_or_root(origin, netuid, Setting::MaxBurn(max_burn))
        }

        /// Sets the blocks in which the price of a seat halves. Signed by the subnet's owner, or
        /// root.
        #[pallet::call_index(20)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_burn_half_life(
            origin: OriginFor<T>,
            netuid: NetUid,
            burn_half_life: u16,
        ) -> DispatchResult {
            Self::as_owner_or_root(origin, netuid, Setting::BurnHalfLife(burn_half_life))
        }

        /// Sets what the price of a seat is multiplied by with every registration, with 64
        /// fractional bits. Signed by the subnet's owner, or root.
        #[pallet::call_index(21)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_burn_increase_mult(
            origin: OriginFor<T>,
            netuid: NetUid,
            burn_increase_mult: FixedU128,
        ) -> DispatchResult {
            Self::as_owner_or_root(
                origin,
                netuid,
                Setting::BurnIncreaseMult(burn_increase_mult),
            )
        }

        /// Sets the most validators of a subnet. Root only.
        #[pallet::call_index(22)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_max_allowed_validators(
            origin: OriginFor<T>,
            netuid: NetUid,
            max_allowed_validators: u16,
        ) -> DispatchResult {
            Self::as_root(
                origin,
                netuid,
                Setting::MaxAllowedValidators(max_allowed_validators),
            )
        }

        /// Sets how much of the last epoch's bonds remains, in millionths. Signed by the subnet's
        /// owner, or root.
        #[pallet::call_index(23)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_bonds_moving_average(
            origin: OriginFor<T>,
            netuid: NetUid,
            bonds_moving_average: u64,
        ) -> DispatchResult {
            Self::as_owner_or_root(
                origin,
                netuid,
                Setting::BondsMovingAverage(bonds_moving_average),
            )
        }

        /// Sets how far weights beyond consensus are kept out of bonds, as a ratio of 65535. Signed
        /// by the subnet's owner, or root.
        #[pallet::call_index(24)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_bonds_penalty(
            origin: OriginFor<T>,
            netuid: NetUid,
            bonds_penalty: u16,
        ) -> DispatchResult {
            Self::as_owner_or_root(origin, netuid, Setting::BondsPenalty(bonds_penalty))
        }

        /// Sets whether a neuron may reset the bonds towards it. Signed by the subnet's owner, or
        /// root.
        #[pallet::call_index(25)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_bonds_reset_enabled(
            origin: OriginFor<T>,
            netuid: NetUid,
            enabled: bool,
        ) -> DispatchResult {
            Self::as_owner_or_root(origin, netuid, Setting::BondsResetOn(enabled))
        }

        /// Sets the most registrations in one block. Root only.
        #[pallet::call_index(26)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_max_registrations_per_block(
            origin: OriginFor<T>,
            netuid: NetUid,
            max_registrations_per_block: u16,
        ) -> DispatchResult {
            Self::as_root(
                origin,
                netuid,
                Setting::MaxRegistrationsPerBlock(max_registrations_per_block),
            )
        }

        /// Sets the blocks from one epoch to the next. Signed by the subnet's owner, or root.
        #[pallet::call_index(27)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_tempo(origin: OriginFor<T>, netuid: NetUid, tempo: u16) -> DispatchResult {
            Self::as_owner_or_root(origin, netuid, Setting::Tempo(tempo))
        }

        /// Sets whether weights are committed first and revealed later. Signed by the subnet's
        /// owner, or root.
        #[pallet::call_index(28)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_commit_reveal_weights_enabled(
            origin: OriginFor<T>,
            netuid: NetUid,
            enabled: bool,
        ) -> DispatchResult {
            Self::as_owner_or_root(origin, netuid, Setting::CommitRevealWeightsEnabled(enabled))
        }

        /// Sets the epochs from a commit to its reveal. Signed by the subnet's owner, or root.
        #[pallet::call_index(29)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_commit_reveal_weights_interval(
            origin: OriginFor<T>,
            netuid: NetUid,
            interval: u64,
        ) -> DispatchResult {
            Self::as_owner_or_root(origin, netuid, Setting::RevealPeriodEpochs(interval))
        }

        /// Sets whether each Yuma 3 bond moves at its own rate. Signed by the subnet's owner, or
        /// root.
        #[pallet::call_index(30)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_liquid_alpha_enabled(
            origin: OriginFor<T>,
            netuid: NetUid,
            enabled: bool,
        ) -> DispatchResult {
            Self::as_owner_or_root(origin, netuid, Setting::LiquidAlphaOn(enabled))
        }

        /// Sets the steepness of the curve between the lowest and highest rate, in hundredths.
        /// Signed by the subnet's owner, or root.
        #[pallet::call_index(31)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_alpha_sigmoid_steepness(
            origin: OriginFor<T>,
            netuid: NetUid,
            steepness: i16,
        ) -> DispatchResult {
            Self::as_owner_or_root(origin, netuid, Setting::AlphaSigmoidSteepness(steepness))
        }

        /// Sets whether bonds follow Yuma 3, instead of Yuma 2. Signed by the subnet's owner, or
        /// root.
        #[pallet::call_index(32)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_yuma3_enabled(
            origin: OriginFor<T>,
            netuid: NetUid,
            enabled: bool,
        ) -> DispatchResult {
            Self::as_owner_or_root(origin, netuid, Setting::Yuma3On(enabled))
        }

        /// Sets whether stake passes between coldkeys. Signed by the subnet's owner, or root.
        #[pallet::call_index(33)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_toggle_transfer(
            origin: OriginFor<T>,
            netuid: NetUid,
            toggle: bool,
        ) -> DispatchResult {
            Self::as_owner_or_root(origin, netuid, Setting::TransferToggle(toggle))
        }

        /// Sets whether a subnet's alpha trades. Root only.
        #[pallet::call_index(34)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_subtoken_enabled(
            origin: OriginFor<T>,
            netuid: NetUid,
            subtoken_enabled: bool,
        ) -> DispatchResult {
            Self::as_root(origin, netuid, Setting::SubtokenEnabled(subtoken_enabled))
        }

        /// Sets whether a subnet receives TAO. Root only.
        #[pallet::call_index(35)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_subnet_emission_enabled(
            origin: OriginFor<T>,
            netuid: NetUid,
            enabled: bool,
        ) -> DispatchResult {
            Self::as_root(origin, netuid, Setting::SubnetEmissionEnabled(enabled))
        }

        /// Sets whether a subnet's owner takes its part. Signed by the subnet's owner, or root.
        #[pallet::call_index(36)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_owner_cut_enabled(
            origin: OriginFor<T>,
            netuid: NetUid,
            enabled: bool,
        ) -> DispatchResult {
            Self::as_owner_or_root(origin, netuid, Setting::OwnerCutEnabled(enabled))
        }

        /// Sets what becomes of miners' pay of the owner's hotkeys. Signed by the subnet's owner,
        /// or root.
        #[pallet::call_index(37)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_recycle_or_burn(
            origin: OriginFor<T>,
            netuid: NetUid,
            recycle_or_burn: RecycleOrBurnEnum,
        ) -> DispatchResult {
            Self::as_owner_or_root(origin, netuid, Setting::RecycleOrBurn(recycle_or_burn))
        }

        /// Sets how many of the owner's hotkeys are never pruned. Signed by the subnet's owner, or
        /// root.
        #[pallet::call_index(38)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_owner_immune_neuron_limit(
            origin: OriginFor<T>,
            netuid: NetUid,
            immune_neurons: u16,
        ) -> DispatchResult {
            Self::as_owner_or_root(
                origin,
                netuid,
                Setting::ImmuneOwnerUidsLimit(immune_neurons),
            )
        }

        /// Sets how many neurons past immunity must remain before one of them is pruned. Root only.
        #[pallet::call_index(39)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_min_non_immune_uids(
            origin: OriginFor<T>,
            netuid: NetUid,
            min: u16,
        ) -> DispatchResult {
            Self::as_root(origin, netuid, Setting::MinNonImmuneUids(min))
        }

        /// Sets the lowest and highest rate of a liquid bond, as ratios of 65535. Signed by the
        /// subnet's owner, or root.
        #[pallet::call_index(40)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_alpha_values(
            origin: OriginFor<T>,
            netuid: NetUid,
            alpha_low: u16,
            alpha_high: u16,
        ) -> DispatchResult {
            Self::as_owner_or_root(origin, netuid, Setting::AlphaValues(alpha_low, alpha_high))
        }

        /// Chooses the hotkey to which the owner's cut is staked. Signed by the subnet's owner, or
        /// root.
        #[pallet::call_index(41)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_sn_owner_hotkey(
            origin: OriginFor<T>,
            netuid: NetUid,
            hotkey: T::AccountId,
        ) -> DispatchResult {
            Self::ensure_exists(netuid)?;
            let authority = Subtensor::<T>::ensure_root_or_owner(origin, netuid)?;
            let key = RateLimitKey::SetSNOwnerHotkey(netuid);
            if authority == Authority::Owner {
                Subtensor::<T>::ensure_owner_may_change(netuid, &key)?;
            }
            Subtensor::<T>::set_subnet_owner_hotkey(netuid, &hotkey)?;
            Subtensor::<T>::mark_done(key);
            Ok(())
        }

        /// Sets the highest take of validators, as a ratio of 65535. Root only.
        #[pallet::call_index(42)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_default_take(origin: OriginFor<T>, default_take: u16) -> DispatchResult {
            ensure_root(origin)?;
            Subtensor::<T>::set_take_bounds(None, Some(default_take));
            Ok(())
        }

        /// Sets the lowest take of validators, as a ratio of 65535. Root only.
        #[pallet::call_index(43)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_min_delegate_take(origin: OriginFor<T>, take: u16) -> DispatchResult {
            ensure_root(origin)?;
            Subtensor::<T>::set_take_bounds(Some(take), None);
            Ok(())
        }

        /// Sets the blocks between two key changes of one coldkey. Root only.
        #[pallet::call_index(44)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_tx_rate_limit(origin: OriginFor<T>, tx_rate_limit: u64) -> DispatchResult {
            ensure_root(origin)?;
            Subtensor::<T>::set_tx_rate_limit(tx_rate_limit);
            Ok(())
        }

        /// Sets the blocks between two increases of a take. Root only.
        #[pallet::call_index(45)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_tx_delegate_take_rate_limit(
            origin: OriginFor<T>,
            tx_rate_limit: u64,
        ) -> DispatchResult {
            ensure_root(origin)?;
            Subtensor::<T>::set_delegate_take_interval(tx_rate_limit);
            Ok(())
        }

        /// Sets owners' part of what subnets mint, as a ratio of 65535. Root only.
        #[pallet::call_index(46)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_subnet_owner_cut(
            origin: OriginFor<T>,
            subnet_owner_cut: u16,
        ) -> DispatchResult {
            ensure_root(origin)?;
            Subtensor::<T>::set_subnet_owner_cut(subnet_owner_cut);
            Ok(())
        }

        /// Sets the blocks between two subnet registrations. Root only.
        #[pallet::call_index(47)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_network_rate_limit(
            origin: OriginFor<T>,
            rate_limit: u64,
        ) -> DispatchResult {
            ensure_root(origin)?;
            Subtensor::<T>::set_network_rate_limit(rate_limit);
            Ok(())
        }

        /// Sets the blocks in which a new subnet is not removed. Root only.
        #[pallet::call_index(48)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_network_immunity_period(
            origin: OriginFor<T>,
            immunity_period: u64,
        ) -> DispatchResult {
            ensure_root(origin)?;
            Subtensor::<T>::set_network_immunity_period(immunity_period);
            Ok(())
        }

        /// Sets the lowest price of a subnet, in rao. Root only.
        #[pallet::call_index(49)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_network_min_lock_cost(
            origin: OriginFor<T>,
            lock_cost: TaoBalance,
        ) -> DispatchResult {
            ensure_root(origin)?;
            Subtensor::<T>::set_network_min_lock_cost(lock_cost);
            Ok(())
        }

        /// Sets the blocks over which a subnet's price falls by the amount of the last one. Root
        /// only.
        #[pallet::call_index(50)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_lock_reduction_interval(
            origin: OriginFor<T>,
            interval: u64,
        ) -> DispatchResult {
            ensure_root(origin)?;
            Subtensor::<T>::set_lock_reduction_interval(interval);
            Ok(())
        }

        /// Sets the most subnets beside root. Root only.
        #[pallet::call_index(51)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_subnet_limit(origin: OriginFor<T>, max_subnets: u16) -> DispatchResult {
            ensure_root(origin)?;
            Subtensor::<T>::set_subnet_limit(max_subnets);
            Ok(())
        }

        /// Sets the blocks from a subnet's registration until its owner may open it. Root only.
        #[pallet::call_index(52)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_start_call_delay(origin: OriginFor<T>, delay: u64) -> DispatchResult {
            ensure_root(origin)?;
            Subtensor::<T>::set_start_call_delay(delay);
            Ok(())
        }

        /// Sets the stake weight below which a validator's weights do not count, in rao. Root only.
        #[pallet::call_index(53)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_stake_threshold(origin: OriginFor<T>, min_stake: u64) -> DispatchResult {
            ensure_root(origin)?;
            Subtensor::<T>::set_stake_threshold(min_stake);
            Ok(())
        }

        /// Sets the epochs that an owner waits between two changes of one setting. Root only.
        #[pallet::call_index(54)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_owner_hparam_rate_limit(
            origin: OriginFor<T>,
            epochs: u16,
        ) -> DispatchResult {
            ensure_root(origin)?;
            Subtensor::<T>::set_owner_hyperparameter_interval(epochs);
            Ok(())
        }

        /// Sets the blocks before an epoch in which owners change nothing. Root only.
        #[pallet::call_index(55)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_admin_freeze_window(origin: OriginFor<T>, window: u16) -> DispatchResult {
            ensure_root(origin)?;
            Subtensor::<T>::set_admin_freeze_window(window);
            Ok(())
        }

        /// Sets the most epochs in one block. Root only.
        #[pallet::call_index(56)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_max_epochs_per_block(
            origin: OriginFor<T>,
            max_epochs_per_block: u8,
        ) -> DispatchResult {
            ensure_root(origin)?;
            Subtensor::<T>::set_max_epochs_per_block(max_epochs_per_block);
            Ok(())
        }

        /// Sets what is recycled of pay that a child earns for a parent of another coldkey, as a
        /// ratio of 2⁶⁴ − 1. Root only.
        #[pallet::call_index(73)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_ck_burn(origin: OriginFor<T>, burn: u64) -> DispatchResult {
            ensure_root(origin)?;
            Subtensor::<T>::set_childkey_burn(burn);
            Ok(())
        }

        /// Sets the lowest take for parents in a subnet, as a ratio of 65535. Signed by the subnet's
        /// owner, or root.
        #[pallet::call_index(93)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_min_childkey_take_per_subnet(
            origin: OriginFor<T>,
            netuid: NetUid,
            take: u16,
        ) -> DispatchResult {
            Self::as_owner_or_root(origin, netuid, Setting::MinChildkeyTakePerSubnet(take))
        }

        /// Sets whether a subnet takes newcomers for work. Signed by the subnet's owner, or root.
        #[pallet::call_index(74)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_network_pow_registration_allowed(
            origin: OriginFor<T>,
            netuid: NetUid,
            registration_allowed: bool,
        ) -> DispatchResult {
            let setting = Setting::NetworkPowRegistrationAllowed(registration_allowed);
            Self::as_owner_or_root(origin, netuid, setting)
        }

        /// Makes a subnet smaller; the neurons that earned least lose their seats. Signed by the
        /// subnet's owner, rarely, or root.
        #[pallet::call_index(78)]
        #[pallet::weight((Weight::from_parts(5_000_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_trim_to_max_allowed_uids(
            origin: OriginFor<T>,
            netuid: NetUid,
            max_n: u16,
        ) -> DispatchResult {
            let key = RateLimitKey::MaxUidsTrimming(netuid);
            let interval = pallet_subtensor::trim::TRIM_INTERVAL;
            Self::rarely(origin, netuid, key, interval, || {
                Subtensor::<T>::do_trim(netuid, max_n)
            })
        }

        /// Gives a subnet more mechanisms, or takes the highest away. Signed by the subnet's owner,
        /// rarely, or root.
        #[pallet::call_index(76)]
        #[pallet::weight((Weight::from_parts(1_000_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_mechanism_count(
            origin: OriginFor<T>,
            netuid: NetUid,
            mechanism_count: MechId,
        ) -> DispatchResult {
            let key = RateLimitKey::MechanismCount(netuid);
            let interval = pallet_subtensor::mechanisms::CHANGE_INTERVAL;
            Self::rarely(origin, netuid, key, interval, || {
                Subtensor::<T>::do_set_mechanism_count(netuid, mechanism_count)
            })
        }

        /// Divides a subnet's pay among its mechanisms by ratios of 65535, or evenly. Signed by the
        /// subnet's owner, rarely, or root.
        #[pallet::call_index(77)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_mechanism_emission_split(
            origin: OriginFor<T>,
            netuid: NetUid,
            maybe_split: Option<Vec<u16>>,
        ) -> DispatchResult {
            let key = RateLimitKey::MechanismEmission(netuid);
            let interval = pallet_subtensor::mechanisms::CHANGE_INTERVAL;
            Self::rarely(origin, netuid, key, interval, || {
                Subtensor::<T>::do_set_mechanism_split(netuid, maybe_split)
            })
        }

        /// Sets the most mechanisms of a subnet. Root only.
        #[pallet::call_index(88)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_max_mechanism_count(
            origin: OriginFor<T>,
            max_mechanism_count: MechId,
        ) -> DispatchResult {
            ensure_root(origin)?;
            Subtensor::<T>::set_max_mechanism_count(max_mechanism_count)
        }

        /// Sets the least worth of a stake on another's hotkey, in millionths of the least stake.
        /// Root only.
        #[pallet::call_index(57)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_nominator_min_required_stake(
            origin: OriginFor<T>,
            min_stake: u64,
        ) -> DispatchResult {
            ensure_root(origin)?;
            Subtensor::<T>::set_nomination_min(min_stake);
            Ok(())
        }

        /// Sets the blocks from a coldkey's announcement until its swap may happen. Root only.
        #[pallet::call_index(58)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_coldkey_swap_announcement_delay(
            origin: OriginFor<T>,
            duration: BlockNumberFor<T>,
        ) -> DispatchResult {
            ensure_root(origin)?;
            Subtensor::<T>::set_swap_announcement_delay(duration);
            Ok(())
        }

        /// Sets the blocks after that until another swap may be announced, or none. Root only.
        #[pallet::call_index(59)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_coldkey_swap_reannouncement_delay(
            origin: OriginFor<T>,
            duration: BlockNumberFor<T>,
        ) -> DispatchResult {
            ensure_root(origin)?;
            Subtensor::<T>::set_swap_reannouncement_delay(duration);
            Ok(())
        }

        /// Sets the age at which a subnet's moving price follows at half its rate, in blocks. Root
        /// only.
        #[pallet::call_index(60)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_ema_price_halving_period(
            origin: OriginFor<T>,
            netuid: NetUid,
            ema_halving: u64,
        ) -> DispatchResult {
            ensure_root(origin)?;
            Self::ensure_exists(netuid)?;
            Subtensor::<T>::set_price_halving_period(netuid, ema_halving)
        }

        /// Sets how fast subnets' moving prices follow their prices. Root only.
        #[pallet::call_index(61)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_subnet_moving_alpha(
            origin: OriginFor<T>,
            alpha: FixedI128,
        ) -> DispatchResult {
            ensure_root(origin)?;
            Subtensor::<T>::set_moving_price_rate(alpha)
        }

        /// Sets the count of TAO that registrations on a subnet have recycled, in rao. Root only.
        #[pallet::call_index(62)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_rao_recycled(
            origin: OriginFor<T>,
            netuid: NetUid,
            rao_recycled: TaoBalance,
        ) -> DispatchResult {
            ensure_root(origin)?;
            Self::ensure_exists(netuid)?;
            Subtensor::<T>::set_rao_recycled(netuid, rao_recycled);
            Ok(())
        }

        /// Chooses which epoch's consensus the rates of liquid bonds are measured by. Signed by the
        /// subnet's owner, or root.
        #[pallet::call_index(104)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_liquid_alpha_consensus_mode(
            origin: OriginFor<T>,
            netuid: NetUid,
            mode: ConsensusMode,
        ) -> DispatchResult {
            Self::as_owner_or_root(origin, netuid, Setting::LiquidAlphaConsensusMode(mode))
        }

        /// Sets the version of sealing that validators must name when they commit weights to a
        /// height. Root only.
        #[pallet::call_index(63)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_commit_reveal_version(
            origin: OriginFor<T>,
            version: u16,
        ) -> DispatchResult {
            ensure_root(origin)?;
            Subtensor::<T>::set_commit_reveal_version(version);
            Ok(())
        }

        /// Sets the weight of one block in the moving averages of TAO that people move into subnets,
        /// as a ratio of 2⁶³ − 1. Root only.
        #[pallet::call_index(64)]
        #[pallet::weight((COST, DispatchClass::Operational))]
        pub fn sudo_set_tao_flow_smoothing_factor(
            origin: OriginFor<T>,
            smoothing_factor: u64,
        ) -> DispatchResult {
            ensure_root(origin)?;
            Subtensor::<T>::set_flow_smoothing_factor(smoothing_factor)
        }
    }
}
