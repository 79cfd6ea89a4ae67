"""The intents about accounts and those who act for them, tried like those of `compatibility_intents`.

Child hotkeys, swaps of keys, proxies, shared accounts, crowdloans; and what a subnet's owner does last, because it
changes uids.
"""

from bittensor import calls

from compatibility_intents import NOT_SERVED, tries
from compatibility_stage import TAO, Failure, expect

HALF = (1 << 63) - 1


# Child hotkeys


@tries("set_children")
async def set_children(stage):
    """`pending_children` shows the child, and after the cooldown `children` and `parents` do."""
    bob, charlie, netuid = stage.person("bob"), stage.person("charlie"), stage.facts["netuid"]
    await stage.as_root(calls.SubtensorModule.set_pending_childkey_cooldown(cooldown=2 * 20))
    await stage.act("set_children", bob, netuid=netuid, children=[[0.5, charlie.hotkey]])
    waiting = await stage.read("pending_children", hotkey_ss58=bob.hotkey, netuid=netuid)

    async def children():
        return await stage.read("children", hotkey_ss58=bob.hotkey, netuid=netuid)

    found = await children()
    expect(waiting["children"] or found, "the child is neither waiting nor there")
    found = found or await stage.until("the child", children, bool)
    expect([child for _, child in found] == [charlie.hotkey], f"children: {found}")
    expect(abs(found[0][0] - HALF) < 1 << 12, f"a proportion of {found[0][0]}")
    parents = await stage.read("parents", hotkey_ss58=charlie.hotkey, netuid=netuid)
    expect([parent for _, parent in parents] == [bob.hotkey], f"parents: {parents}")


@tries("set_childkey_take")
async def set_childkey_take(stage):
    """The take is on chain."""
    charlie, netuid = stage.person("charlie"), stage.facts["netuid"]
    await stage.act("set_childkey_take", charlie, netuid=netuid, take=0.10)
    found = await stage.query("SubtensorModule", "ChildkeyTake", charlie.hotkey, netuid)
    expect(abs(int(found) - 6_553) <= 1, f"the take is {found}")


# Swaps of keys


@tries("swap_hotkey")
async def swap_hotkey(stage):
    """The new hotkey has the old one's uid and owner; the old one has none."""
    netuid, other = stage.facts["netuid"], stage.facts["other"]
    frank, follower = await stage.funded("frank"), stage.person("frank-next")
    await stage.raw(calls.SubtensorModule.burned_register(netuid=other, hotkey=frank.hotkey), frank)
    uid = await stage.read("uid", hotkey_ss58=frank.hotkey, netuid=other)
    await stage.act("swap_hotkey", frank, new_hotkey_ss58=follower.hotkey)
    expect(await stage.read("uid", hotkey_ss58=follower.hotkey, netuid=other) == uid, "another uid")
    expect(await stage.read("hotkey_owner", hotkey_ss58=follower.hotkey) == frank.coldkey, "another owner")
    left = await stage.read("netuids_for_hotkey", hotkey_ss58=frank.hotkey)
    expect(not left, f"the old hotkey is still on {left}, {netuid}")


async def announced(stage, name):
    """A person whose coldkey has announced its successor, with short delays."""
    admin = calls.AdminUtils
    await stage.as_root(
        admin.sudo_set_coldkey_swap_announcement_delay(8), admin.sudo_set_coldkey_swap_reannouncement_delay(4))
    person, successor = await stage.funded(name), stage.person(f"{name}-next")
    await stage.act("announce_coldkey_swap", person, new_coldkey_ss58=successor.coldkey)
    found = await stage.read("coldkey_swap_announcement", coldkey_ss58=person.coldkey)
    expect(found and not found["disputed"], f"the announcement is {found}")
    return person, successor, found["execute_block"]


@tries("announce_coldkey_swap", "swap_coldkey_announced")
async def swap_coldkey(stage):
    """The announcement is read back; after the delay the successor has the account's TAO, and the old coldkey nothing."""
    person, successor, block = await announced(stage, "grace")
    await stage.block_reached(block)
    await stage.act("swap_coldkey_announced", person, new_coldkey_ss58=successor.coldkey)
    expect(await stage.balance(successor) > 1_900 * TAO, "the successor has less")
    expect(await stage.balance(person) == 0, "the old coldkey has something left")


@tries("clear_coldkey_swap_announcement")
async def clear_coldkey_swap(stage):
    """`coldkey_swap_announcement` shows none any more."""
    person, _, block = await announced(stage, "heidi")
    await stage.block_reached(block + 6)
    await stage.act("clear_coldkey_swap_announcement", person)
    found = await stage.read("coldkey_swap_announcement", coldkey_ss58=person.coldkey)
    expect(found is None, f"it is {found}")


