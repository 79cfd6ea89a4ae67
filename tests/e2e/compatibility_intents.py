"""Every intent that Bittensor's tools offer: carried out, and its effect read back.

Each function is one intent, or a family of them that only makes sense together. Its first line says what is read
back; the table of `docs/compatibility.md` quotes it. They run in this order on one chain, because a market has a history: a
subnet is opened before it is started, and weights come before dividends.
"""

from hashlib import blake2b

from bittensor import calls
from bittensor.hyperparams import STORAGE_ITEMS
from bittensor.sp_core import ss58_decode

from compatibility_stage import TAO, Failure, expect

# Functions by the intent that they try, in the order in which they run.
TRIED = {}
# Intents that Stoa does not serve: with which arguments they are refused, if they are tried, and why.
NOT_SERVED = {}


def tries(*intents):
    """Marks what a function tries: the first intent is its own; others are tried on the way."""

    def mark(function):
        for name in intents:
            TRIED[name] = function
        return function

    return mark


def promise(function):
    """What a function reads back, as the table says it."""
    return function.__doc__.strip().splitlines()[0]


async def prepare(stage):
    """Switches off the waiting times between changes, and gives people something to begin with."""
    admin = calls.AdminUtils
    await stage.as_root(
        admin.sudo_set_admin_freeze_window(0),
        admin.sudo_set_owner_hparam_rate_limit(0),
        admin.sudo_set_tx_rate_limit(0),
        admin.sudo_set_tx_delegate_take_rate_limit(0),
        admin.sudo_set_network_rate_limit(0),
        admin.sudo_set_lock_reduction_interval(1),
    )
    await stage.funded("bob", "charlie", "dave", "eve")


# Money


