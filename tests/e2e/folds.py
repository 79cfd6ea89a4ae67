"""Protein folding seen from outside: jobs that are watched, moved, kept and paid for, by plain HTTP and the command line.

Starts a localnet of its own with the release binary. Prints a line per check; exits with 1 at the first that does not hold.
"""

import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import httpx

from localnet import BINARY, Market, check, kill, wait_for

CHIGNOLIN = "GYDPETGTWG"
EPOCHS = 8
SETTLED_SECONDS_MAX = 300
CHEAT_SHARE_MAX = 0.02
FILES = ("structure.cif", "structure.pdb", "ramachandran.svg", "energy.svg")


class Folds:
    """The folds of a gateway."""

    def __init__(self, market):
        self.url = f"http://127.0.0.1:{market.gateway}/v1/folds"

    def create(self, **order):
        response = httpx.post(self.url, json=order, timeout=30)
        check(response.status_code == 202, f"a fold is taken: {response.status_code} {response.text[:60]} …")
        return response.json()

    def get(self, fold):
        """What the gateway says of a fold, or nothing while it is away."""
        try:
            response = httpx.get(f"{self.url}/{fold['id']}", timeout=10)
        except httpx.TransportError:
            return None
        if response.status_code != 200:
            check(False, f"{fold['id']} is known: {response.status_code} {response.text[:200]}")
        return response.json()

    def file(self, fold, name):
        return httpx.get(f"{self.url}/{fold['id']}/{name}", timeout=30)

    def wait(self, fold, what, holds, seconds=120):
        """Waits until something holds of a fold that must never fail on the way."""
        def look():
            now = self.get(fold)
            if now is None:
                return None
            if now["status"] == "failed":
                check(False, f"{what}: {now}")
            return now if holds(now) else None
        return wait_for(what, look, seconds)

    def done(self, fold):
        return self.wait(fold, f"{fold['id']} being done", lambda now: now["status"] == "done")

    def under_way(self, fold, fraction):
        return self.wait(fold, f"{fold['id']} being under way",
                         lambda now: now["status"] == "working" and now["fraction"] >= fraction and now["energy"] is not None)


class Events(threading.Thread):
    """All that a gateway tells of a fold while it is folded."""

    def __init__(self, folds, fold):
        super().__init__(daemon=True)
        self.url = f"{folds.url}/{fold['id']}/events"
        self.told = []
        self.start()

    def run(self):
        with httpx.stream("GET", self.url, timeout=120) as response:
            for line in response.iter_lines():
                if line.startswith("data:"):
                    self.told.append(json.loads(line[5:]))


def check_incentives(market):
    """Who searches for all of its time earns more than who searches for half of it, and who cheats next to nothing."""
    def paid():
        subnet = market.status()["subnets"][0]
        return subnet if subnet["epochs"] >= EPOCHS else None
    wait_for(f"{EPOCHS} epochs", paid, 600)

    def settled():
        """The miners, once they are paid as they should be: which of two searches finds more is luck in any one epoch."""
        miners = {miner["name"]: miner for miner in paid()["miners"]}
        harder = miners["fold-1"]["earned"] > miners["fold-2"]["earned"] > 0
        cheats = max(miners[name]["share"] or 0 for name in ("fold-3", "fold-4"))
        return miners if harder and cheats < CHEAT_SHARE_MAX else None
    miners = wait_for("whoever searches for all of its time having earned more than whoever searches for half of it, who earns too, "
                      "and who cheats holding under 2 %", settled, SETTLED_SECONDS_MAX)
    for name, miner in sorted(miners.items()):
        check(True, f"{name} ({miner['part']}): {miner['share'] or 0:.2%} of the incentive, "
                    f"{miner['earned'] / 1e9:.4f} TAO in all · {miner['reason']}")


