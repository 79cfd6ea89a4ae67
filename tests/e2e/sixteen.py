"""Sixteen subnets of one cheap task side by side: all of them pay, and none starves.

Starts a localnet of its own with the release binary and reads nothing but the figures that it publishes. An epoch counts
for a miner when the chain paid it some alpha in it. Prints the figures; exits with 1 if a miner is left out.
"""

import resource
import tempfile
import time

from localnet import Market, check

SUBNETS = 16
EPOCHS_PAID_MIN = 2
SECONDS_MAX = 600


class Payments:
    """In how many epochs each honest miner was paid, by looking at the market again and again."""

    def __init__(self):
        self.epochs = {}
        self.paid = {}

    def look(self, status):
        for subnet in status["subnets"]:
            netuid, epoch = subnet["netuid"], subnet["epochs"]
            is_new = self.epochs.get(netuid) != epoch
            self.epochs[netuid] = epoch
            for miner in subnet["miners"]:
                self.paid.setdefault(miner["name"], 0)
                if is_new and miner["last_epoch"] > 0:
                    self.paid[miner["name"]] += 1

    def enough(self):
        return len(self.paid) == 2 * SUBNETS and min(self.paid.values()) >= EPOCHS_PAID_MIN


def report(status, payments):
    print(f"     height {status['height']}, finalized {status['finalized']}")
    print(f"     {'subnet':<8} {'epochs':>6} {'fast':>8} {'slow':>8} {'fast earned':>13} {'slow earned':>13} {'paid epochs':>12}")
    for subnet in status["subnets"]:
        fast, slow = subnet["miners"]
        paid = f"{payments.paid[fast['name']]} + {payments.paid[slow['name']]}"
        share = lambda miner: f"{miner['share'] or 0:.1%}"
        earned = lambda miner: f"{miner['earned'] / 1e9:.4f} TAO"
        print(f"     {subnet['name']:<8} {subnet['epochs']:>6} {share(fast):>8} {share(slow):>8} "
              f"{earned(fast):>13} {earned(slow):>13} {paid:>12}")
    earned = [miner["earned"] / 1e9 for subnet in status["subnets"] for miner in subnet["miners"]]
    print(f"     earned by a miner: least {min(earned):.4f} TAO, most {max(earned):.4f} TAO", flush=True)


def main():
    market = Market(tempfile.mkdtemp(prefix="stoa-sixteen-"), "--task", f"tour:{SUBNETS}")
    try:
        print(f"     ready after {market.start():.1f} s, {len(market.processes())} processes", flush=True)
        payments, began = Payments(), time.monotonic()
        while not payments.enough() and time.monotonic() < began + SECONDS_MAX:
            time.sleep(1)
            payments.look(market.status())
        seconds = time.monotonic() - began
        status = market.status()
        report(status, payments)
        check(len(status["subnets"]) == SUBNETS, f"{SUBNETS} subnets are held side by side")
        starved = sorted(name for name, paid in payments.paid.items() if paid < EPOCHS_PAID_MIN)
        check(not starved, f"every honest miner was paid in {EPOCHS_PAID_MIN} epochs within {seconds:.0f} s {starved or ''}")
        check(not status["ended"], f"no process ended {status['ended'] or ''}")
        lag = status["height"] - status["finalized"]
        check(lag <= 8, f"finality keeps up: {lag} blocks behind")
        check(market.stop() == 0, "Ctrl-C ends all of it")
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(f"     processor time of all of it: {used.ru_utime + used.ru_stime:.0f} s")
    finally:
        market.end()


main()
