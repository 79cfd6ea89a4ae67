"""Where Bittensor's tools are tried: a chain of its own, people with wallets, and the two clients that speak for them.

A `Stage` is one fresh chain. Nothing on it is special but its haste: blocks every quarter of a second, an epoch every
few seconds, and waiting times between changes switched off by root, so that effects can be read back at once.
"""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import bittensor
from bittensor import calls
from bittensor.intents import REGISTRY as INTENTS
from bittensor.sp_core import ss58_decode

from localnet import BINARY, free_ports

# Longest that anything a client does may take. A client that hangs is a failure like another, not the end of the check.
SECONDS_MAX = 90
CLOSING_SECONDS_MAX = 10
INTERVAL_MS = 250
TEMPO = 20
SUBNET_PRICE = 1_000_000_000_000
ALICE_SEED = "e5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a"
ALICE = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
TAO = 1_000_000_000
NURSERY = str(Path(__file__).with_name("btcli_nursery.py"))


class Failure(Exception):
    """Something is not as it should be, or a client said no."""


def expect(condition, message):
    """Fails with a message that says what was found."""
    if not condition:
        raise Failure(message)


def brief(error):
    """The first line of what an error says."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:300]


async def in_time(what, awaitable, seconds=SECONDS_MAX):
    """Awaits, but not forever."""
    try:
        return await asyncio.wait_for(awaitable, seconds)
    except asyncio.TimeoutError:
        raise Failure(f"{what}: no answer within {seconds} s") from None


class Person:
    """A coldkey and a hotkey in a wallet directory that both clients read."""

    def __init__(self, name, wallet):
        self.name = name
        self.wallet = wallet
        self.coldkey = wallet.coldkeypub.ss58_address
        self.hotkey = wallet.hotkey.ss58_address

    def public_key(self):
        return bytes(ss58_decode(self.coldkey))


class Node:
    """A chain of one authority in a directory."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.rpc = free_ports(2)
        self.process = None

    @property
    def endpoint(self):
        return f"ws://127.0.0.1:{self.rpc}"

    def start(self):
        state = {
            "chain_name": "Stoa Compatibility",
            "interval_ms": INTERVAL_MS,
            "sudo": ALICE,
            "balances": {ALICE: 10_000_000 * TAO},
            "tempo": TEMPO,
            "subnet_price": SUBNET_PRICE,
        }
        description = self.directory / "state.json"
        description.write_text(json.dumps(state))
        network = self.directory / "network"
        subprocess.run(
            [BINARY, "genesis", "new", "--authorities", "1", "--state", str(description), "--out", str(network)],
            check=True, stdout=subprocess.DEVNULL)
        log = open(self.directory / "node.log", "w")
        self.process = subprocess.Popen(
            [BINARY, "node", "--genesis", str(network / "genesis.json"), "--key", str(network / "authority-1.json"),
             "--base-path", str(self.directory / "node"), "--rpc", f"127.0.0.1:{self.rpc}",
             "--p2p", f"127.0.0.1:{self.rpc + 1}"],
            stdout=log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + SECONDS_MAX
        while not self.listens():
            expect(self.process.poll() is None, f"the node ended\n{self.last_words()}")
            expect(time.monotonic() < deadline, f"no JSON-RPC within {SECONDS_MAX} s\n{self.last_words()}")
            time.sleep(0.1)

    def listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.rpc)) == 0

    def last_words(self):
        return (self.directory / "node.log").read_text(errors="replace")[-3_000:]

    def stop(self):
        """Ends it as Ctrl-C would."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


async def rebuilt(submit):
    """Submits, and does as the SDK says when it has lost count of an account's transactions.

    After a shielded transaction, which is two, it remembers the number of the first, and says "Rebuild and resign".
    """
    outcome = await submit()
    if not outcome.success and "Rebuild and resign" in str(outcome.error or outcome.message):
        outcome = await submit()
    return outcome


class Sdk:
    """The Python package, called directly."""

    name = "SDK"
    # Questions under way at once: one, as an error may leave other answers on its connection unheard.
    abreast = 1

    async def open(self, stage):
        """Nothing has to be started."""

    async def close(self):
        """Nothing was started."""

    async def act(self, stage, intent, person, arguments, proxy_for=None):
        outcome = await rebuilt(lambda: stage.client.execute_tool(
            intent, arguments, person.wallet, proxy_for=proxy_for))
        if not outcome.success:
            raise Failure(brief(outcome.error or outcome.message))
        return outcome.data

    async def read(self, stage, name, arguments):
        return await stage.client.read(name, **arguments)


class Btcli:
    """The command, as a person would type it: a process for each, forked from one that has started already."""

    name = "btcli"
    # Questions under way at once: each has a process of its own.
    abreast = 4

    def __init__(self):
        self.nursery = None
        self.socket = None

    async def open(self, stage):
        self.socket = str(stage.directory / "btcli.sock")
        self.nursery = await asyncio.create_subprocess_exec(
            sys.executable, NURSERY, self.socket, str(SECONDS_MAX), env=stage.environment,
            stdin=asyncio.subprocess.DEVNULL, start_new_session=True)
        deadline = time.monotonic() + SECONDS_MAX
        while not Path(self.socket).exists():
            expect(self.nursery.returncode is None, "the nursery of btcli commands ended")
            expect(time.monotonic() < deadline, f"no nursery of btcli commands within {SECONDS_MAX} s")
            await asyncio.sleep(0.1)

    async def close(self):
        """Ends the nursery, and with it whatever command hangs."""
        if self.nursery and self.nursery.returncode is None:
            os.killpg(self.nursery.pid, signal.SIGKILL)
            await self.nursery.wait()

    async def act(self, stage, intent, person, arguments, proxy_for=None):
        words = ["tx", intent.replace("_", "-")]
        kinds = {field.name: str(field.type) for field in INTENTS[intent].__dataclass_fields__.values()}
        for name, value in arguments.items():
            words += option(name, value, kinds[name])
        if proxy_for:
            words += ["--proxy-for", proxy_for]
        answer = await self.run(stage, words, person)
        return answer.get("data") or {} if isinstance(answer, dict) else {}

    async def read(self, stage, name, arguments):
        words = ["query", name.replace("_", "-")]
        for key, value in arguments.items():
            if isinstance(value, list):
                words += [flag(key), ",".join(map(str, value))]
            else:
                words += option(key, value, "bool" if isinstance(value, bool) else "")
        return await self.run(stage, words, None)

    async def run(self, stage, words, person):
        """Runs one command, which is ended when it takes too long."""
        command = ["--json", "--yes", *(["--wallet", person.name] if person else []), *words]
        said = await in_time(f"btcli {' '.join(words[:2])}", self.ended(command), SECONDS_MAX + 5)
        if said["status"] == -signal.SIGKILL:
            raise Failure(f"btcli {' '.join(words[:2])}: no end within {SECONDS_MAX} s")
        answer = decoded(said["out"])
        if said["status"] != 0:
            refusal = complaint(answer) or complaint(decoded(said["error"]))
            raise Failure(refusal or brief((said["error"] or said["out"]).strip().rpartition("\n")[2]))
        return answer

    async def ended(self, command):
        """What is left of a command when it has ended: its status, and what it printed."""
        reader, writer = await asyncio.open_unix_connection(self.socket)
        try:
            writer.write(json.dumps(command).encode() + b"\n")
            return json.loads(await reader.read())
        finally:
            writer.close()


def flag(name):
    """The option that `btcli` makes of an argument's name."""
    return "--" + name.removesuffix("_ss58").replace("_ss58", "").replace("_", "-")