@tries("dispute_coldkey_swap")
async def dispute_coldkey_swap(stage):
    """`coldkey_swap_announcement` says disputed, and the swap is refused."""
    person, successor, block = await announced(stage, "ivan")
    await stage.act("dispute_coldkey_swap", person)
    found = await stage.read("coldkey_swap_announcement", coldkey_ss58=person.coldkey)
    expect(found["disputed"], f"it is {found}")
    await stage.block_reached(block)
    try:
        await stage.raw(calls.SubtensorModule.swap_coldkey_announced(new_coldkey=successor.coldkey), person)
    except Failure:
        return
    raise Failure("a disputed swap went through")


# Proxies


async def proxies_of(stage, account):
    found = await stage.read("proxies", coldkey_ss58=getattr(account, "coldkey", account))
    return {(proxy["delegate"], proxy["proxy_type"], proxy["delay"]) for proxy in found["proxies"]}


@tries("add_proxy")
async def add_proxy(stage):
    """`proxies` shows the delegate, who then transfers in the other's name."""
    judy, kim, rupert = await stage.funded("judy", "kim", "rupert")
    await stage.act("add_proxy", judy, delegate_ss58=kim.coldkey, proxy_type="Transfer")
    found = await proxies_of(stage, judy)
    expect(found == {(kim.coldkey, "Transfer", 0)}, f"{found}")
    held = await stage.balance(rupert)
    await stage.act("transfer", kim, proxy_for=judy.coldkey, dest_ss58=rupert.coldkey, amount_tao="4")
    expect(await stage.balance(rupert) - held == 4 * TAO, "nothing arrived")
    try:
        await stage.act("set_identity", kim, proxy_for=judy.coldkey, name="Judy")
    except Failure:
        return
    raise Failure("a proxy for transfers did something else")


@tries("remove_proxy")
async def remove_proxy(stage):
    """`proxies` shows the delegate no more, and the deposit is back."""
    judy, kim = stage.person("judy"), stage.person("kim")
    await stage.act("remove_proxy", judy, delegate_ss58=kim.coldkey, proxy_type="Transfer")
    expect(not await proxies_of(stage, judy), "it is still there")


@tries("execute_proxy_announced")
async def execute_proxy_announced(stage):
    """A transfer that the delegate announced arrives after the delay, and not before."""
    judy, kim, rupert = map(stage.person, ("judy", "kim", "rupert"))
    await stage.raw(calls.Proxy.add_proxy(delegate=kim.coldkey, proxy_type="Any", delay=20), judy)
    inner = {"dest_ss58": rupert.coldkey, "amount_tao": "6"}
    composed = await stage.client.compose(
        calls.Balances.transfer_keep_alive(dest=rupert.coldkey, value=6 * TAO))
    call_hash = "0x" + bytes(composed.call_hash).hex()
    await stage.raw(calls.Proxy.announce(real=judy.coldkey, call_hash=call_hash), kim)
    block, held = await stage.client.block(), await stage.balance(rupert)
    await stage.block_reached(block + 22)
    await stage.act(
        "execute_proxy_announced", kim, delegate_ss58=kim.coldkey, real_ss58=judy.coldkey, inner_op="transfer",
        inner_args=inner)
    expect(await stage.balance(rupert) - held == 6 * TAO, "it did not arrive")


@tries("remove_proxies")
async def remove_proxies(stage):
    """`proxies` is empty."""
    judy = stage.person("judy")
    expect(await proxies_of(stage, judy), "there was none to begin with")
    await stage.act("remove_proxies", judy)
    expect(not await proxies_of(stage, judy), "there still are")


@tries("create_pure_proxy", "kill_pure_proxy")
async def pure_proxy(stage):
    """The new account has its creator for a proxy, and none once it is killed through it."""
    judy = stage.person("judy")
    made = await stage.act("create_pure_proxy", judy, proxy_type="Any")
    pure = next((value for key, value in made.items() if "pure" in key and isinstance(value, str)), None)
    expect(pure, f"the client says {made}")
    expect(await proxies_of(stage, pure) == {(judy.coldkey, "Any", 0)}, "it has another proxy")
    await stage.raw(calls.Balances.transfer_keep_alive(dest=pure, value=5 * TAO), judy)
    await stage.act(
        "kill_pure_proxy", judy, proxy_for=pure, spawner_ss58=judy.coldkey, proxy_type="Any", index=0,
        height=int(made["height"]), ext_index=int(made["ext_index"]))
    expect(not await proxies_of(stage, pure), "it still has a proxy")


