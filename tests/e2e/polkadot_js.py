"""Lets `@polkadot/api` from npm connect to a chain of its own, decode a block and send a transfer.

What it does there is `polkadot_js.mjs`.
"""

import os
import shutil
import ssl
import subprocess
import sys
import tempfile
from pathlib import Path

from compatibility_stage import Failure, Node
from localnet import BINARY

VERSION = "16.5.2"
SECONDS_MAX = 180


def installed():
    """A directory with the package in it, below the target directory, and the script beside it."""
    directory = Path(BINARY).resolve().parents[1] / "e2e-node"
    directory.mkdir(parents=True, exist_ok=True)
    stamp = directory / "version.txt"
    if not stamp.exists() or stamp.read_text() != VERSION:
        packages = [f"@polkadot/api@{VERSION}"]
        subprocess.run(
            ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(directory), *packages],
            check=True, timeout=SECONDS_MAX, env=trusting_the_system())
        stamp.write_text(VERSION)
    shutil.copy(Path(__file__).with_suffix(".mjs"), directory)
    return directory


def trusting_the_system():
    """The environment, with the system's certificate authorities: Node alone trusts only those it was built with."""
    authorities = ssl.get_default_verify_paths().cafile
    return {"NODE_EXTRA_CA_CERTS": authorities, **os.environ} if authorities else None


def main():
    if not (shutil.which("npm") and shutil.which("node")):
        print("polkadot.js comes from npm and runs on Node: install nodejs and npm", file=sys.stderr)
        sys.exit(1)
    try:
        directory = installed()
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as failure:
        print(f"polkadot.js could not be fetched: {failure}; is npm's registry reachable?", file=sys.stderr)
        sys.exit(1)
    with tempfile.TemporaryDirectory(prefix="stoa-polkadot-js-", ignore_cleanup_errors=True) as scratch:
        node = Node(scratch)
        try:
            node.start()
            done = subprocess.run(
                ["node", "polkadot_js.mjs"], cwd=directory, timeout=SECONDS_MAX, check=False,
                env={**os.environ, "STOA_WS": node.endpoint})
        except (Failure, subprocess.TimeoutExpired) as failure:
            print(f"polkadot.js: {failure}", file=sys.stderr)
            sys.exit(1)
        finally:
            node.stop()
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
