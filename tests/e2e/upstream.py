"""Miners behind a real llama.cpp server: one with the model as it is earns, one with it in four bits does not.

Starts a localnet of its own with the release binary, converts the shipped model for llama.cpp, and adds two miners with
`--upstream`. They draw by llama.cpp's dice, so validators go by the log-probabilities that it reports. Prints what the
validator found; exits with 1 if the honest miner is not believed, or the other is.
"""

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import bittensor
from bittensor.keyfiles import Keypair

import llama_cpp
from localnet import BINARY, Market, check, wait_for

MODEL = Path(__file__).parents[2] / "models" / "stoa-shakespeare"
SERVER = Path(llama_cpp.__file__)
NETUID = 1
SECONDS_MAX = 300
# Answers of both after which the honest one must be believed; a miner that nothing is known of has a quality of a half.
PROBES_MIN = 12
QUALITY_MIN, VERIFIED_MIN, SHARE_MIN = 0.6, 0.9, 0.05
CHEAT_SHARE_MAX = 0.02
PROMPTS = ["To be, or not", "ROMEO:\nO love! O", "First Citizen:\nWe are", "The story of the sea begins", "KING RICHARD:\nMy lord"]


def http(url, body=None):
    """The JSON at an address, and the answer's headers."""
    data = body and json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer), answer.headers


class Stall:
    """A llama.cpp server and the miner in front of it."""

    def __init__(self, market, name, four_bit, number):
        self.name, self.directory = name, market.directory
        self.port, self.listen = market.rpc + 12 + number, market.rpc + 15 + number
        self.key = f"//stoa//{name}"
        self.hotkey = Keypair.create_from_uri(self.key).ss58_address
        self.file = str(self.directory / f"{name}.gguf")
        llama_cpp.convert(MODEL, self.file, four_bit)
        self.processes = [self.start([sys.executable, str(SERVER), self.file, str(self.port)], "server")]
        wait_for(f"llama.cpp with {name}", self.is_served, 60)

    def start(self, command, part):
        with open(self.directory / f"{self.name}-{part}.log", "w") as log:
            return subprocess.Popen(command, stdout=log, stderr=log)

    def is_served(self):
        try:
            return http(f"http://127.0.0.1:{self.port}/health")[0]
        except OSError:
            return None

    def greedy(self, prompt):
        ask = {"prompt": prompt, "max_tokens": 48, "temperature": 0}
        return http(f"http://127.0.0.1:{self.port}/v1/completions", ask)[0]["choices"][0]["text"]

    def open(self, market, chain):
        """Buys the hotkey a seat and starts the miner."""
        alice = Keypair.create_from_uri("//Alice")
        keys = SimpleNamespace(coldkey=alice, coldkeypub=alice, hotkey=Keypair.create_from_uri(self.key))
        # Until Alice's last purchase is final, her next one has a number that is taken.
        wait_for(f"a seat for {self.name}", lambda: chain.execute(
            bittensor.BurnedRegister(netuid=NETUID), keys).success, 30)
        self.processes.append(self.start(
            [BINARY, "miner", "--node", f"ws://127.0.0.1:{market.rpc}", "--netuid", str(NETUID), "--hotkey", self.key,
             "--listen", f"127.0.0.1:{self.listen}", "--model-name", MODEL.name,
             "--upstream", f"http://127.0.0.1:{self.port}/v1"], "miner"))

    def end(self):
        for process in self.processes:
            process.kill()
            process.wait()


def check_greedy(market, stall):
    """Both engines find the same likeliest words: the conversion is right."""
    honest = {e["hotkey"] for e in market.processes().values() if e["part"] in ("fast", "slow")}

    def by_stoa(prompt):
        ask = {"model": MODEL.name, "prompt": prompt, "max_tokens": 48, "temperature": 0}
        body, headers = http(f"http://127.0.0.1:{market.gateway}/v1/completions", ask)
        return headers["x-stoa-miner"] in honest and body["choices"][0]["text"]
    same = [wait_for("an honest miner's answer", lambda: by_stoa(prompt), 60) == stall.greedy(prompt)
            for prompt in PROMPTS]
    check(all(same), f"llama.cpp and Stoa write the same at temperature zero: {sum(same)} of {len(same)} prompts")


