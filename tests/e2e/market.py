"""The market over time, seen from outside: who is paid on each subnet, and what survives `kill -9`.

Starts a localnet of its own with the release binary, reads the chain with the `bittensor` package and asks the gateway
with the `openai` package, both unmodified. Prints a line per check; exits with 1 at the first that does not hold.
"""

import json
import sys
import tempfile
import urllib.request

import bittensor
import openai

from localnet import Market, check, kill, wait_for

EPOCHS = 5
SETTLED_SECONDS_MAX = 300
CHEAT_SHARE_MAX = 0.02
HONEST_SHARE_MIN = 0.95
# Who is honest on each subnet, the better one first.
HONEST = {1: ("fast", "slow"), 2: ("fast", "slow"), 3: ("full effort", "half effort")}


def chain(market):
    return bittensor.Subtensor(f"ws://127.0.0.1:{market.rpc}")


def client(market):
    return openai.OpenAI(base_url=f"http://127.0.0.1:{market.gateway}/v1", api_key="any", max_retries=0, timeout=60)


def text_model(client):
    """The first model that writes: the list names tasks of other kinds too."""
    return next(model.id for model in client.models.list().data if model.task.startswith("text-generation/"))


def ask(client, **more):
    return client.chat.completions.with_raw_response.create(
        model=text_model(client), max_tokens=16,
        messages=[{"role": "user", "content": "Speak of love."}], **more)


def answers(client):
    try:
        return ask(client).parse().choices[0].message.content
    except openai.APIError:
        return None


def incentives(market, netuid):
    """Each miner's share of the miners' incentive of a subnet, by what it plays, read from the chain."""
    miners = {e["hotkey"]: e["part"] for e in market.processes().values()
              if e.get("netuid") == netuid and e["part"] != "validator"}
    graph = chain(market).subnets.metagraph(netuid)
    shares = {miners[n.hotkey]: n.incentive for n in graph.neurons if n.hotkey in miners}
    total = sum(shares.values())
    return {part: share / total for part, share in shares.items()} if total else {}


def genesis(market):
    """The chain's identity, asked of the node itself: the package reads no hash by number."""
    question = {"jsonrpc": "2.0", "id": 1, "method": "chain_getBlockHash", "params": [0]}
    request = urllib.request.Request(
        f"http://127.0.0.1:{market.rpc}", json.dumps(question).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)["result"]


def height(market):
    return chain(market).block


def check_incentives(market):
    """After some epochs each subnet pays the better more than the lesser, and who cheats next to nothing."""
    begun = {subnet["netuid"]: subnet["epochs"] for subnet in market.status()["subnets"]}
    check(len(begun) == 3, "three subnets are held side by side")
    wait_for(f"{EPOCHS} epochs of each subnet", lambda: all(
        begun[subnet["netuid"]] + EPOCHS <= subnet["epochs"] for subnet in market.status()["subnets"]), 600)
    for subnet in market.status()["subnets"]:
        check_subnet(market, subnet["netuid"], subnet["task"])


def check_subnet(market, netuid, task):
    better, lesser = HONEST[netuid]

    def settled():
        """The shares, once they are as they should be: which of two searches finds more is luck in any one epoch."""
        shares = incentives(market, netuid)
        cheats = sum(share for part, share in shares.items() if part.startswith("cheat"))
        honest = shares.get(better, 0) + shares.get(lesser, 0)
        fair = shares.get(better, 0) > shares.get(lesser, 0) > 0
        return shares if cheats < CHEAT_SHARE_MAX and honest > HONEST_SHARE_MIN and fair else None
    shares = wait_for(f"{task} paying {better} more than {lesser}, and who cheats under 2 %", settled, SETTLED_SECONDS_MAX)
    check(any(part.startswith("cheat") for part in shares), f"somebody cheats at {task}")
    check(True, f"{task}: " + ", ".join(f"{part} {share:.2%}" for part, share in sorted(shares.items())))


def check_sealed_weights(market):
    """Validators seal their weights, and what they sealed opens by itself when its height is final."""
    netuid = min(HONEST)

    def closed():
        commits = chain(market).read("timelocked_weight_commits", netuid=netuid)
        return {(epoch, commit["hotkey"]) for epoch, rows in commits.items() for commit in rows}
    sealed = wait_for("a validator sealing its weights", closed, 60)
    epoch, hotkey = min(sealed)
    wait_for("its weights opening", lambda: (epoch, hotkey) not in closed(), 120)
    graph = chain(market).subnets.metagraph(netuid)
    validator = next(neuron.uid for neuron in graph.neurons if neuron.hotkey == hotkey)
    row = chain(market).read("weights", netuid=netuid)[validator]
    check(row, f"weights sealed by uid {validator} opened by themselves: {row}")


def check_one_miner_dead(market):
    customer = client(market)
    victim = ask(customer).headers["x-stoa-miner"]
    name = next(n for n, e in market.processes().items() if e.get("hotkey") == victim)
    kill(market.processes()[name]["pid"])
    answer = ask(customer)
    check(answer.headers["x-stoa-miner"] != victim, f"with {name} killed, the next request is answered by another")


def check_one_authority_dead(market):
    before = height(market)
    authority = market.processes()["authority-4"]
    kill(authority["pid"])
    wait_for("ten more blocks with one authority dead", lambda: height(market) >= before + 10, 60)
    check(True, "blocks go on without authority-4")
    revived = market.revive(authority)

    def caught_up():
        try:
            return bittensor.Subtensor(f"ws://127.0.0.1:{authority['port']}").block >= height(market) - 4
        except Exception:
            return False
    wait_for("authority-4 catching up", caught_up, 60)
    check(True, "authority-4, restarted, has caught up")
    return revived


def check_all_dead(market, revived):
    identity = genesis(market)
    owner = next(e["coldkey"] for e in market.processes().values() if e.get("coldkey"))
    marked = height(market)
    kept = str(chain(market).balances.get(owner))
    kill(revived.pid)
    revived.wait()
    market.kill_everything()
    print(f"     ready again after {market.start():.1f} s", flush=True)
    check(height(market) >= marked - 4, "the same chain goes on")
    check(genesis(market) == identity, f"from the same genesis {identity}")
    check(str(chain(market).balances.get(owner)) == kept, f"the balance of {owner} is kept: {kept}")
    wait_for("an answer from the resumed market", lambda: answers(client(market)), 60)
    check(True, "the market answers again")


def main():
    market = Market(tempfile.mkdtemp(prefix="stoa-market-"), *sys.argv[1:])
    try:
        print(f"     ready after {market.start():.1f} s", flush=True)
        check(answers(client(market)), "the gateway answers")
        check_incentives(market)
        check_sealed_weights(market)
        check_one_miner_dead(market)
        revived = check_one_authority_dead(market)
        check_all_dead(market, revived)
        check(market.stop() == 0, "Ctrl-C ends all of it")
    finally:
        market.end()


main()
