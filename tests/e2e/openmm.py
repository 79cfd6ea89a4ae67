"""A miner that folds with OpenMM earns: `examples/openmm-engine/engine.py`, as it is, behind `stoa miner --upstream`.

Starts a localnet of its own with the release binary, one authority, one validator and, of the other miners, the one that sends broken chemistry, buys a hotkey a
seat, and starts the miner as an operator would. Waits until the validator has come to the very energies that the miner claims,
and the chain pays for them; then has a chain folded through the gateway by this miner. Prints what was found; exits with 1 if
an answer is refused, or the miner earns nothing.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import bittensor
import httpx
from bittensor.keyfiles import Keypair

from localnet import BINARY, Market, check, kill, wait_for

ENGINE = Path(__file__).parents[2] / "examples" / "openmm-engine" / "engine.py"
NETUID = 1
KEY = "//stoa//openmm"
# The validator's probes: long enough for an interpreter to start and a molecule to move, and often enough for a short check.
PROBE_S, PROBE_INTERVAL_MS = 12, 4_000
# The miner that stays as company: the others take the processor, and find in a probe of seconds what takes OpenMM's interpreter minutes.
COMPANY = "cheat: broken"
PROBES_MIN, SECONDS_MAX = 3, 240
# Of a short probe on a busy machine the start of an interpreter may leave nothing.
VERIFIED_MIN, SHARE_MIN = 0.5, 0.5
CHAINS = ("GYDPETGTWG", "AAQAAAKAAG", "GEWTYDDATK", "KLVFFAEDVG", "GSNKGAIIGL", "YGGFLRRIRP")


def standing(market, hotkey):
    """What the validator thinks of the miner, once it thinks anything."""
    port = market.processes()[f"{label(market)}-validator-1"]["port"]
    try:
        miners = httpx.get(f"http://127.0.0.1:{port}/standings", timeout=5).json()["miners"]
    except (httpx.TransportError, ValueError):
        return None
    return next((miner for miner in miners if miner["hotkey"] == hotkey), None)


def label(market):
    validator = next(name for name, entry in market.processes().items() if entry["part"] == "validator")
    return validator.removesuffix("-validator-1")


def keep_company(market):
    """Ends all miners but one."""
    miners = [entry for entry in market.processes().values() if entry["part"].startswith("cheat") or "effort" in entry["part"]]
    check(COMPANY in [entry["part"] for entry in miners], f"there is a miner of {COMPANY}")
    for entry in miners:
        if entry["part"] != COMPANY:
            kill(entry["pid"])


def known_chains(market):
    """A folder of short chains, in each of which OpenMM finds something within a probe, with structures that a quick search found."""
    folder = Path(market.directory) / "known"
    folder.mkdir()
    for chain in CHAINS:
        found = folder / chain
        subprocess.run([BINARY, "fold", "search", chain, "--budget", "1", "--out", str(found)], capture_output=True, check=True)
        (found / "fold.pdb").rename(folder / f"{chain}.pdb")
        shutil.rmtree(found)
    return folder


def patient_validator(market):
    """The localnet's validator again, as its operator would have it: with longer probes of a folder's chains, and more of them."""
    entry = market.processes()[f"{label(market)}-validator-1"]
    words = entry["command"].split(" ") + ["--challenges", str(known_chains(market))]
    for option, value in (("--probe-budget-s", PROBE_S), ("--probe-interval-ms", PROBE_INTERVAL_MS)):
        check(option in words, f"the validator has {option}")
        words[words.index(option) + 1] = str(value)
    kill(entry["pid"])
    wait_for("the validator being away", lambda: not is_well(entry["port"]), 10)
    revived = market.revive({"command": " ".join(words)})
    wait_for("the validator being back", lambda: is_well(entry["port"], revived), 30)
    return revived


def is_well(port, process=None):
    if process and process.poll() is not None:
        check(False, f"it goes on ({process.poll()})")
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health", timeout=2).status_code == 200
    except httpx.TransportError:
        return False


def open_stall(market, chain):
    """Buys the hotkey a seat and starts the miner."""
    alice = Keypair.create_from_uri("//Alice")
    keys = SimpleNamespace(coldkey=alice, coldkeypub=alice, hotkey=Keypair.create_from_uri(KEY))
    wait_for("a seat", lambda: chain.execute(bittensor.BurnedRegister(netuid=NETUID), keys).success, 30)
    port = market.rpc + 15
    with open(market.directory / "openmm-miner.log", "w") as log:
        miner = subprocess.Popen(
            [BINARY, "miner", "--node", f"ws://127.0.0.1:{market.rpc}", "--netuid", str(NETUID), "--hotkey", KEY,
             "--listen", f"127.0.0.1:{port}", "--upstream", f"{sys.executable} {ENGINE}"], stdout=log, stderr=log)
    wait_for("the miner serving", lambda: is_well(port, miner), 30)
    return miner, keys.hotkey.ss58_address


def share(chain, hotkey):
    neurons = chain.subnets.metagraph(NETUID).neurons
    total = sum(neuron.incentive for neuron in neurons)
    own = next((neuron for neuron in neurons if neuron.hotkey == hotkey), None)
    return own.incentive / total if total and own else 0


def check_paid(market, chain, hotkey):
    began, last = time.monotonic(), {}

    def is_paid():
        last.update(standing=standing(market, hotkey), share=share(chain, hotkey))
        known = last["standing"]
        return known and known["verified"] >= PROBES_MIN and last["share"] >= SHARE_MIN
    try:
        wait_for("verified answers, and pay for them", is_paid, SECONDS_MAX)
    finally:
        print(f"     after {time.monotonic() - began:.0f} s: {last}", flush=True)
    known = last["standing"]
    believed = known["verified"] / known["probes"]
    check(believed >= VERIFIED_MIN, f"{known['verified']} of {known['probes']} answers hold: the validator comes to their energies")
    check(known["quality"] > 0, f"they are lower than what the validator finds by itself: quality {known['quality']:.2f}")
    check(True, f"it holds {last['share']:.1%} of the miners' incentive")


def check_customer(market, hotkey):
    """A fold by this miner, through the gateway: its energy is that of its file, to the last bit."""
    folds = f"http://127.0.0.1:{market.gateway}/v1/folds"

    def ended(job):
        now = httpx.get(f"{folds}/{job['id']}", timeout=10).json()
        return now if now["status"] not in ("waiting", "working") else None

    def by_openmm():
        """Many at once, so that the gateway asks all of its miners."""
        jobs = [httpx.post(folds, json={"sequence": sequence, "budget_s": 4}, timeout=10).json() for sequence in CHAINS]
        done = [wait_for(f"{job['id']} being done", lambda: ended(job), 60) for job in jobs]
        return next((one for one in done if one["status"] == "done" and one["miner"] == hotkey), None)
    done = wait_for("a fold by this miner", by_openmm, 60)
    structure = Path(market.directory) / "openmm.cif"
    structure.write_bytes(httpx.get(f"{folds}/{done['id']}/structure.cif", timeout=10).content)
    printed = subprocess.run([BINARY, "fold", "energy", str(structure), "--json"], capture_output=True, text=True, check=True)
    total = json.loads(printed.stdout)["total"]
    check(total == done["energy"], f"a customer's {done['sequence']} has the energy it is said to have: {total:.4f} kcal/mol")


def main():
    market = Market(tempfile.mkdtemp(prefix="stoa-openmm-"), "--task", "protein-folding", "--validators", "1", "--authorities", "1")
    processes = []
    try:
        print(f"     ready after {market.start():.1f} s, OpenMM {version('openmm')}", flush=True)
        chain = bittensor.Subtensor(f"ws://127.0.0.1:{market.rpc}")
        keep_company(market)
        processes.append(patient_validator(market))
        miner, hotkey = open_stall(market, chain)
        processes.append(miner)
        check_paid(market, chain, hotkey)
        check_customer(market, hotkey)
        check(miner.poll() is None, "the miner goes on")
        check(market.stop() == 0, "Ctrl-C ends all of it")
    finally:
        for process in processes:
            process.kill()
            process.wait()
        market.end()


main()