def standings(market):
    """What the validator thinks of each hotkey."""
    port = next(e["port"] for e in market.processes().values() if e["part"] == "validator")
    return {miner["hotkey"]: miner for miner in http(f"http://127.0.0.1:{port}/standings")[0]["miners"]}


def shares(chain):
    """Each hotkey's share of the miners' incentive, from the chain."""
    neurons = chain.subnets.metagraph(NETUID).neurons
    total = sum(neuron.incentive for neuron in neurons)
    return {neuron.hotkey: neuron.incentive / total for neuron in neurons} if total else {}


def report(market, stalls, found, paid):
    names = {e["hotkey"]: name for name, e in market.processes().items() if e.get("hotkey")}
    names.update({stall.hotkey: stall.name for stall in stalls})
    print(f"     {'miner':<16} {'verified':>10} {'quality':>8} {'tokens/s':>9} {'share':>7}  last answer")
    for hotkey, miner in found.items():
        last = (miner["last"] or {}).get("reason", "")
        print(f"     {names.get(hotkey, hotkey[:8]):<16} {miner['verified']:>4} of {miner['probes']:>3} {miner['quality']:>8.3f} "
              f"{miner['per_second'] or 0:>9.0f} {paid.get(hotkey, 0):>7.1%}  {last}", flush=True)


def judged(market, chain, stalls):
    """What is thought of all, once both have been asked enough and the honest one is believed and paid."""
    (honest, cheat), found, paid = [stall.hotkey for stall in stalls], {}, {}

    def is_known():
        found.update(standings(market))
        paid.update(shares(chain))
        asked = all(hotkey in found and found[hotkey]["probes"] >= PROBES_MIN for hotkey in (honest, cheat))
        return asked and found[honest]["quality"] >= QUALITY_MIN and paid.get(honest, 0) >= SHARE_MIN
    try:
        wait_for("belief in the honest one, and pay", is_known, SECONDS_MAX)
    finally:
        report(market, stalls, found, paid)
    return found, paid


def main():
    market, stalls = Market(tempfile.mkdtemp(prefix="stoa-upstream-"), "--task", "text-generation", "--validators", "1"), []
    try:
        print(f"     ready after {market.start():.1f} s", flush=True)
        chain = bittensor.Subtensor(f"ws://127.0.0.1:{market.rpc}")
        for number, (name, four_bit) in enumerate([("llama-cpp", False), ("llama-cpp-4bit", True)]):
            stalls.append(Stall(market, name, four_bit, number))
        check_greedy(market, stalls[0])
        began = time.monotonic()
        for stall in stalls:
            stall.open(market, chain)
        honest, cheat = (stall.hotkey for stall in stalls)
        found, paid = judged(market, chain, stalls)
        print(f"     judged after {time.monotonic() - began:.0f} s", flush=True)
        believed = found[honest]["verified"] / found[honest]["probes"]
        check(believed >= VERIFIED_MIN, f"of the miner behind llama.cpp {believed:.1%} of answers are verified")
        check(True, f"it has a quality of {found[honest]['quality']:.2f} and holds {paid[honest]:.1%} of the miners' incentive")
        check(found[cheat]["quality"] == 0, f"the four-bit one is caught: {found[cheat]['last']['reason']}")
        check(paid.get(cheat, 0) < CHEAT_SHARE_MAX, f"and holds {paid.get(cheat, 0):.1%}")
        check(market.stop() == 0, "Ctrl-C ends all of it")
    finally:
        for stall in stalls:
            stall.end()
        market.end()


main()
