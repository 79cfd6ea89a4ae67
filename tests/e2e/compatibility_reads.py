"""Every read that Bittensor's tools offer, asked of the chain that the intents have left behind.

A read is told what to expect where the chain says so in another way or an intent has just caused it; elsewhere the
answer's shape is enough, because most of them have shown effects to the intents already.
"""

from compatibility_stage import ALICE, INTERVAL_MS, brief, expect

# Names by what they are asked about, as arguments.
NETUID = lambda s: {"netuid": s.facts["netuid"]}
BOB_HOT = lambda s: {"hotkey_ss58": s.person("bob").hotkey}
DAVE_COLD = lambda s: {"coldkey_ss58": s.person("dave").coldkey}
TWO_COLD = lambda s: {"coldkey_ss58s": [s.person("dave").coldkey, s.person("bob").coldkey]}
NOTHING = lambda s: {}


def joined(*parts):
    return lambda s: {key: value for part in parts for key, value in part(s).items()}


AT_NETUID = lambda part: joined(NETUID, part)
CROWDLOAN = lambda s: {"crowdloan_id": s.facts["crowdloan"]}
SEAT = lambda s: {"netuid": s.facts["netuid"], "uid": s.facts["bob"]}


def whole(value):
    """A number that counts or an amount that is not negative."""
    return getattr(value, "rao", value) >= 0


def some(value):
    """An answer with something in it."""
    return bool(value)


def any_answer(_):
    """No error is all that is asked, where nothing is also an answer."""
    return True


# Name, arguments, and what the answer must be.
READS = [
    ("balance", lambda s: {"coldkey_ss58": ALICE}, some),
    ("balances", TWO_COLD, lambda found: len(found) == 2),
    ("existential_deposit", NOTHING, lambda found: found.rao == 500),
    ("proxies", DAVE_COLD, lambda found: found["proxies"] == []),
    ("multisig", lambda s: {"account_ss58": ALICE, "call_hash": "0x" + "00" * 32}, lambda found: found is None),
    ("coldkey_swap_announcement", DAVE_COLD, lambda found: found is None),
    ("timestamp", NOTHING, lambda found: found["unix"] > 1_600_000_000),
    ("block_time", NOTHING, lambda found: found == INTERVAL_MS / 1_000),
    ("is_fast_blocks", NOTHING, lambda found: found is True),
    ("block_info", lambda s: {"block": 5}, lambda found: "Timestamp.set" in found["extrinsics"]),
    ("tx_rate_limit", NOTHING, lambda found: found == 0),
    ("blocks_since_last_step", NETUID, whole),
    ("blocks_since_last_update", SEAT, whole),
    ("blocks_until_next_epoch", NETUID, whole),
    ("epoch_status", NETUID, lambda found: found["tempo"] > 0 and found["epoch_index"] > 0),
    ("next_epoch_start_block", NETUID, some),
    ("weights", NETUID, some),
    ("bonds", NETUID, some),
    ("timelocked_weight_commits", NETUID, any_answer),
    ("neurons", lambda s: {"netuid": s.facts["netuid"], "lite": False}, lambda found: len(found) >= 3),
    ("hotkey_owner", BOB_HOT, some),
    ("owned_hotkeys", DAVE_COLD, some),
    ("netuids_for_hotkey", BOB_HOT, some),
    ("uid", AT_NETUID(BOB_HOT), some),
    ("alpha_price", NETUID, lambda found: found["price_rao"] > 0),
    ("alpha_prices", NOTHING, lambda found: len(found) >= 3),
    ("quote_stake", lambda s: {"netuid": s.facts["netuid"], "amount_tao": 3}, lambda found: found.alpha.rao > 0),
    ("quote_unstake", lambda s: {"netuid": s.facts["netuid"], "amount_alpha": 3}, lambda found: found.tao.rao > 0),
    ("stake", lambda s: {"coldkey_ss58": s.person("bob").coldkey, "hotkey_ss58": s.person("bob").hotkey,
                         "netuid": s.facts["netuid"]}, some),
    ("stake_for_coldkey", DAVE_COLD, some),
    ("stake_for_coldkeys", TWO_COLD, lambda found: len(found) == 2),
    ("stake_value_for_coldkey", DAVE_COLD, lambda found: found.stake_value.rao > 0),
    ("stake_value_for_coldkeys", TWO_COLD, lambda found: len(found) == 2),
    ("stake_availability", AT_NETUID(DAVE_COLD), lambda found: found["total"].rao == found["available"].rao),
    ("stake_availability_for_coldkey", lambda s: {**DAVE_COLD(s), "netuids": [0, s.facts["netuid"]]},
     lambda found: len(found) == 2),
    ("staking_hotkeys", DAVE_COLD, some),
    ("total_alpha_staked", NETUID, some),
    ("auto_stake", lambda s: {"coldkey_ss58": s.person("charlie").coldkey, "netuid": s.facts["netuid"]}, some),
    ("auto_stake_all", lambda s: {"coldkey_ss58": s.person("charlie").coldkey}, some),
    ("root_claim_threshold", NOTHING, some),
    ("burn", NETUID, some),
    ("commit_reveal_enabled", NETUID, lambda found: found is False),
    ("mechanism_count", NETUID, lambda found: found == 1),
    ("mechanism_emission_split", lambda s: {"netuid": s.facts["spare"]}, some),
    ("metagraph", NETUID, lambda found: len(found["hotkeys"]) >= 3 and found["name"] == "Agora"),
    ("subnet", NETUID, lambda found: found.neuron_count >= 3),
    ("subnets", NOTHING, lambda found: len(found) >= 4),
    ("subnet_hyperparameters", NETUID, lambda found: len(found) > 20),
    ("subnet_identity", NETUID, lambda found: found["subnet_name"] == "Agora"),
    ("subnet_names", NOTHING, some),
    ("subnet_registration_cost", NOTHING, some),
    ("subnet_start_schedule", NETUID, lambda found: found["registered_at"] > 0),
    ("subnet_tao_flows", NOTHING, some),
    ("token_symbols", NOTHING, lambda found: found[0] == "Τ" or len(found) >= 3),
    ("children", AT_NETUID(BOB_HOT), some),
    ("parents", lambda s: {"hotkey_ss58": s.person("charlie").hotkey, "netuid": s.facts["netuid"]}, some),
    ("pending_children", AT_NETUID(BOB_HOT), lambda found: found["children"] == []),
    ("childkey_threshold_suspended", BOB_HOT, lambda found: found is False),
    ("delegate", BOB_HOT, lambda found: found.nominators > 0),
    ("delegates", NOTHING, some),
    ("delegated", DAVE_COLD, some),
    ("delegate_take", BOB_HOT, lambda found: 0 < found["take"] <= found["max"]),
    ("is_delegate", BOB_HOT, lambda found: found is True),
    ("identity", lambda s: {"coldkey_ss58": s.person("charlie").coldkey}, lambda found: found["name"] == "Charlie"),
    ("hotkey_identities", lambda s: {"hotkey_ss58s": [s.person("charlie").hotkey]}, some),
    ("commitment", lambda s: {"netuid": s.facts["netuid"], "hotkey_ss58": s.person("charlie").hotkey},
     lambda found: found.data == "at the agora"),
    ("commitments", NETUID, lambda found: found[0]["commitment"] == "at the agora"),
    ("revealed_commitment", lambda s: {"netuid": s.facts["netuid"], "hotkey_ss58": s.person("charlie").hotkey},
     lambda found: not found),
    ("difficulty", NETUID, some),
    ("immunity_period", NETUID, some),
    ("max_weight_limit", NETUID, lambda found: found == 65_535),
    ("min_allowed_weights", NETUID, some),
    ("reveal_period", NETUID, some),
    ("subnet_emission_enabled", NETUID, lambda found: found == 1),
    ("weights_rate_limit", NETUID, lambda found: found == 0),
    ("crowdloan", CROWDLOAN, lambda found: found["finalized"]),
    ("crowdloans", NOTHING, some),
    ("crowdloan_contributors", CROWDLOAN, some),
    # Beyond what was wanted.
    ("mev_shield_next_key", NOTHING, some),
    ("root_basket_owed", DAVE_COLD, whole),
    ("root_basket_owed_breakdown", DAVE_COLD, any_answer),
    ("validator_basket", BOB_HOT, any_answer),
    ("locks_for_coldkey", DAVE_COLD, lambda found: found == []),
    ("coldkey_lock", AT_NETUID(DAVE_COLD), lambda found: found is None),
    ("hotkey_conviction", AT_NETUID(BOB_HOT), any_answer),
]