# Shared accounts


async def shared_account(stage, threshold):
    members = [stage.person(name) for name in ("judy", "kim", "rupert")]
    handle = await stage.client.multisig([member.coldkey for member in members], threshold)
    await stage.raw(calls.Balances.transfer_keep_alive(dest=handle.address, value=50 * TAO), stage.person("alice"))
    return members, handle.address


def others(members, member):
    return [one.coldkey for one in members if one is not member]


@tries("multisig_threshold_1")
async def multisig_threshold_1(stage):
    """One member moves the shared account's TAO."""
    members, _ = await shared_account(stage, 1)
    target = stage.person("target-1")
    call = {"op": "transfer", "dest_ss58": target.coldkey, "amount_tao": "2"}
    await stage.act("multisig_threshold_1", members[0], other_signatories=others(members, members[0]), call=call)
    expect(await stage.balance(target) == 2 * TAO, "it did not arrive")


async def opened(stage, threshold, amount):
    """An operation that one member has opened: members, account, arguments, hash and timepoint."""
    members, account = await shared_account(stage, threshold)
    target = stage.person(f"target-{amount}")
    call = {"op": "transfer", "dest_ss58": target.coldkey, "amount_tao": str(amount)}
    await stage.act(
        "multisig_execute", members[0], threshold=threshold, other_signatories=others(members, members[0]), call=call)
    inner = await stage.client.compose(calls.Balances.transfer_keep_alive(dest=target.coldkey, value=amount * TAO))
    digest = "0x" + bytes(inner.call_hash).hex()

    async def pending():
        return await stage.read("multisig", account_ss58=account, call_hash=digest)

    found = await pending()
    expect(found and found["approvals"] == [members[0].coldkey], f"`multisig` shows {found}")
    return members, target, call, found["timepoint"], pending


@tries("multisig_execute", "multisig_approve")
async def multisig_execute(stage):
    """`multisig` shows each approval, and with the last one the transfer happens."""
    members, target, call, timepoint, pending = await opened(stage, 3, 3)
    await stage.act(
        "multisig_approve", members[1], threshold=3, other_signatories=others(members, members[1]), call=call,
        timepoint=timepoint)
    approvals = (await pending())["approvals"]
    expect(len(approvals) == 2, f"approvals: {approvals}")
    await stage.act(
        "multisig_execute", members[2], threshold=3, other_signatories=others(members, members[2]), call=call,
        timepoint=timepoint)
    expect(await stage.balance(target) == 3 * TAO, "it did not arrive")
    expect(await pending() is None, "it is still pending")


@tries("multisig_cancel")
async def multisig_cancel(stage):
    """`multisig` shows the operation no more, and nothing has moved."""
    members, target, call, timepoint, pending = await opened(stage, 2, 7)
    await stage.act(
        "multisig_cancel", members[0], threshold=2, other_signatories=others(members, members[0]), call=call,
        timepoint=timepoint)
    expect(await pending() is None, "it is still pending")
    expect(await stage.balance(target) == 0, "it went through")


# Crowdloans


async def crowdloan(stage, name="crowdloan"):
    return await stage.read("crowdloan", crowdloan_id=stage.facts[name])


async def create(stage, name):
    """A crowdloan for a target, and its number."""
    lena = stage.person("lena")
    known = {row["id"] for row in await stage.read("crowdloans")}
    shortest = int(await stage.client.constant(("Crowdloan", "MinimumBlockDuration")))
    end = await stage.client.block() + shortest + 1_000
    await stage.act(
        "create_crowdloan", lena, deposit_tao="20", min_contribution_tao="1", cap_tao="50", end=end,
        target_ss58=stage.person("cause").coldkey)
    new = {row["id"] for row in await stage.read("crowdloans")} - known
    expect(len(new) == 1, f"new crowdloans: {new}")
    stage.facts[name] = new.pop()
    return end


@tries("create_crowdloan")
async def create_crowdloan(stage):
    """`crowdloans` has one more, and `crowdloan` shows creator, deposit, cap and end."""
    lena, _ = await stage.funded("lena", "mike")
    end = await create(stage, "crowdloan")
    found = await crowdloan(stage)
    seen = (found["creator"], found["deposit"].rao, found["cap"].rao, found["end"])
    expect(seen == (lena.coldkey, 20 * TAO, 50 * TAO, end), f"{found}")


async def contributed(stage, person, name="crowdloan"):
    rows = await stage.read("crowdloan_contributors", crowdloan_id=stage.facts[name])
    return next((row["amount_tao"] for row in rows if row["contributor"] == person.coldkey), 0)


