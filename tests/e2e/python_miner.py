"""A miner in another language earns: `examples/python-miner/miner.py`, as it is, on a subnet of tours.

Starts a localnet of its own with the release binary, makes a wallet with the `bittensor` package, buys the hotkey a seat,
starts the miner, and waits until the chain has paid it. Prints its share; exits with 1 if it earns nothing.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import bittensor
from bittensor.keyfiles import Keypair

from localnet import Market, check

MINER = Path(__file__).parents[2] / "examples" / "python-miner" / "miner.py"
NETUID = 1
SECONDS_MAX = 300
SHARE_MIN = 0.1


def lines_of_code():
    return len(MINER.read_text().splitlines())


def new_wallet(home):
    """A wallet where the miner looks for one, with a coldkey that Alice pays into."""
    wallet = bittensor.Wallet("me", "tours", path=str(home / ".bittensor" / "wallets"))
    wallet.create_new_coldkey(use_password=False, suppress=True)
    wallet.create_new_hotkey(use_password=False, suppress=True)
    return wallet


def take_a_seat(chain, wallet):
    alice = Keypair.create_from_uri("//Alice")
    rich = SimpleNamespace(coldkey=alice, coldkeypub=alice, hotkey=alice)
    paid = chain.execute(bittensor.Transfer(dest_ss58=wallet.coldkeypub.ss58_address, amount_tao=100), rich)
    check(paid.success, f"the coldkey has some TAO {paid.message}")
    seated = chain.execute(bittensor.BurnedRegister(netuid=NETUID), wallet)
    check(seated.success, f"the hotkey has bought a seat {seated.message}")


def seat(chain, hotkey):
    neurons = chain.subnets.metagraph(NETUID).neurons
    return next((neuron for neuron in neurons if neuron.hotkey == hotkey), None), neurons


def earned(chain, hotkey, miner):
    """Looks at every new block until the miner holds incentive."""
    deadline = time.monotonic() + SECONDS_MAX
    while time.monotonic() < deadline:
        if miner.poll() is not None:
            break
        own, neurons = seat(chain, hotkey)
        total = sum(neuron.incentive for neuron in neurons)
        if total and own and own.incentive / total >= SHARE_MIN and own.alpha_stake.rao > 0:
            return own, own.incentive / total
        chain.wait_for_block(chain.block + 1)
    own, neurons = seat(chain, hotkey)
    check(False, f"the miner goes on ({miner.poll()}) and earns within {SECONDS_MAX} s; its seat is {own}, "
                 f"all incentives are {[neuron.incentive for neuron in neurons]}")


def main():
    directory = Path(tempfile.mkdtemp(prefix="stoa-python-miner-"))
    market, miner = Market(str(directory), "--task", "tour"), None
    try:
        print(f"     ready after {market.start():.1f} s", flush=True)
        check(lines_of_code() < 120, f"the miner has {lines_of_code()} lines")
        node = f"ws://127.0.0.1:{market.rpc}"
        wallet, chain = new_wallet(directory), bittensor.Subtensor(node)
        take_a_seat(chain, wallet)
        with open(directory / "python-miner.log", "w") as log:
            miner = subprocess.Popen(
                [sys.executable, str(MINER), "me/tours", str(NETUID), str(market.rpc + 15), node],
                env={**os.environ, "HOME": str(directory)}, stdout=log, stderr=log)
        hotkey = wallet.hotkey.ss58_address
        began = time.monotonic()
        own, share = earned(chain, hotkey, miner)
        check(own.axon == f"127.0.0.1:{market.rpc + 15}", f"its address is on chain: {own.axon}")
        check(True, f"after {time.monotonic() - began:.0f} s uid {own.uid} holds {share:.1%} of the miners' incentive "
                    f"and has earned {own.alpha_stake}")
        check(market.stop() == 0, "Ctrl-C ends all of it")
    finally:
        if miner:
            miner.kill()
            miner.wait()
        market.end()


main()
