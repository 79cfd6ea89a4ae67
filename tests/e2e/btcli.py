"""Walks `btcli` from PyPI through what a newcomer does, against a running network.

Every effect is read back with the SDK of the same package, which finds storage, calls and runtime APIs in the node's
metadata: so the walk fails when a name, a type or a rule is not what Bittensor's own tools expect. It opens a subnet of
its own, so that it neither needs nor disturbs the ones that exist.

    STOA_WS=ws://127.0.0.1:9944 python tests/e2e/btcli.py

Needs `//Alice` funded and in charge, as on a development network.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import bittensor
from bittensor import storage

ENDPOINT = os.environ.get("STOA_WS", "ws://127.0.0.1:9944")
BTCLI = str(Path(sys.executable).parent / "btcli")
ALICE_SEED = "e5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a"
ALICE = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
COMMAND_SECONDS_MAX = 60
IMMUNITY_PERIOD = 300


class Failure(Exception):
    """A step did not do what it should."""


class Walk:
    """Runs commands with a wallet directory of its own, and says what each step found."""

    def __init__(self, directory):
        self.wallets = Path(directory) / "wallets"
        self.environment = {
            **os.environ,
            "HOME": directory,
            "COLUMNS": "160",
            "NO_COLOR": "1",
            "BT_NETWORK": ENDPOINT,
            "BT_FALLBACK_ENDPOINTS": "none",
            "BT_ARCHIVE_ENDPOINTS": "none",
            "BT_WALLET_PATH": str(self.wallets),
        }
        self.steps = 0

    def btcli(self, *arguments, wallet=None):
        """Runs one command and returns its answer, decoded when it is JSON."""
        words = [BTCLI, "--json", "--yes"]
        if wallet:
            words += ["--wallet", wallet]
        words += arguments
        command = " ".join(["btcli", *arguments])
        try:
            done = subprocess.run(
                words,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=COMMAND_SECONDS_MAX,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Failure(f"{command}: no end within {COMMAND_SECONDS_MAX} s") from None
        if done.returncode != 0:
            raise Failure(f"{command}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        try:
            return json.loads(done.stdout)
        except json.JSONDecodeError:
            return done.stdout

    def step(self, what, found):
        """Says that a step is done and what was read back."""
        self.steps += 1
        print(f"btcli {self.steps:2}  {what}: {found}", flush=True)


def expect(condition, message):
    """Fails the walk with a message that says what was found."""
    if not condition:
        raise Failure(message)


async def eventually(client, read, wanted, seconds, what):
    """Reads at every new block until the value is as wanted."""
    deadline = time.monotonic() + seconds
    while True:
        value = await read()
        if wanted(value):
            return value
        if time.monotonic() > deadline:
            raise Failure(f"{what}: still {value!r} after {seconds} s")
        await client.wait_for_block(timeout=COMMAND_SECONDS_MAX)


def address(walk, wallet, key):
    """The SS58 address of a wallet's `coldkeypub.txt` or of one of its hotkeys."""
    path = walk.wallets / wallet / key
    return json.loads(path.read_text())["ss58Address"]


async def look_around(walk, client):
    """Subnets that exist are listed, shown, and have a metagraph."""
    subnets = walk.btcli("subnets", "list")
    netuids = [subnet["netuid"] for subnet in rows(subnets)]
    expected = [info.netuid for info in await client.read("subnets")]
    expect(sorted(netuids) == expected, f"listed {netuids}, but there are {expected}")
    walk.step("subnets list", f"netuids {sorted(netuids)}")
    return netuids


def rows(answer):
    """The records of a listing, whatever it is wrapped in."""
    if isinstance(answer, list):
        return answer
    for value in answer.values():
        if isinstance(value, list):
            return value
    raise Failure(f"no records in {answer!r}")


async def make_wallets(walk, client):
    """A new wallet for the newcomer, and Alice's from her well-known seed."""
    walk.btcli("wallet", "create", "--no-password", wallet="newcomer")
    coldkey = address(walk, "newcomer", "coldkeypub.txt")
    hotkey = address(walk, "newcomer", "hotkeys/default")
    walk.step("wallet create", f"coldkey {coldkey}, hotkey {hotkey}")
    walk.btcli(
        "wallet", "regen-coldkey", "--seed", ALICE_SEED, "--no-password", wallet="alice"
    )
    walk.btcli("wallet", "new-hotkey", wallet="alice")
    expect(address(walk, "alice", "coldkeypub.txt") == ALICE, "the seed is not Alice's")
    balance = await client.balances.get(coldkey)
    expect(balance.rao == 0, f"the new coldkey already holds {balance}")
    walk.step("wallet regen-coldkey", f"alice {ALICE}")
    return coldkey, hotkey