def check_whole(market, folds):
    fold = folds.create(sequence=CHIGNOLIN, budget_s=12, title="chignolin")
    check(fold["status"] in ("waiting", "working") and fold["object"] == "fold", f"it is under way: {fold['id']}")
    events = Events(folds, fold)
    folds.under_way(fold, 0.3)
    partial = folds.file(fold, "structure.cif")
    check(partial.status_code == 200 and "_atom_site" in partial.text, "the best so far is there before the end")
    done = folds.done(fold)
    events.join(timeout=10)
    check(not events.is_alive(), "the events end with the job")
    energies = [told["energy"] for told in events.told if told.get("energy") is not None]
    fractions = [told["fraction"] for told in events.told]
    check(len(set(energies)) >= 3 and energies[-1] <= energies[0], f"{len(events.told)} events tell of falling energy: "
          f"{energies[0]:.1f} … {energies[-1]:.1f} kcal/mol")
    check(fractions == sorted(fractions), "and of time going by")
    check(done["title"] == "chignolin" and done["sequence"] == CHIGNOLIN, "the fold is named as it was")
    with tempfile.TemporaryDirectory() as directory:
        for name in FILES:
            response = folds.file(fold, name)
            check(response.status_code == 200 and len(response.content) > 500, f"{name}: {len(response.content)} bytes of "
                  f"{response.headers['content-type']}")
            (Path(directory) / name).write_bytes(response.content)
        printed = subprocess.run([BINARY, "fold", "energy", f"{directory}/structure.cif", "--json"],
                                 capture_output=True, text=True, check=True).stdout
        total = json.loads(printed)["total"]
        check(total == done["energy"], f"the energy is that of the file, to the last bit: {total!r} {done['energy']!r}")
    listed = httpx.get(folds.url, timeout=10).json()
    check(fold["id"] in [one["id"] for one in listed["data"]], "it is listed")


def check_command(market):
    with tempfile.TemporaryDirectory() as directory:
        asked = subprocess.run(
            [BINARY, "ask", "fold", "NLYIQWLKDGG", "--budget", "3", "--out", directory, "--gateway",
             f"http://127.0.0.1:{market.gateway}"], capture_output=True, text=True)
        print("     " + asked.stdout.replace("\n", "\n     "), flush=True)
        check(asked.returncode == 0 and "kcal/mol" in asked.stdout, f"the command line folds too {asked.stderr[-300:]}")
        names = {path.name for path in Path(directory).iterdir()}
        check(names == {"fold.cif", "fold.pdb", "ramachandran.svg", "energy.svg"}, f"and leaves its files: {sorted(names)}")


def ask_fold(market, directory, *more):
    """The command watching a fold of a minute, once it has said which."""
    command = [BINARY, "ask", "fold", CHIGNOLIN, "--budget", "60", "--out", directory, "--json",
               "--gateway", f"http://127.0.0.1:{market.gateway}", *more]
    asking = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    name = re.match(r"(fold_[0-9a-f]{32}) at ", asking.stderr.readline())
    check(name is not None, "the command names the fold that it watches")
    return asking, {"id": name.group(1)}


def check_command_stopped(market, folds):
    """What the command does when it is stopped, or its fold is: it fails, and says so to people and programs."""
    with tempfile.TemporaryDirectory() as directory:
        asking, fold = ask_fold(market, directory)
        folds.under_way(fold, 0.03)
        wait_for("a structure", lambda: folds.get(fold)["has_result"], 30)
        asking.send_signal(signal.SIGINT)
        said, complained = asking.communicate(timeout=30)
        told = json.loads(said)
        check(asking.returncode == 1 and "was cancelled" in complained, f"Ctrl-C cancels the fold: {complained[-200:]!r}")
        names = {Path(path).name for path in told["files"]}
        check(told["status"] == "cancelled" and names == {path.name for path in Path(directory).iterdir()}
              and all(".partial." in name for name in names), f"and what was found is kept as partial: {sorted(names)}")
    with tempfile.TemporaryDirectory() as directory:
        asking, fold = ask_fold(market, directory)
        folds.under_way(fold, 0.01)
        httpx.delete(f"{folds.url}/{fold['id']}", timeout=10)
        said, complained = asking.communicate(timeout=30)
        check(asking.returncode == 1 and ("404" in complained or "was cancelled" in complained),
              f"a fold that somebody deletes is no success: {complained[-200:]!r}")
    with tempfile.TemporaryDirectory() as directory:
        asking, fold = ask_fold(market, directory)
        gateway = market.processes()["gateway"]["pid"]
        os.kill(gateway, signal.SIGSTOP)
        try:
            asking.send_signal(signal.SIGINT)
            check("cancelling" in asking.stderr.readline(), "with the gateway frozen the command waits for it to cancel")
            asking.send_signal(signal.SIGINT)
            check(asking.wait(timeout=10) == 130, "and a second Ctrl-C ends it at once")
        finally:
            os.kill(gateway, signal.SIGCONT)
        httpx.delete(f"{folds.url}/{fold['id']}", timeout=10)
    asked = subprocess.run([BINARY, "ask", "fold", "GYD", "--gateway", f"http://127.0.0.1:{market.gateway}"],
                           capture_output=True, text=True)
    check(asked.returncode == 1 and "400 Bad Request" in asked.stderr, f"nor is a refused one: {asked.stderr.strip()!r}")