@tries("contribute_crowdloan")
async def contribute_crowdloan(stage):
    """`crowdloan_contributors` shows the amount."""
    mike = stage.person("mike")
    await stage.act("contribute_crowdloan", mike, crowdloan_id=stage.facts["crowdloan"], amount_tao="5")
    expect(await contributed(stage, mike) == 5, "another amount")


@tries("withdraw_crowdloan")
async def withdraw_crowdloan(stage):
    """The contributor has the TAO back, and is listed no more."""
    mike = stage.person("mike")
    held = await stage.balance(mike)
    await stage.act("withdraw_crowdloan", mike, crowdloan_id=stage.facts["crowdloan"])
    expect(await stage.balance(mike) - held > 4 * TAO, "it did not come back")
    expect(await contributed(stage, mike) == 0, "it is still listed")


@tries("update_crowdloan_min_contribution", "update_crowdloan_cap", "update_crowdloan_end",
       "set_crowdloan_max_contribution")
async def update_crowdloan(stage):
    """`crowdloan` shows the new terms, and more than the new maximum is not taken."""
    lena, mike, number = stage.person("lena"), stage.person("mike"), stage.facts["crowdloan"]
    end = (await crowdloan(stage))["end"] + 10
    await stage.act("update_crowdloan_min_contribution", lena, crowdloan_id=number, new_min_contribution_tao="2")
    await stage.act("update_crowdloan_cap", lena, crowdloan_id=number, new_cap_tao="40")
    await stage.act("update_crowdloan_end", lena, crowdloan_id=number, new_end=end)
    found = await crowdloan(stage)
    seen = (found["min_contribution"].rao, found["cap"].rao, found["end"])
    expect(seen == (2 * TAO, 40 * TAO, end), f"{found}")
    await stage.act("set_crowdloan_max_contribution", lena, crowdloan_id=number, new_max_contribution_tao="30")
    limit = await stage.query("Crowdloan", "MaxContributions", number)
    expect(int(limit or 0) == 30 * TAO, f"the maximum is {limit}")
    expect(await contributed(stage, mike) == 0, "a contribution appeared")


@tries("finalize_crowdloan")
async def finalize_crowdloan(stage):
    """The crowdloan is finalized, and its target has what was raised."""
    lena, mike, number = stage.person("lena"), stage.person("mike"), stage.facts["crowdloan"]
    await stage.raw(calls.Crowdloan.contribute(crowdloan_id=number, amount=20 * TAO), mike)
    raised = (await crowdloan(stage))["raised"].rao
    await stage.act("finalize_crowdloan", lena, crowdloan_id=number)
    expect((await crowdloan(stage))["finalized"], "it is not finalized")
    expect(await stage.balance(stage.person("cause")) == raised, "the target has another amount")


@tries("refund_crowdloan", "dissolve_crowdloan")
async def refund_crowdloan(stage):
    """The contributor has the TAO back; dissolved, the crowdloan is gone and the deposit is back."""
    lena, mike = stage.person("lena"), stage.person("mike")
    await create(stage, "failed")
    number = stage.facts["failed"]
    await stage.raw(calls.Crowdloan.contribute(crowdloan_id=number, amount=3 * TAO), mike)
    held = await stage.balance(mike)
    await stage.act("refund_crowdloan", lena, crowdloan_id=number)
    expect(await stage.balance(mike) - held == 3 * TAO, "it did not come back")
    held = await stage.balance(lena)
    await stage.act("dissolve_crowdloan", lena, crowdloan_id=number)
    expect(await stage.balance(lena) - held > 19 * TAO, "the deposit did not come back")
    expect(await crowdloan(stage, "failed") is None, "it is still there")


# An owner's last things


@tries("pow_register")
async def pow_register(stage):
    """A hotkey has a uid for work that the SDK found, and no TAO."""
    netuid, worker = stage.facts["other"], await stage.funded("worker", tao=1)
    admin = calls.AdminUtils
    await stage.as_root(
        admin.sudo_set_network_pow_registration_allowed(netuid, True),
        admin.sudo_set_min_difficulty(netuid, 1_000),
        admin.sudo_set_max_difficulty(netuid, 100_000),
        admin.sudo_set_difficulty(netuid, 1_000),
    )
    found = await stage.client.mine_pow_registration(
        netuid, worker.hotkey, worker.coldkey, workers=1, max_seconds=60, backend="cpu")
    await stage.act(
        "pow_register", worker, netuid=netuid, work_block=found.work_block, nonce=found.nonce,
        work_hex=found.work_hex, hotkey_ss58=worker.hotkey)
    expect(await stage.read("uid", hotkey_ss58=worker.hotkey, netuid=netuid) is not None, "it has no uid")