def option(name, value, kind):
    """An argument in the words of a command line."""
    if kind == "bool":
        return [flag(name)] if value else [f"--no-{flag(name)[2:]}"]
    return [flag(name), json.dumps(value) if isinstance(value, (list, dict)) else str(value)]


def decoded(text):
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def complaint(answer):
    """What a failed command's JSON says."""
    if not isinstance(answer, dict):
        return None
    error = answer.get("error")
    if isinstance(error, dict):
        error = error.get("message") or json.dumps(error)
    return brief(error or answer.get("message") or json.dumps(answer))


class Stage:
    """A fresh chain, those who act on it, and the client they act through."""

    def __init__(self, directory, client_kind):
        self.directory = Path(directory)
        self.kind = client_kind
        self.node = Node(directory)
        self.people = {}
        self.client = None
        # What one step leaves for later ones: netuids, uids, blocks.
        self.facts = {}

    @property
    def environment(self):
        """What `btcli` runs in: a home of its own, and this chain as its only network."""
        return {
            **os.environ,
            "HOME": str(self.directory),
            "COLUMNS": "160",
            "NO_COLOR": "1",
            "BT_NETWORK": self.node.endpoint,
            "BT_FALLBACK_ENDPOINTS": "none",
            "BT_ARCHIVE_ENDPOINTS": "none",
            "BT_WALLET_PATH": str(self.directory / "wallets"),
        }

    async def open(self):
        self.node.start()
        self.client = bittensor.Client(self.node.endpoint, fallback_endpoints=[], archive_endpoints=[])
        await in_time("connecting", self.client.connect())
        await self.kind.open(self)

    async def close(self):
        """Ends everything, also where the client does not come to an end by itself."""
        await self.kind.close()
        try:
            if self.client:
                await in_time("closing the client", self.client.close(), CLOSING_SECONDS_MAX)
        except Failure as failure:
            print(failure, file=sys.stderr, flush=True)
        finally:
            self.node.stop()

    def person(self, name):
        """The person of this name, with keys drawn when they first appear; `alice` is the development account."""
        if name not in self.people:
            wallet = bittensor.Wallet(name, path=str(self.directory / "wallets"))
            if name == "alice":
                wallet.regenerate_coldkey(seed=ALICE_SEED, use_password=False, suppress=True)
            else:
                wallet.create_new_coldkey(use_password=False, suppress=True)
            wallet.create_new_hotkey(suppress=True)
            self.people[name] = Person(name, wallet)
        return self.people[name]

    async def funded(self, *names, tao=2_000):
        """People who have so much TAO to begin with."""
        people = [self.person(name) for name in names]
        gifts = [
            await self.client.compose(calls.Balances.transfer_keep_alive(dest=person.coldkey, value=tao * TAO))
            for person in people
        ]
        await self.raw(calls.Utility.batch_all(calls=gifts), self.person("alice"))
        return people if len(people) > 1 else people[0]

    async def act(self, intent, person, proxy_for=None, **arguments):
        """Carries an intent out through the client under test, and returns what the client says about it."""
        doing = self.kind.act(self, intent, person, arguments, proxy_for)
        return await in_time(intent, doing, 2 * SECONDS_MAX)

    async def read(self, name, **arguments):
        """Reads through the SDK: how effects are checked, whoever caused them."""
        return await in_time(name, self.client.read(name, **arguments))

    async def query(self, pallet, item, *keys):
        return await in_time(item, self.client.query((pallet, item), list(keys)))

    async def raw(self, call, person, signer="coldkey"):
        """Submits a call that no intent makes."""
        submit = rebuilt(lambda: self.client.submit_call(call, person.wallet, signer=signer))
        outcome = await in_time(f"{call.module}.{call.function}", submit)
        if not outcome.success:
            raise Failure(brief(outcome.error or outcome.message))
        return outcome

    async def as_root(self, *wanted):
        """Calls that root makes, together or not at all."""
        composed = [await self.client.compose(call) for call in wanted]
        together = await self.client.compose(calls.Utility.batch_all(calls=composed))
        return await self.raw(calls.Sudo.sudo(call=together), self.person("alice"))

    async def until(self, what, read, wanted, seconds=SECONDS_MAX):
        """Reads at every new block until the value is as wanted."""
        deadline = time.monotonic() + seconds
        while True:
            value = await read()
            if wanted(value):
                return value
            expect(time.monotonic() < deadline, f"{what}: still {value!r} after {seconds} s")
            await in_time("a block", self.client.wait_for_block(timeout=SECONDS_MAX))

    async def block_reached(self, block):
        await self.until(f"block {block}", self.client.block, lambda height: height >= block)

    async def balance(self, person):
        """Free TAO in rao."""
        return (await self.read("balance", coldkey_ss58=getattr(person, "coldkey", person))).rao

    async def stake(self, person, hotkey, netuid):
        """A position in rao of its own currency."""
        return (await self.read("stake", coldkey_ss58=person.coldkey, hotkey_ss58=hotkey, netuid=netuid)).rao
