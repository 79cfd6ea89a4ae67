"""Tries every read and every intent of Bittensor's tools, unchanged from PyPI, and writes what works.

Twice, each time on a fresh chain: through the SDK, and through `btcli --json`. Every effect is read back; what is not
served must be refused in words, at once. The result is the table in `docs/compatibility.md`, which is committed: this
check fails when the table would come out differently, or, with `--write`, writes it.

    STOA_BINARY=target/release/stoa python tests/e2e/compatibility.py [--write] [--only NAME] [--client sdk|btcli]
"""

import argparse
import asyncio
import importlib.metadata
import sys
import tempfile
import time
import traceback
from pathlib import Path

from bittensor import calls
from bittensor.intents import REGISTRY as INTENTS
from bittensor.reads import REGISTRY as KNOWN_READS

import compatibility_accounts  # noqa: F401  (marks the intents it tries)
from compatibility_intents import NOT_SERVED, TRIED, prepare, promise
from compatibility_reads import NOT_ANSWERED, READS, answer
from compatibility_settings import section, settings
from compatibility_stage import TAO, Btcli, Failure, Sdk, Stage, brief, in_time

TABLE = Path(__file__).parents[2] / "docs/compatibility.md"
KINDS = {"sdk": Sdk, "btcli": Btcli}
# Longest that a refusal of a question may take.
REFUSAL_SECONDS_MAX = 30

# What is tried and known to fail, and why: an honest gap. It must fail, so that a mended gap is noticed.
GAPS = {
    "commit_weights": "the SDK seals weights to rounds of drand's beacon, which this chain does not follow; its own "
                      "timelock opens by heights, and `set_weights` and salted commits work",
}


def attempts(only):
    """Functions by the intents they try, each once, in order."""
    found = {}
    for name, function in TRIED.items():
        found.setdefault(function, []).append(name)
    return {
        function: names for function, names in found.items()
        if any(chosen(only, name) for name in names)
    }


def chosen(only, name):
    """Whether a run tries this name."""
    return only is None or any(part in name for part in only.split(","))


class Findings:
    """What one client could do: by name, None where it works, and the reason where it does not."""

    def __init__(self, client):
        self.client = client
        self.intents = {}
        self.reads = {}

    async def of(self, kind, name, awaitable):
        """Notes how it goes."""
        began = time.monotonic()
        self.note(kind, name, await problem_of(awaitable), began)

    def note(self, kind, name, problem, began):
        getattr(self, kind)[name] = problem
        mark = "ok  " if problem is None else ("gap " if name in GAPS else "FAIL")
        print(f"{mark} {self.client} {kind[:-1]} {name} ({time.monotonic() - began:.1f} s)"
              + (f": {problem}" if problem else ""), flush=True)


async def problem_of(awaitable):
    """None when it goes well, and otherwise what went wrong."""
    try:
        await awaitable
    except Failure as failure:
        return brief(failure)
    except Exception as error:  # whatever the client throws is a finding about one name, not the end of the check
        print("".join(traceback.format_exception(error)[-3:]), file=sys.stderr, flush=True)
        return f"{type(error).__name__}: {brief(error)}"
    return None


async def refused(stage, intent, arguments):
    """Tries what is not served; it must be refused in words."""
    if arguments is None:
        return
    try:
        await stage.act(intent, stage.person("bob"), **arguments(stage))
    except Exception as error:
        if "no answer within" in str(error) or "no end within" in str(error):
            raise Failure(f"hangs instead of being refused: {brief(error)}") from None
        return
    raise Failure("is listed as not served, but works")


async def unanswered(stage, name, arguments):
    """Asks what is not answered; an error must come, in words.

    `btcli` on Python 3.11 can hang by itself after an error while other answers are on their way: only the SDK is held to it.
    """
    wanted = arguments(stage)
    try:
        await in_time(name, stage.kind.read(stage, name, wanted), REFUSAL_SECONDS_MAX)
    except Exception as error:
        if "no answer within" in str(error) and stage.kind.name == "SDK":
            raise Failure(f"hangs instead of being refused: {brief(error)}") from None
        return
    raise Failure("is listed as not answered, but works")


async def commit_something(stage):
    """Publishes a commitment, for which there is no intent."""
    charlie, text = stage.person("charlie"), b"at the agora"
    await stage.raw(calls.Balances.transfer_keep_alive(dest=charlie.hotkey, value=TAO), stage.person("alice"))
    info = {"fields": [[{f"Raw{len(text)}": "0x" + text.hex()}]]}
    call = calls.Commitments.set_commitment(netuid=stage.facts["netuid"], info=info)
    await stage.raw(call, charlie, signer="hotkey")