@tries("trim_subnet")
async def trim_subnet(stage):
    """`subnet` counts as many neurons as were to stay."""
    netuid, alice = stage.facts["spare"], stage.person("alice")
    admin = calls.AdminUtils
    await stage.as_root(
        admin.sudo_set_network_registration_allowed(netuid, True),
        admin.sudo_set_min_allowed_uids(netuid, 1),
        admin.sudo_set_immunity_period(netuid, 1),
        admin.sudo_set_min_burn(netuid, 500_000),
    )
    for name in ("pat", "quinn", "ray"):
        hotkey = stage.person(name).hotkey
        await stage.raw(calls.SubtensorModule.burned_register(netuid=netuid, hotkey=hotkey), alice)
    count = (await stage.read("subnet", netuid=netuid)).neuron_count
    await stage.block_reached(await stage.client.block() + 3)
    await stage.act("trim_subnet", alice, netuid=netuid, max_n=count - 1)
    left = (await stage.read("subnet", netuid=netuid)).neuron_count
    expect(left == count - 1, f"{left} of {count} neurons are left")


@tries("set_mechanism_count")
async def set_mechanism_count(stage):
    """`mechanism_count` shows two, and `mechanism_emission_split` the shares that root then sets."""
    netuid = stage.facts["spare"]
    await stage.as_root(calls.AdminUtils.sudo_set_max_allowed_uids(netuid, 64))
    await stage.act("set_mechanism_count", stage.person("alice"), netuid=netuid, mechanism_count=2)
    expect(await stage.read("mechanism_count", netuid=netuid) == 2, "another count")
    await stage.as_root(calls.AdminUtils.sudo_set_mechanism_emission_split(netuid, [32_768, 32_767]))
    split = await stage.read("mechanism_emission_split", netuid=netuid)
    expect(split == [32_768, 32_767], f"the split is {split}")


# What is tried although it is not served: arguments by the stage, and why not.

NOT_HERE = "{} are not part of this chain"
LOCKS = NOT_HERE.format("locks and conviction")
COLLATERAL = NOT_HERE.format("miners' collateral")
BASKETS = "root dividends are alpha owed, not shares of a fund, so there is no basket to trade"
EVM = NOT_HERE.format("EVM accounts")
LEASES = NOT_HERE.format("leased subnets")

NOT_SERVED.update({
    "add_collateral": (lambda s: {"netuid": s.facts["netuid"], "amount_alpha": "1"}, COLLATERAL),
    "set_min_collateral": (lambda s: {"netuid": s.facts["netuid"], "min_alpha": "1"}, COLLATERAL),
    "associate_evm_key": (
        lambda s: {"netuid": s.facts["netuid"], "evm_key": "0x" + "11" * 20, "block_number": 1,
                   "signature": "0x" + "22" * 65}, EVM),
    "evm_withdraw": (lambda s: {"amount_tao": "1"}, EVM),
    "lock_stake": (lambda s: {"netuid": s.facts["netuid"], "amount_alpha": "1"}, LOCKS),
    "move_lock": (
        lambda s: {"netuid": s.facts["netuid"], "destination_hotkey_ss58": s.person("charlie").hotkey}, LOCKS),
    "set_perpetual_lock": (lambda s: {"netuid": s.facts["netuid"], "enabled": True}, LOCKS),
    "set_reject_locked_alpha": (lambda s: {"enabled": True}, LOCKS),
    "register_leased_network": (lambda s: {"emissions_share": 10}, LEASES),
    "terminate_lease": (lambda s: {"lease_id": 0}, LEASES),
    "stake_into_basket": (lambda s: {"hotkey_ss58": s.person("bob").hotkey, "amount_tao": "1"}, BASKETS),
    "swap_basket": (
        lambda s: {"hotkey_ss58": s.person("bob").hotkey, "origin_netuid": s.facts["netuid"],
                   "dest_netuid": s.facts["other"], "amount": "1"}, BASKETS),
    "swap_basket_many": (
        lambda s: {"hotkey_ss58": s.person("bob").hotkey,
                   "legs": [{"origin_netuid": s.facts["netuid"], "dest_netuid": s.facts["other"], "amount": "1"}]},
        BASKETS),
    "trim_null_subnet_batch": (
        lambda s: {"netuid": s.facts["spare"], "target": 1},
        "every subnet here runs Yuma; Null consensus is not part of this chain"),
})

# A plain transfer to the account of an EVM address: the chain would take it, and the TAO would be lost.
NOT_SERVED["fund_evm_key"] = (None, EVM)
