"""Which settings of Bittensor's `AdminUtils` the chain has, by its metadata, and why it has no others."""

import inspect

from bittensor import calls

from compatibility_stage import Failure, expect

COLLATERAL = "miners' collateral is not part of this chain"
BASKETS = "root dividends are alpha owed, not shares of a fund, so there is no basket to trade"
EVM = "EVM accounts are not part of this chain"
FLOWS = "TAO is shared by moving prices and what owners burn, not by flows, which are only shown"
GATE = "every subnet that emits has its share; there is no bar that demand has to clear"
NULL = "every subnet here runs Yuma; Null consensus is not part of this chain"
AUTHORITIES = "authorities are those of genesis, and agree by simplex"

# Calls that Stoa does not have, and why not.
NOT_HERE = {
    "schedule_grandpa_change": AUTHORITIES,
    "swap_authorities": AUTHORITIES,
    "sudo_set_basket_claim_dust": BASKETS,
    "sudo_set_basket_concentration_cap": BASKETS,
    "sudo_set_basket_daily_turnover_cap": BASKETS,
    "sudo_set_basket_liquidity_cap": BASKETS,
    "sudo_set_basket_min_trade_tao": BASKETS,
    "sudo_set_basket_trading_enabled": BASKETS,
    "sudo_set_basket_trading_frozen": BASKETS,
    "sudo_set_collateral_drain_ratio": COLLATERAL,
    "sudo_set_collateral_lock_share": COLLATERAL,
    "sudo_set_dissolve_network_schedule_duration": "a subnet is dissolved as soon as root says so, with no schedule before",
    "sudo_set_emission_bar_quantile": GATE,
    "sudo_set_emission_bar_rank": GATE,
    "sudo_set_emission_gate_exponent": GATE,
    "sudo_set_epoch_consensus": NULL,
    "sudo_trim_null_uids_batch": NULL,
    "sudo_set_evm_chain_id": EVM,
    "sudo_toggle_evm_precompile": EVM,
    "sudo_set_net_tao_flow_enabled": FLOWS,
    "sudo_set_tao_flow_cutoff": FLOWS,
    "sudo_set_tao_flow_normalization_exponent": FLOWS,
    "sudo_set_owner_cut_auto_lock_enabled": "locks and conviction are not part of this chain",
    "sudo_set_total_issuance": "issuance is what was minted less what was recycled, which nobody decrees",
}


def known():
    """Names of all calls of `AdminUtils` that the SDK knows."""
    return sorted(name for name, _ in inspect.getmembers(calls.AdminUtils, inspect.isfunction))


async def is_here(stage, name):
    """Whether the chain's metadata has the call; without arguments it cannot be made, but is found."""
    try:
        await stage.client.compose(calls.Call("AdminUtils", name, {}))
    except Exception as error:
        return f"{name} not found" not in str(error)
    return True


async def settings(stage):
    """Fails unless exactly those settings are missing that are listed here."""
    missing = {name for name in known() if not await is_here(stage, name)}
    expect(len(missing) < len(known()), "the chain has no AdminUtils")
    odd = sorted(missing ^ set(NOT_HERE))
    if odd:
        raise Failure(f"missing or listed, but not both: {', '.join(odd)}")


def section():
    """The lines of the document about settings."""
    here = len(known()) - len(NOT_HERE)
    lines = [
        "## Settings",
        "",
        f"Of {len(known())} calls of the pallet `AdminUtils` that the SDK knows, {here} are here. `set_hyperparameter` is refused in",
        "words for a setting whose call is not, and these are not:",
        "",
        "| call | why not |",
        "|---|---|",
    ]
    return lines + [f"| `{name}` | {why} |" for name, why in sorted(NOT_HERE.items())]