LOCKS = "locks and conviction are not part of this chain"
COLLATERAL = "miners' collateral is not part of this chain"
BASKETS = "root dividends are alpha owed, not shares of a fund: `root_basket_owed` says how much"

# Reads that Stoa does not answer: what they are asked about, and why not.
NOT_ANSWERED = {
    "accepts_locked_alpha": (DAVE_COLD, LOCKS),
    "locks_for_hotkey": (AT_NETUID(BOB_HOT), LOCKS),
    "most_convicted_hotkey": (NETUID, LOCKS),
    "subnet_convictions": (NETUID, LOCKS),
    "associated_evm_key": (SEAT, "EVM accounts are not part of this chain"),
    "lease": (lambda s: {"lease_id": 0}, "leased subnets are not part of this chain"),
    "leases": (NOTHING, "leased subnets are not part of this chain"),
    "collateral_policy": (NETUID, COLLATERAL),
    "miner_collateral": (AT_NETUID(BOB_HOT), COLLATERAL),
    "subnet_collateral": (NETUID, COLLATERAL),
    "basket_position": (lambda s: {**BOB_HOT(s), **DAVE_COLD(s)}, BASKETS),
    "basket_trading_status": (BOB_HOT, BASKETS),
    "root_basket_portfolio": (DAVE_COLD, BASKETS),
    "root_basket_total_nav": (NOTHING, BASKETS),
    "root_baskets": (NOTHING, BASKETS),
    "validator_basket_nav": (BOB_HOT, BASKETS),
    "validator_basket_summary": (BOB_HOT, BASKETS),
}


async def answer(stage, name, arguments, holds):
    """Asks the SDK and checks what it says; with `btcli` under test, its answer must be the same or have moved on."""
    wanted = arguments(stage)
    found = await stage.read(name, **wanted)
    try:
        right = holds(found)
    except (AttributeError, KeyError, TypeError, IndexError) as error:
        right = False
        found = f"{found!r} ({brief(error)})"
    expect(right, f"answers {str(found)[:200]}")
    if stage.kind.name == "btcli":
        shown = await stage.kind.read(stage, name, wanted)
        # A JSON answer keeps the shape of what the SDK read; values move with the blocks in between.
        expect(bool(shown) == bool(found) or not isinstance(found, (dict, list)), f"btcli shows {str(shown)[:200]}")