async def tour(kind, only):
    """Everything through one client, on a chain of its own."""
    findings = Findings(kind.name)
    with tempfile.TemporaryDirectory(prefix="stoa-compatibility-", ignore_cleanup_errors=True) as directory:
        stage = Stage(directory, kind())
        try:
            await stage.open()
            await prepare(stage)
            for function, names in attempts(only).items():
                began = time.monotonic()
                problem = await problem_of(function(stage))
                for name in names:
                    findings.note("intents", name, problem, began)
            for name, (arguments, _) in NOT_SERVED.items():
                if chosen(only, name):
                    await findings.of("intents", name, refused(stage, name, arguments))
            if only is None:
                await findings.of("intents", "(commitments)", commit_something(stage))
                await findings.of("intents", "(settings)", settings(stage))
            await abreast(kind.abreast, [
                findings.of("reads", name, answer(stage, name, arguments, holds))
                for name, arguments, holds in READS if chosen(only, name)
            ] + [
                findings.of("reads", name, unanswered(stage, name, arguments))
                for name, (arguments, _) in NOT_ANSWERED.items() if chosen(only, name)
            ])
        finally:
            await stage.close()
    return findings


async def abreast(count, tasks):
    """Awaits all, so many at once."""
    places = asyncio.Semaphore(count)

    async def one(task):
        async with places:
            await task

    await asyncio.gather(*map(one, tasks))


async def tours(kinds, only):
    """A tour with each client, side by side."""
    return await asyncio.gather(*(tour(kind, only) for kind in kinds))


def cell(problem, name):
    if problem is None:
        return "works"
    return "no" if name in GAPS else f"fails: {problem.replace('|', '/')}"


def rows_of(text):
    """The rows of the document's two tables, by name."""
    parts = text.split("## Settings")[0].split("## Reads")
    return [
        {line.split("`")[1]: line for line in part.splitlines() if line.startswith("| `")}
        for part in (parts if len(parts) == 2 else ["", ""])
    ]


def working(rows):
    """How many rows say that it works through every client."""
    return sum("| works |" in row and "| fails" not in row and "| no |" not in row for row in rows.values())


def table(everything, before):
    """The document: what works through which client, and why what does not; what was not tried now, as it was before."""
    version = importlib.metadata.version("bittensor")
    clients = [findings.client for findings in everything]
    old_intents, old_reads = rows_of(before)
    intents = {name: intent_row(name, everything, old_intents) for name in sorted(INTENTS)}
    reads = {name: read_row(name, everything, old_reads) for name in sorted(KNOWN_READS)}
    lines = [
        "# What Bittensor's tools find here",
        "",
        f"Written by `tests/e2e/compatibility.py`, which tries everything below with `bittensor` {version} from PyPI on a",
        "fresh chain, once through the SDK and once through `btcli --json`, and reads every effect back. "
        "`cargo xtask e2e --only compatibility` tries it again.",
        "",
        f"Of {len(intents)} intents {working(intents)} work; of {len(reads)} reads {working(reads)} are answered. "
        "What is not served is refused in words.",
        "",
        "## Intents",
        "",
        "| intent | " + " | ".join(clients) + " | what is read back, or why not |",
        "|---|" + "---|" * len(clients) + "---|",
    ]
    lines += intents.values()
    lines += ["", "## Reads", "", "| read | " + " | ".join(clients) + " | why not |",
              "|---|" + "---|" * len(clients) + "---|"]
    lines += reads.values()
    lines += ["", *section()]
    return "\n".join(lines) + "\n"


def intent_row(name, everything, before):
    if name in NOT_SERVED:
        return row(name, ["no"] * len(everything), NOT_SERVED[name][1])
    if name not in TRIED:
        return row(name, ["not tried"] * len(everything), "")
    if any(name not in findings.intents for findings in everything):
        return before.get(name) or row(name, ["not tried"] * len(everything), "")
    cells = [cell(findings.intents[name], name) for findings in everything]
    return row(name, cells, GAPS.get(name) or promise(TRIED[name]))


def read_row(name, everything, before):
    if name in NOT_ANSWERED:
        return row(name, ["no"] * len(everything), NOT_ANSWERED[name][1])
    if any(name not in findings.reads for findings in everything):
        return before.get(name) or row(name, ["not tried"] * len(everything), "")
    return row(name, [cell(findings.reads[name], name) for findings in everything], GAPS.get(name, ""))


def row(name, cells, text):
    return f"| `{name}` | {' | '.join(cells)} | {text} |"


def surprises(everything):
    """Everything that is not as the lists say it should be."""
    found = []
    for findings in everything:
        for kind in ("intents", "reads"):
            for name, problem in getattr(findings, kind).items():
                if name in GAPS and problem is None:
                    found.append(f"{findings.client} {name} works, but is listed as a gap")
                elif name not in GAPS and problem is not None:
                    found.append(f"{findings.client} {name}: {problem}")
    return found


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--write", action="store_true", help="write the table")
    options.add_argument("--only", help="try only names that contain one of these, separated by commas")
    options.add_argument("--client", choices=KINDS, help="only this client")
    given = options.parse_args()
    kinds = [KINDS[given.client]] if given.client else list(KINDS.values())
    everything = asyncio.run(tours(kinds, given.only))
    found = surprises(everything)
    for line in found:
        print(f"compatibility: {line}", file=sys.stderr)
    before = TABLE.read_text() if TABLE.exists() else ""
    after = table(everything, before)
    if given.write:
        TABLE.write_text(after)
    elif not given.client and before != after:
        found.append("the table")
        print(f"compatibility: {TABLE.name} would come out differently; run with --write", file=sys.stderr)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