def check_miner_dead(market, folds):
    fold = folds.create(sequence="GEWTYDDATKTFTVTE", budget_s=15)
    events = Events(folds, fold)
    working = folds.under_way(fold, 0.3)
    name, victim = next((n, e) for n, e in market.processes().items() if e.get("hotkey") == working["miner"])
    kill(victim["pid"])
    moved = folds.wait(fold, "the job being at another miner",
                       lambda now: now["status"] == "working" and now["miner"] not in (None, working["miner"]))
    check(moved["moves"] >= 1, f"with {name} killed in the middle, the job moved on")
    done = folds.done(fold)
    events.join(timeout=10)
    states = {told["status"] for told in events.told}
    check(states <= {"waiting", "working", "done"} and done["energy"] is not None,
          f"and its customer saw progress, no error: {sorted(states)}, {done['energy']:.1f} kcal/mol")
    revived = market.revive(victim)
    wait_for(f"{name} being back", lambda: healthy(victim["port"]), 60)
    return revived


def healthy(port):
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health", timeout=2).status_code == 200
    except httpx.TransportError:
        return False


def check_gateway_dead(market, folds):
    fold = folds.create(sequence="GEWTYDDATKTFTVTEGW", budget_s=15)
    working = folds.under_way(fold, 0.2)
    gateway = market.processes()["gateway"]
    kill(gateway["pid"])
    wait_for("the gateway being away", lambda: folds.get(fold) is None, 10)
    revived = market.revive(gateway)
    again = folds.wait(fold, "the gateway knowing the fold again", lambda now: True, 30)
    check(again["status"] in ("waiting", "working", "done"), f"a gateway that starts anew knows the fold: {again['status']}")
    done = folds.done(fold)
    check(done["miner"] == working["miner"] and done["moves"] == 0,
          f"and goes on with it where it was: {done['energy']:.1f} kcal/mol, {done['moves']} moves")
    return revived


def check_cancelled(folds):
    fold = folds.create(sequence="AAAAAAAAAA", is_capped=True, budget_s=60)
    folds.under_way(fold, 0.02)
    response = httpx.post(f"{folds.url}/{fold['id']}/cancel", timeout=10)
    check(response.status_code == 200 and response.json()["status"] == "cancelled", "a fold can be cancelled")
    check(folds.file(fold, "structure.pdb").status_code == 200, "and what was found so far can be fetched")
    gone = httpx.delete(f"{folds.url}/{fold['id']}", timeout=10)
    check(gone.status_code < 300, "it can be deleted")
    check(httpx.get(f"{folds.url}/{fold['id']}", timeout=10).status_code == 404, "and is gone then")


def check_refused(folds):
    for order, param in (({"sequence": "GYDX" * 3}, "sequence"), ({"sequence": "GYD"}, "sequence"),
                         ({"sequence": CHIGNOLIN, "budget_s": 601}, "budget_s")):
        response = httpx.post(folds.url, json=order, timeout=10)
        error = response.json()["error"]
        check(response.status_code == 400 and error["param"] == param, f"refused: {error['message']}")


def main():
    market = Market(tempfile.mkdtemp(prefix="stoa-folds-"), "--task", "protein-folding")
    revived = []
    try:
        print(f"     ready after {market.start():.1f} s", flush=True)
        folds = Folds(market)
        check_refused(folds)
        check_whole(market, folds)
        check_cancelled(folds)
        check_command(market)
        check_command_stopped(market, folds)
        check_incentives(market)
        revived.append(check_miner_dead(market, folds))
        revived.append(check_gateway_dead(market, folds))
        check(market.stop() == 0, "Ctrl-C ends all of it")
    finally:
        for process in revived:
            process.kill()
        market.end()


main()