async def transfer(walk, client, coldkey):
    """Alice's TAO arrives to the rao, and she pays a fee."""
    before = await client.balances.get(ALICE)
    walk.btcli("wallet", "transfer", "--dest", coldkey, "--amount", "1000.5", wallet="alice")
    received = await client.balances.get(coldkey)
    expect(received.rao == 1_000_500_000_000, f"received {received} instead of 1000.5 TAO")
    fee = before.rao - (await client.balances.get(ALICE)).rao - received.rao
    expect(0 < fee < 10_000_000, f"a fee of {fee} rao")
    shown = json.dumps(walk.btcli("wallet", "balance", wallet="newcomer"))
    expect("1000.5" in shown, f"wallet balance shows {shown}")
    walk.step("wallet transfer, balance", f"{received}, fee {fee} rao")


async def open_subnet(walk, client, netuids):
    """A subnet costs what was quoted."""
    cost = await client.read("subnet_registration_cost")
    before = await client.balances.get(ALICE)
    walk.btcli("subnets", "create", wallet="alice")
    existing = [info.netuid for info in await client.read("subnets")]
    created = [netuid for netuid in existing if netuid not in netuids]
    expect(len(created) == 1, f"subnets were {netuids} and are {existing}")
    netuid = created[0]
    paid = before.rao - (await client.balances.get(ALICE)).rao
    expect(0.9 * cost.rao < paid < 1.1 * cost.rao + 10_000_000, f"paid {paid}, quoted {cost}")
    walk.step("subnets create", f"netuid {netuid} for {paid / 1e9:.4f} TAO")
    return netuid


async def start_subnet(walk, client, netuid):
    """The owner starts the subnet as soon as the delay allows, and sets a hyperparameter."""
    schedule = await client.read("subnet_start_schedule", netuid=netuid)
    start = schedule["earliest_start_block"]
    await eventually(client, client.block, lambda block: block >= start, 120, f"block {start}")
    walk.btcli("sudo", "start", "--netuid", str(netuid), wallet="alice")
    walk.btcli(
        "sudo", "set", "--netuid", str(netuid), "--name", "immunity_period",
        "--value", str(IMMUNITY_PERIOD), wallet="alice",
    )
    hyperparameters = await client.read("subnet_hyperparameters", netuid=netuid)
    found = {name: hyperparameters[name] for name in ("subnet_is_active", "immunity_period")}
    expect(list(found.values()) == [True, IMMUNITY_PERIOD], f"hyperparameters {found}")
    walk.step("sudo start, set", found)


async def register(walk, client, netuid, coldkey, hotkey):
    """A seat costs its burn and is the next free uid."""
    burn = await client.read("burn", netuid=netuid)
    before = await client.balances.get(coldkey)
    seats = len((await client.read("metagraph", netuid=netuid))["hotkeys"])
    walk.btcli("subnets", "register", "--netuid", str(netuid), wallet="newcomer")
    uid = await client.read("uid", hotkey_ss58=hotkey, netuid=netuid)
    expect(uid == seats, f"uid {uid} in a subnet of {seats}")
    paid = before.rao - (await client.balances.get(coldkey)).rao
    expect(0 < paid <= burn.rao + 10_000_000, f"paid {paid} rao for a burn of {burn}")
    walk.step("subnets register", f"uid {uid} for {paid / 1e9:.6f} TAO")
    return uid