@tries("transfer")
async def transfer(stage):
    """The receiver has the amount to the rao; the sender paid it and a fee."""
    alice, newcomer = stage.person("alice"), stage.person("newcomer")
    before = await stage.balance(alice)
    await stage.act("transfer", alice, dest_ss58=newcomer.coldkey, amount_tao="12.5")
    received = await stage.balance(newcomer)
    expect(received == 12_500_000_000, f"received {received} rao")
    fee = before - await stage.balance(alice) - received
    expect(0 < fee < TAO // 100, f"a fee of {fee} rao")


@tries("transfer_all")
async def transfer_all(stage):
    """The sender's account is empty, the receiver's fuller by all but a fee."""
    newcomer, collector = stage.person("newcomer"), stage.person("collector")
    held = await stage.balance(newcomer)
    await stage.act("transfer_all", newcomer, dest_ss58=collector.coldkey, keep_alive=False)
    expect(await stage.balance(newcomer) == 0, "something is left")
    received = await stage.balance(collector)
    expect(0 < held - received < TAO // 100, f"{received} of {held} rao arrived")


@tries("batch")
async def batch(stage):
    """Both transfers of a batch arrive; of a batch with one that cannot be paid, none does."""
    alice, first, second = stage.person("alice"), stage.person("first"), stage.person("second")
    both = [
        {"op": "transfer", "dest_ss58": person.coldkey, "amount_tao": "3"} for person in (first, second)
    ]
    await stage.act("batch", alice, intents=both)
    held = [await stage.balance(person) for person in (first, second)]
    expect(held == [3 * TAO, 3 * TAO], f"they hold {held} rao")
    impossible = [both[0], {"op": "transfer", "dest_ss58": second.coldkey, "amount_tao": "100000000"}]
    try:
        await stage.act("batch", alice, intents=impossible)
    except Failure:
        expect(await stage.balance(first) == 3 * TAO, "half of a failed batch arrived")
    else:
        raise Failure("a batch that cannot be paid went through")


# Subnets


@tries("register_subnet")
async def register_subnet(stage):
    """There is one more subnet, its owner is the signer, and it cost what was quoted."""
    alice = stage.person("alice")
    before = {info.netuid for info in await stage.read("subnets")}
    cost, held = (await stage.read("subnet_registration_cost")).rao, await stage.balance(alice)
    await stage.act("register_subnet", alice)
    opened = {info.netuid for info in await stage.read("subnets")} - before
    expect(len(opened) == 1, f"opened {opened}")
    netuid = opened.pop()
    owner = await stage.query("SubtensorModule", "SubnetOwner", netuid)
    expect(owner == alice.coldkey, f"its owner is {owner}")
    paid = held - await stage.balance(alice)
    expect(cost * 9 // 10 < paid < cost * 11 // 10, f"paid {paid}, quoted {cost} rao")
    stage.facts["netuid"] = netuid
    # Two more to move stake to and to try settings on.
    for name in ("other", "spare"):
        known = {info.netuid for info in await stage.read("subnets")}
        await stage.raw(calls.SubtensorModule.register_network(hotkey=stage.person(name).hotkey), alice)
        stage.facts[name] = ({info.netuid for info in await stage.read("subnets")} - known).pop()
    for name in ("other", "spare"):
        await stage.raw(calls.SubtensorModule.start_call(netuid=stage.facts[name]), alice)


@tries("start_call")
async def start_call(stage):
    """The subnet's hyperparameters say that it is active."""
    netuid = stage.facts["netuid"]
    await stage.act("start_call", stage.person("alice"), netuid=netuid)
    found = await stage.read("subnet_hyperparameters", netuid=netuid)
    expect(found["subnet_is_active"] is True, f"subnet_is_active is {found['subnet_is_active']!r}")
    await stage.as_root(
        calls.AdminUtils.sudo_set_weights_set_rate_limit(netuid, 0),
        calls.AdminUtils.sudo_set_commit_reveal_weights_enabled(netuid, False),
    )


@tries("set_subnet_identity")
async def set_subnet_identity(stage):
    """`subnet_identity` and `subnet_names` show the name, `subnet_identity` the description."""
    netuid = stage.facts["netuid"]
    await stage.act(
        "set_subnet_identity", stage.person("alice"), netuid=netuid, subnet_name="Agora", description="where it began")
    found = await stage.read("subnet_identity", netuid=netuid)
    expect((found["subnet_name"], found["description"]) == ("Agora", "where it began"), f"{found}")
    expect((await stage.read("subnet_names"))[netuid] == "Agora", "subnet_names does not show it")


@tries("update_symbol")
async def update_symbol(stage):
    """`token_symbols` shows the new symbol."""
    netuid = stage.facts["netuid"]
    await stage.act("update_symbol", stage.person("alice"), netuid=netuid, symbol="ω")
    symbol = (await stage.read("token_symbols"))[netuid]
    expect(symbol == "ω", f"the symbol is {symbol}")


# What an owner sets, and what `subnet_hyperparameters` then says.
OWNER_SETTINGS = {
    "immunity_period": 200,
    "min_allowed_weights": 1,
    "weights_version": 3,
    "activity_cutoff_factor": 2_000,
    "min_burn": 700_000,
    "max_burn": 90_000_000_000,
    "bonds_moving_avg": 800_000,
    "bonds_penalty": 1_000,
    "serving_rate_limit": 7,
    "commit_reveal_period": 2,
    "burn_half_life": 400,
    "adjustment_alpha": 12_345,
    "rho": 11,
    "max_difficulty": 1_000_000_000,
    "alpha_sigmoid_steepness": 500,
    "owner_immune_neuron_limit": 2,
    "commit_reveal_weights_enabled": False,
    "yuma3_enabled": True,
    "liquid_alpha_enabled": True,
    "alpha_high": 60_000,
    "alpha_low": 40_000,
    "bonds_reset_enabled": True,
    "transfers_enabled": False,
    "owner_cut_enabled": False,
    "min_childkey_take": 100,
    "network_pow_registration_allowed": True,
    "registration_allowed": False,
    "max_allowed_uids": 100,
    "tempo": 400,
}


@tries("set_hyperparameter")
async def set_hyperparameter(stage):
    """`subnet_hyperparameters`, or storage, shows each of the owner's settings as it was set."""
    alice, netuid = stage.person("alice"), stage.facts["spare"]
    missed = {}
    # A process for each would only take longer: the command differs from the SDK in how it starts, not in the setting.
    count = 4 if stage.kind.name == "btcli" else len(OWNER_SETTINGS)
    wanted = dict(list(OWNER_SETTINGS.items())[:count])
    for name, value in wanted.items():
        try:
            await stage.act("set_hyperparameter", alice, netuid=netuid, name=name, value=str(value).lower()
                            if isinstance(value, bool) else value)
        except Failure as failure:
            missed[name] = str(failure)
    shown = await stage.read("subnet_hyperparameters", netuid=netuid)
    for name, value in wanted.items():
        # Some names are set under one name and shown under none: they are read where the chain keeps them.
        found = shown[name] if name in shown else await stage.query(*STORAGE_ITEMS[name][:2], netuid)
        if name not in missed and found != value:
            missed[name] = f"shows {found!r} instead of {value!r}"
    expect(not missed, "; ".join(f"{name}: {why}" for name, why in missed.items()))


@tries("set_subnet_emission_enabled")
async def set_subnet_emission_enabled(stage):
    """`subnet_emission_enabled` follows what root sets, off and on."""
    netuid, alice = stage.facts["netuid"], stage.person("alice")
    for enabled in (False, True):
        await stage.act("set_subnet_emission_enabled", alice, netuids=[netuid], enabled=enabled)
        found = await stage.read("subnet_emission_enabled", netuid=netuid)
        expect(found == int(enabled), f"subnet_emission_enabled is {found}")


# Seats


@tries("burned_register")
async def burned_register(stage):
    """The hotkey has the next free uid, and its coldkey paid no more than the seat's price and fees."""
    netuid = stage.facts["netuid"]
    for name in ("bob", "charlie"):
        person = stage.person(name)
        burn = (await stage.read("burn", netuid=netuid)).rao
        held, seats = await stage.balance(person), (await stage.read("subnet", netuid=netuid)).neuron_count
        await stage.act("burned_register", person, netuid=netuid)
        uid = await stage.read("uid", hotkey_ss58=person.hotkey, netuid=netuid)
        expect(uid == seats, f"uid {uid} in a subnet of {seats}")
        paid = held - await stage.balance(person)
        expect(0 < paid <= burn + TAO // 100, f"paid {paid} rao for a seat of {burn}")
        expect(await stage.read("netuids_for_hotkey", hotkey_ss58=person.hotkey) == [netuid], "the hotkey's netuids")
        stage.facts[name] = uid


@tries("root_register")
async def root_register(stage):
    """The hotkey has a uid on root."""
    nina = await stage.funded("nina")
    await stage.act("root_register", nina)
    uid = await stage.read("uid", hotkey_ss58=nina.hotkey, netuid=0)
    expect(uid is not None, "it has none")


@tries("associate_hotkey")
async def associate_hotkey(stage):
    """`hotkey_owner` names the coldkey, and `owned_hotkeys` the hotkey."""
    dave = stage.person("dave")
    await stage.act("associate_hotkey", dave, hotkey_ss58=dave.hotkey)
    expect(await stage.read("hotkey_owner", hotkey_ss58=dave.hotkey) == dave.coldkey, "another owner")
    expect(dave.hotkey in await stage.read("owned_hotkeys", coldkey_ss58=dave.coldkey), "it is not listed")


async def take_is(stage, person, fraction):
    found = (await stage.read("delegate_take", hotkey_ss58=person.hotkey))["take"]
    expect(abs(found - fraction) < 0.001, f"the take is {found}")


@tries("decrease_take")
async def decrease_take(stage):
    """`delegate_take` shows the lower take."""
    bob = stage.person("bob")
    await stage.act("decrease_take", bob, take=0.09)
    await take_is(stage, bob, 0.09)


@tries("increase_take")
async def increase_take(stage):
    """`delegate_take` shows the higher take."""
    bob = stage.person("bob")
    await stage.act("increase_take", bob, take=0.10)
    await take_is(stage, bob, 0.10)


@tries("set_take")
async def set_take(stage):
    """`delegate_take` shows the take, lower or higher than before."""
    bob = stage.person("bob")
    for take in (0.05, 0.07):
        await stage.act("set_take", bob, take=take)
        await take_is(stage, bob, take)


@tries("set_identity")
async def set_identity(stage):
    """`identity` shows the name, and `hotkey_identities` finds it by the hotkey."""
    charlie = stage.person("charlie")
    await stage.act("set_identity", charlie, name="Charlie", url="https://example.org")
    found = await stage.read("identity", coldkey_ss58=charlie.coldkey)
    expect((found["name"], found["url"]) == ("Charlie", "https://example.org"), f"{found}")
    known = await stage.read("hotkey_identities", hotkey_ss58s=[charlie.hotkey])
    expect(known[charlie.hotkey]["name"] == "Charlie", f"{known}")


# Addresses of neurons


async def axon_of(stage, person):
    graph = await stage.read("metagraph", netuid=stage.facts["netuid"])
    return graph["axons"][stage.facts[person]]


@tries("serve_axon")
async def serve_axon(stage):
    """The metagraph shows address and port of the neuron."""
    netuid = stage.facts["netuid"]
    await stage.as_root(calls.AdminUtils.sudo_set_serving_rate_limit(netuid, 0))
    await stage.act("serve_axon", stage.person("charlie"), netuid=netuid, ip="203.0.113.7", port=8_091)
    axon = await axon_of(stage, "charlie")
    expect((axon["ip"], axon["port"]) == (0xCB007107, 8_091), f"{axon}")


@tries("serve_axon_tls")
async def serve_axon_tls(stage):
    """The metagraph shows the address, and the certificate is on chain."""
    netuid, charlie = stage.facts["netuid"], stage.person("charlie")
    await stage.act(
        "serve_axon_tls", charlie, netuid=netuid, ip="203.0.113.8", port=8_092, certificate="0x" + "ab" * 32)
    axon = await axon_of(stage, "charlie")
    expect((axon["ip"], axon["port"]) == (0xCB007108, 8_092), f"{axon}")
    found = await stage.query("SubtensorModule", "NeuronCertificates", netuid, charlie.hotkey)
    expect(found, "there is no certificate")


@tries("serve_prometheus")
async def serve_prometheus(stage):
    """The address of the metrics is on chain."""
    netuid, charlie = stage.facts["netuid"], stage.person("charlie")
    await stage.act("serve_prometheus", charlie, netuid=netuid, ip="203.0.113.9", port=9_100)
    found = await stage.query("SubtensorModule", "Prometheus", netuid, charlie.hotkey)
    expect((found["ip"], found["port"]) == (0xCB007109, 9_100), f"{found}")


@tries("reset_axon")
async def reset_axon(stage):
    """The metagraph shows no address any more."""
    await stage.act("reset_axon", stage.person("charlie"), netuid=stage.facts["netuid"])
    axon = await axon_of(stage, "charlie")
    expect((axon["ip"], axon["port"]) == (0, 1), f"{axon}")


# Stake


@tries("add_stake")
async def add_stake(stage):
    """The position grows by what `quote_stake` said, for the amount and a fee."""
    bob, netuid = stage.person("bob"), stage.facts["netuid"]
    quote = (await stage.read("quote_stake", netuid=netuid, amount_tao=20)).alpha.rao
    held, had = await stage.balance(bob), await stage.stake(bob, bob.hotkey, netuid)
    await stage.act("add_stake", bob, hotkey_ss58=bob.hotkey, netuid=netuid, amount_tao="20")
    gained = await stage.stake(bob, bob.hotkey, netuid) - had
    expect(quote * 9 // 10 < gained <= quote * 11 // 10, f"gained {gained}, quoted {quote}")
    paid = held - await stage.balance(bob)
    expect(20 * TAO < paid < 20 * TAO + TAO // 100, f"paid {paid} rao")
    dave = stage.person("dave")
    for where in ("netuid", "other"):
        call = calls.SubtensorModule.add_stake(
            hotkey=bob.hotkey, netuid=stage.facts[where], amount_staked=20 * TAO)
        await stage.raw(call, dave)


@tries("add_stake_limit")
async def add_stake_limit(stage):
    """The position grows under a generous limit, and not under one below the price."""
    dave, bob, netuid = stage.person("dave"), stage.person("bob"), stage.facts["netuid"]
    price = (await stage.read("alpha_price", netuid=netuid))["price_rao"]
    had = await stage.stake(dave, bob.hotkey, netuid)
    arguments = {"hotkey_ss58": bob.hotkey, "netuid": netuid, "amount_tao": "5"}
    await stage.act("add_stake_limit", dave, limit_price_rao=price * 2, **arguments)
    expect(await stage.stake(dave, bob.hotkey, netuid) > had, "it did not grow")
    try:
        await stage.act("add_stake_limit", dave, limit_price_rao=price // 2, **arguments)
    except Failure:
        return
    raise Failure("a purchase above its limit went through")


@tries("remove_stake")
async def remove_stake(stage):
    """The position shrinks by the amount, and the TAO that `quote_unstake` said arrives."""
    dave, bob, netuid = stage.person("dave"), stage.person("bob"), stage.facts["netuid"]
    amount = 2 * TAO
    quote = (await stage.read("quote_unstake", netuid=netuid, amount_alpha=2)).tao.rao
    had, held = await stage.stake(dave, bob.hotkey, netuid), await stage.balance(dave)
    await stage.act("remove_stake", dave, hotkey_ss58=bob.hotkey, netuid=netuid, amount_alpha="2")
    # Dividends may arrive in between, so that slightly less is missing than was sold.
    sold = had - await stage.stake(dave, bob.hotkey, netuid)
    expect(0 < sold <= amount + 10, f"sold {sold}")
    gained = await stage.balance(dave) - held
    expect(abs(gained - quote) < quote // 10 + TAO // 100, f"gained {gained}, quoted {quote}")


@tries("remove_stake_limit")
async def remove_stake_limit(stage):
    """The position shrinks under a generous limit, and not under one above the price."""
    dave, bob, netuid = stage.person("dave"), stage.person("bob"), stage.facts["netuid"]
    price = (await stage.read("alpha_price", netuid=netuid))["price_rao"]
    held = await stage.balance(dave)
    arguments = {"hotkey_ss58": bob.hotkey, "netuid": netuid, "amount_alpha": "1"}
    await stage.act("remove_stake_limit", dave, limit_price_rao=price // 2, **arguments)
    expect(await stage.balance(dave) > held, "nothing arrived")
    try:
        await stage.act("remove_stake_limit", dave, limit_price_rao=price * 2, **arguments)
    except Failure:
        return
    raise Failure("a sale below its limit went through")


@tries("move_stake")
async def move_stake(stage):
    """A position moves to another hotkey, and then to another hotkey and subnet at once."""
    dave, bob, charlie = stage.person("dave"), stage.person("bob"), stage.person("charlie")
    netuid, other = stage.facts["netuid"], stage.facts["other"]
    for destination in (netuid, other):
        had = await stage.stake(dave, charlie.hotkey, destination)
        await stage.act(
            "move_stake", dave, origin_hotkey_ss58=bob.hotkey, origin_netuid=netuid,
            dest_hotkey_ss58=charlie.hotkey, dest_netuid=destination, amount_alpha="1")
        gained = await stage.stake(dave, charlie.hotkey, destination) - had
        expect(gained > TAO // 2, f"{gained} arrived on netuid {destination}")


@tries("swap_stake")
async def swap_stake(stage):
    """Alpha of one subnet becomes alpha of another, on the same hotkey."""
    dave, bob, other = stage.person("dave"), stage.person("bob"), stage.facts["other"]
    had = await stage.stake(dave, bob.hotkey, other)
    await stage.act(
        "swap_stake", dave, hotkey_ss58=bob.hotkey, origin_netuid=stage.facts["netuid"], dest_netuid=other,
        amount_alpha="1")
    expect(await stage.stake(dave, bob.hotkey, other) > had, "nothing arrived")


@tries("move_swap_stake")
async def move_swap_stake(stage):
    """Alpha arrives on the other hotkey in the other subnet."""
    dave, bob, charlie, other = (*map(stage.person, ("dave", "bob", "charlie")), stage.facts["other"])
    had = await stage.stake(dave, charlie.hotkey, other)
    await stage.act(
        "move_swap_stake", dave, origin_hotkey_ss58=bob.hotkey, origin_netuid=stage.facts["netuid"],
        dest_hotkey_ss58=charlie.hotkey, dest_netuid=other, amount_alpha="1")
    expect(await stage.stake(dave, charlie.hotkey, other) > had, "nothing arrived")


@tries("transfer_stake")
async def transfer_stake(stage):
    """A position passes to another coldkey, on the same hotkey and onto another one."""
    dave, eve, bob, charlie = map(stage.person, ("dave", "eve", "bob", "charlie"))
    netuid = stage.facts["netuid"]
    for landing in (None, charlie.hotkey):
        hotkey = landing or bob.hotkey
        had = await stage.stake(eve, hotkey, netuid)
        extra = {"dest_hotkey_ss58": landing} if landing else {}
        await stage.act(
            "transfer_stake", dave, dest_coldkey_ss58=eve.coldkey, hotkey_ss58=bob.hotkey, origin_netuid=netuid,
            dest_netuid=netuid, amount_alpha="1", **extra)
        gained = await stage.stake(eve, hotkey, netuid) - had
        expect(gained >= TAO - 1, f"{gained} arrived")


@tries("unstake_all_alpha")
async def unstake_all_alpha(stage):
    """All alpha on a hotkey becomes stake on root."""
    eve, charlie = stage.person("eve"), stage.person("charlie")
    for where in ("netuid", "other"):
        call = calls.SubtensorModule.add_stake(
            hotkey=charlie.hotkey, netuid=stage.facts[where], amount_staked=5 * TAO)
        await stage.raw(call, eve)
    await stage.act("unstake_all_alpha", eve, hotkey_ss58=charlie.hotkey)
    left = [await stage.stake(eve, charlie.hotkey, stage.facts[where]) for where in ("netuid", "other")]
    expect(max(left) < 1_000, f"{left} is left")
    on_root = await stage.stake(eve, charlie.hotkey, 0)
    expect(on_root > 9 * TAO, f"{on_root} rao on root")


@tries("unstake_all")
async def unstake_all(stage):
    """Nothing is left on the hotkey, and the TAO is in the account."""
    eve, charlie = stage.person("eve"), stage.person("charlie")
    held = await stage.balance(eve)
    await stage.act("unstake_all", eve, hotkey_ss58=charlie.hotkey)
    left = [
        position for position in await stage.read("stake_for_coldkey", coldkey_ss58=eve.coldkey)
        if position.hotkey == charlie.hotkey and position.stake.rao > 1_000
    ]
    expect(not left, f"left: {left}")
    expect(await stage.balance(eve) > held, "nothing arrived")


@tries("stake_burn")
async def stake_burn(stage):
    """The TAO is spent, the price is higher, and nobody's stake grew."""
    bob, netuid = stage.person("bob"), stage.facts["other"]
    held, staked = await stage.balance(bob), (await stage.read("total_alpha_staked", netuid=netuid)).rao
    price = (await stage.read("alpha_price", netuid=netuid))["price_rao"]
    await stage.act("stake_burn", bob, netuid=netuid, amount_tao="5")
    expect(held - await stage.balance(bob) >= 5 * TAO, "it was not paid")
    expect((await stage.read("alpha_price", netuid=netuid))["price_rao"] > price, "the price is no higher")
    grown = (await stage.read("total_alpha_staked", netuid=netuid)).rao - staked
    expect(grown < TAO, f"stake grew by {grown}")


@tries("set_auto_stake")
async def set_auto_stake(stage):
    """`auto_stake` and `auto_stake_all` show the hotkey."""
    charlie, bob, netuid = stage.person("charlie"), stage.person("bob"), stage.facts["netuid"]
    await stage.act("set_auto_stake", charlie, netuid=netuid, hotkey_ss58=bob.hotkey)
    expect(await stage.read("auto_stake", coldkey_ss58=charlie.coldkey, netuid=netuid) == bob.hotkey, "auto_stake")
    everywhere = await stage.read("auto_stake_all", coldkey_ss58=charlie.coldkey)
    expect(everywhere == [{"netuid": netuid, "hotkey": bob.hotkey}], f"{everywhere}")


# Weights


async def has_permit(stage, name):
    async def permits():
        return (await stage.read("metagraph", netuid=stage.facts["netuid"]))["validator_permit"]

    uid = stage.facts[name]
    await stage.until(f"a permit for uid {uid}", permits, lambda permits: permits[uid])


async def row_is(stage, name, wanted):
    """The validator's row has these shares, when chain and client have rounded."""
    row = dict((await stage.read("weights", netuid=stage.facts["netuid"])).get(stage.facts[name], {}))
    expect(set(row) == set(wanted), f"the row is {row}")
    expect(all(abs(row[uid] - share) < 0.001 for uid, share in wanted.items()), f"the row is {row}")


@tries("set_weights")
async def set_weights(stage):
    """`weights` shows the row in the proportion given."""
    await has_permit(stage, "bob")
    charlie = stage.facts["charlie"]
    await stage.act(
        "set_weights", stage.person("bob"), netuid=stage.facts["netuid"], uids=[0, charlie], weights=[0.25, 0.75])
    await row_is(stage, "bob", {0: 0.25, charlie: 0.75})


def committed(hotkey, netuid, uids, values, salt, version):
    """The hash that a salted commit publishes: of the encoded hotkey, netuid, uids, weights, salt and version."""

    def numbers(row):
        expect(len(row) < 64, "a compact length of one byte")
        return bytes([len(row) << 2]) + b"".join(number.to_bytes(2, "little") for number in row)

    encoded = bytes(ss58_decode(hotkey)) + netuid.to_bytes(2, "little")
    encoded += numbers(uids) + numbers(values) + numbers(salt) + version.to_bytes(8, "little")
    return "0x" + blake2b(encoded, digest_size=32).hexdigest()


# Blocks of an epoch while weights wait to be revealed: long enough for a command to start on a slow machine.
REVEAL_TEMPO = 80


@tries("reveal_weights")
async def reveal_weights(stage):
    """A row committed as a salted hash counts once it is revealed an epoch later."""
    bob, netuid, charlie = stage.person("bob"), stage.facts["netuid"], stage.facts["charlie"]
    admin = calls.AdminUtils
    tempo = (await stage.read("subnet", netuid=netuid)).tempo
    await stage.as_root(
        admin.sudo_set_commit_reveal_weights_enabled(netuid, True),
        admin.sudo_set_commit_reveal_weights_interval(netuid, 1),
        admin.sudo_set_tempo(netuid, REVEAL_TEMPO),
    )
    try:
        uids, values, salt = [0, charlie], [65_535, 65_535], [7, 11, 13]
        digest = committed(bob.hotkey, netuid, uids, values, salt, 0)
        await stage.raw(
            calls.SubtensorModule.commit_weights(netuid=netuid, commit_hash=digest), bob, signer="hotkey")

        async def epoch():
            return (await stage.read("epoch_status", netuid=netuid))["epoch_index"]

        before = await epoch()
        await stage.until("the next epoch", epoch, lambda index: index > before)
        await stage.act("reveal_weights", bob, netuid=netuid, uids=uids, weights=[0.5, 0.5], salt=salt)
        await row_is(stage, "bob", {0: 0.5, charlie: 0.5})
    finally:
        await stage.as_root(
            admin.sudo_set_commit_reveal_weights_enabled(netuid, False), admin.sudo_set_tempo(netuid, tempo))


@tries("commit_weights")
async def commit_weights(stage):
    """`timelocked_weight_commits` shows the sealed row, and `weights` the row once it opened by itself."""
    bob, netuid, charlie = stage.person("bob"), stage.facts["netuid"], stage.facts["charlie"]
    await stage.as_root(calls.AdminUtils.sudo_set_commit_reveal_weights_enabled(netuid, True))
    try:
        await stage.act("commit_weights", bob, netuid=netuid, uids=[0, charlie], weights=[0.9, 0.1])
        waiting = await stage.read("timelocked_weight_commits", netuid=netuid)
        hotkeys = [commit["hotkey"] for commits in waiting.values() for commit in commits]
        expect(bob.hotkey in hotkeys, f"waiting: {waiting}")

        async def row():
            return (await stage.read("weights", netuid=netuid)).get(stage.facts["bob"], {})

        await stage.until("the row opens", row, lambda row: abs(row.get(0, 0) - 0.9) < 0.001)
    finally:
        await stage.as_root(calls.AdminUtils.sudo_set_commit_reveal_weights_enabled(netuid, False))


# Dividends of root


@tries("claim_root", "claim_root_with_hotkey")
async def claim_root(stage):
    """Dividends accrue to who stakes on root, and a claim makes stake of them."""
    dave, bob, netuid = stage.person("dave"), stage.person("bob"), stage.facts["netuid"]
    # Root is paid while subnets' moving prices sum to one: here they follow the prices at once, at whatever age.
    admin, traded = calls.AdminUtils, [stage.facts[name] for name in ("netuid", "other", "spare")]
    await stage.as_root(
        admin.sudo_set_subnet_moving_alpha({"bits": 1 << 32}),
        *(admin.sudo_set_ema_price_halving_period(netuid, 1) for netuid in traded))
    await stage.raw(calls.SubtensorModule.add_stake(hotkey=bob.hotkey, netuid=0, amount_staked=500 * TAO), dave)

    async def owed():
        return (await stage.read("root_basket_owed", coldkey_ss58=dave.coldkey)).rao

    async def worth():
        return (await stage.read("stake_value_for_coldkey", coldkey_ss58=dave.coldkey)).stake_value.rao

    # `btcli` stumbles over its own default for the list of subnets, which the claim does without.
    claims = (("claim_root", {"subnets": [0]}), ("claim_root_with_hotkey", {"hotkey_ss58": bob.hotkey}))
    for intent, arguments in claims:
        waiting = await stage.until(f"dividends on netuid {netuid}", owed, lambda rao: rao > TAO // 1_000)
        before = await worth()
        await stage.act(intent, dave, **arguments)
        gained = await worth() - before
        expect(gained > waiting // 2, f"{intent}: {waiting} rao were owed, stake grew by {gained}")


@tries("set_root_claim_threshold")
async def set_root_claim_threshold(stage):
    """`root_claim_threshold` shows what root set."""
    await stage.act("set_root_claim_threshold", stage.person("alice"), threshold="0.0007")
    found = (await stage.read("root_claim_threshold")).rao
    expect(abs(found - 700_000) <= 1, f"the threshold is {found} rao")
