"""The market over time, seen from outside: who is paid, and what survives `kill -9`.

Starts a localnet of its own with the release binary, reads the chain with the `bittensor` package and asks the gateway
with the `openai` package, both unmodified. Prints a line per check; exits with 1 at the first that does not hold.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import bittensor
import openai

BINARY = os.environ["STOA_BINARY"]
NETUID = 1
EPOCHS = 5


def check(holds, what):
    print(f"{'ok  ' if holds else 'FAIL'} {what}", flush=True)
    if not holds:
        sys.exit(1)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Market:
    """A localnet in a directory, started and ended as a person would."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.rpc, self.gateway = free_port(), free_port()
        self.p2p, self.service = free_port(), free_port()
        self.process = None

    def start(self):
        """Starts it and returns the seconds until its table is ready."""
        began = time.monotonic()
        self.process = subprocess.Popen(
            [BINARY, "localnet", "--data-dir", str(self.directory),
             "--rpc-port", str(self.rpc), "--gateway-port", str(self.gateway),
             "--p2p-port", str(self.p2p), "--service-port", str(self.service)],
            stdout=subprocess.PIPE, stderr=open(self.directory / "localnet.log", "a"), text=True)
        for line in self.process.stdout:
            if "ready" in line:
                # Keeps the pipe drained from here on.
                subprocess.Popen(["cat"], stdin=self.process.stdout, stdout=subprocess.DEVNULL)
                return time.monotonic() - began
        check(False, f"the localnet became ready; see {self.directory}/localnet.log")

    def processes(self):
        return {entry["name"]: entry for entry in json.loads((self.directory / "processes.json").read_text())}

    def chain(self):
        return bittensor.Subtensor(f"ws://127.0.0.1:{self.rpc}")

    def client(self):
        return openai.OpenAI(base_url=f"http://127.0.0.1:{self.gateway}/v1", api_key="any", max_retries=0, timeout=60)

    def kill_everything(self):
        for entry in self.processes().values():
            kill(entry["pid"])
        self.process.kill()
        self.process.wait()


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def wait_for(what, condition, seconds):
    """Polls `condition` until it gives a value, and fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.5)
    check(False, f"{what} within {seconds} s")


def ask(client, **more):
    return client.chat.completions.with_raw_response.create(
        model=client.models.list().data[0].id, max_tokens=16,
        messages=[{"role": "user", "content": "Speak of love."}], **more)


def incentives(market):
    """Each miner's share of the miners' incentive, by the localnet's name for it."""
    with_hotkey = {e["hotkey"]: name for name, e in market.processes().items() if e.get("hotkey")}
    graph = market.chain().subnets.metagraph(NETUID)
    shares = {with_hotkey[n.hotkey]: n.incentive for n in graph.neurons if n.hotkey in with_hotkey}
    miners = {name: share for name, share in shares.items() if name.startswith("miner")}
    total = sum(miners.values())
    return {name: share / total for name, share in miners.items()} if total else {}


def genesis(market):
    """The chain's identity, asked of the node itself: the package reads no hash by number."""
    question = {"jsonrpc": "2.0", "id": 1, "method": "chain_getBlockHash", "params": [0]}
    request = urllib.request.Request(
        f"http://127.0.0.1:{market.rpc}", json.dumps(question).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)["result"]


def height(market):
    return market.chain().block


def main():
    directory = tempfile.mkdtemp(prefix="stoa-market-")
    market = Market(directory)
    print(f"     ready after {market.start():.1f} s")
    client = market.client()
    check(ask(client).parse().choices[0].message.content, "the gateway answers")

    tempo = market.chain().query(bittensor.storage.SubtensorModule.Tempo, [NETUID])
    goal = height(market) + (EPOCHS + 1) * (tempo + 1)
    wait_for(f"{EPOCHS} epochs", lambda: height(market) >= goal, 300)
    shares = incentives(market)
    print("     incentive:", ", ".join(f"{name} {share:.2%}" for name, share in sorted(shares.items())))
    villains = {"miner-3", "miner-4"}
    check(sum(shares[name] for name in villains) < 0.02, "the dishonest miners together hold under 2 %")
    check(sum(share for name, share in shares.items() if name not in villains) > 0.95, "the honest ones hold over 95 %")

    victim = ask(client).headers["x-stoa-miner"]
    name = next(n for n, e in market.processes().items() if e.get("hotkey") == victim)
    kill(market.processes()[name]["pid"])
    answer = ask(client)
    check(answer.headers["x-stoa-miner"] != victim, f"with {name} killed, the next request is answered by another")

    before = height(market)
    authority = market.processes()["authority-4"]
    kill(authority["pid"])
    wait_for("ten more blocks with one authority dead", lambda: height(market) >= before + 10, 60)
    check(True, "blocks go on without authority-4")
    revived = subprocess.Popen(authority["command"], shell=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    port = authority["port"]
    own = lambda: bittensor.Subtensor(f"ws://127.0.0.1:{port}").block
    def caught_up():
        try:
            return own() >= height(market) - 4
        except Exception:
            return False
    wait_for("authority-4 catching up", caught_up, 60)
    check(True, "authority-4, restarted, has caught up")

    chain, identity = market.chain(), genesis(market)
    owner = next(e["coldkey"] for e in market.processes().values() if e.get("coldkey"))
    marked = height(market)
    kept = str(chain.balances.get(owner))
    kill(revived.pid)
    subprocess.run(["pkill", "-9", "-f", directory], check=False)
    market.kill_everything()
    print(f"     ready again after {market.start():.1f} s")
    chain = market.chain()
    check(height(market) >= marked - 4, "the same chain goes on")
    check(genesis(market) == identity, f"from the same genesis {identity}")
    check(str(chain.balances.get(owner)) == kept, f"the balance of {owner} is kept: {kept}")
    wait_for("an answer from the resumed market", lambda: answers(market.client()), 60)
    check(True, "the market answers again")

    market.process.send_signal(signal.SIGINT)
    check(market.process.wait(timeout=30) == 0, "Ctrl-C ends all of it")


def answers(client):
    try:
        return ask(client).parse().choices[0].message.content
    except openai.APIError:
        return None


main()