async def stake_and_unstake(walk, client, netuid, coldkey, hotkey):
    """Staking brings what was quoted, and half of it comes out again."""

    async def staked():
        return await client.read(
            "stake", coldkey_ss58=coldkey, hotkey_ss58=hotkey, netuid=netuid
        )

    quote = await client.read("quote_stake", netuid=netuid, amount_tao=10)
    before = await staked()
    walk.btcli(
        "stake", "add", "--netuid", str(netuid), "--amount", "10", "--rate-tolerance", "0.5",
        wallet="newcomer",
    )
    bought = (await staked()).rao - before.rao
    expect(
        abs(bought - quote.alpha.rao) <= quote.alpha.rao // 20,
        f"staked {bought}, quoted {quote.alpha.rao}",
    )
    walk.step("stake add", f"10 TAO bought {bought / 1e9:.6f} alpha, quoted {quote.alpha.rao / 1e9:.6f}")

    half = bought // 2
    back = await client.read("quote_unstake", netuid=netuid, amount_alpha=half / 1e9)
    free = await client.balances.get(coldkey)
    held = await staked()
    walk.btcli(
        "stake", "remove", "--netuid", str(netuid), "--amount", f"{half / 1e9:.9f}",
        "--rate-tolerance", "0.5", wallet="newcomer",
    )
    left = await staked()
    expect(held.rao - left.rao >= half * 9 // 10, f"{left} left of {held}")
    gained = (await client.balances.get(coldkey)).rao - free.rao
    expect(
        abs(gained - back.tao.rao) <= back.tao.rao // 20 + 10_000_000,
        f"gained {gained} rao, quoted {back.tao.rao}",
    )
    shown = json.dumps(walk.btcli("stake", "list", wallet="newcomer"))
    expect(hotkey in shown, f"stake list does not show {hotkey}: {shown}")
    walk.step("stake remove, list", f"{half / 1e9:.6f} alpha sold for {gained / 1e9:.6f} TAO")


async def set_weights(walk, client, netuid, uid, hotkey):
    """With a permit, and not too soon, weights are set and stand on chain in the proportion given."""

    async def rested():
        return await client.read("blocks_since_last_update", netuid=netuid, uid=uid)


    async def permitted():
        graph = await client.read("metagraph", netuid=netuid)
        return graph["validator_permit"][uid]

    tempo = (await client.read("subnet", netuid=netuid)).tempo
    seconds = 2 * (tempo + 10) * await client.block_time()
    await eventually(client, permitted, bool, seconds, f"a validator permit for uid {uid}")
    rest = await client.read("weights_rate_limit", netuid=netuid)
    seconds = 2 * rest * await client.block_time()
    await eventually(client, rested, lambda blocks: blocks > rest, seconds, "the rate limit")
    walk.btcli(
        "weights", "set", "--netuid", str(netuid), "--uids", "0,1", "--weights", "0.25,0.75",
        wallet="newcomer",
    )
    rows = await client.read("weights", netuid=netuid)
    row = dict(rows[uid])
    expect(set(row) == {0, 1}, f"weights {row}")
    share = row[1] / (row[0] + row[1])
    expect(abs(share - 0.75) < 0.001, f"weights {row} instead of 1 : 3")
    graph = await client.read("metagraph", netuid=netuid)
    expect(graph["last_update"][uid] > 0, "the metagraph shows no update")
    walk.step("weights set", row)


async def show(walk, client, netuid, coldkey, hotkey, uid):
    """`subnets show`, `subnets metagraph` and `wallet overview` show what the chain holds."""
    shown = walk.btcli("subnets", "show", str(netuid))
    expect(shown["owner_coldkey"] == ALICE, f"the owner is {shown['owner_coldkey']}")
    expect(shown["neurons"] == uid + 1, f"{shown['neurons']} neurons, the last is uid {uid}")
    walk.step("subnets show", f"{shown['neurons']} neurons, tempo {shown['tempo']}")
    graph = walk.btcli("subnets", "metagraph", str(netuid))
    chain = await client.query(storage.SubtensorModule.Keys, [netuid, uid])
    expect(graph["hotkeys"][uid] == hotkey == chain, f"uid {uid} is {graph['hotkeys'][uid]}")
    expect(graph["coldkeys"][uid] == coldkey, f"its coldkey is {graph['coldkeys'][uid]}")
    walk.step("subnets metagraph", f"{len(graph['hotkeys'])} uids, price {price(graph):.6f}")
    overview = json.dumps(walk.btcli("wallet", "overview", wallet="newcomer"))
    expect(hotkey in overview, f"wallet overview does not show {hotkey}: {overview}")
    walk.step("wallet overview", "shows the hotkey's stake")


def price(graph):
    """TAO per alpha in a metagraph's pool."""
    return graph["tao_in"] / graph["alpha_in"]


async def walk_through(directory):
    walk = Walk(directory)
    async with bittensor.Client(ENDPOINT, fallback_endpoints=[], archive_endpoints=[]) as client:
        netuids = await look_around(walk, client)
        coldkey, hotkey = await make_wallets(walk, client)
        await transfer(walk, client, coldkey)
        netuid = await open_subnet(walk, client, netuids)
        await start_subnet(walk, client, netuid)
        uid = await register(walk, client, netuid, coldkey, hotkey)
        await stake_and_unstake(walk, client, netuid, coldkey, hotkey)
        await set_weights(walk, client, netuid, uid, hotkey)
        await show(walk, client, netuid, coldkey, hotkey, uid)
    print(f"btcli: {walk.steps} steps hold", flush=True)


def main():
    with tempfile.TemporaryDirectory(prefix="stoa-btcli-") as directory:
        try:
            asyncio.run(walk_through(directory))
        except Failure as failure:
            print(f"btcli: {failure}", file=sys.stderr)
            sys.exit(1)


if __name__ == "__main__":
    main()
