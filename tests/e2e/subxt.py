"""Lets `subxt` from crates.io connect to a chain of its own, decode a block, follow heads and send a transfer.

What it does there is the program in `subxt/`, which `cargo xtask e2e` has built before.
"""

import os
import subprocess
import sys
import tempfile

from compatibility_stage import Failure, Node

PROGRAM = os.environ["SUBXT_BINARY"]
SECONDS_MAX = 180


def main():
    with tempfile.TemporaryDirectory(prefix="stoa-subxt-", ignore_cleanup_errors=True) as scratch:
        node = Node(scratch)
        try:
            node.start()
            done = subprocess.run(
                [PROGRAM], timeout=SECONDS_MAX, check=False, env={**os.environ, "STOA_WS": node.endpoint})
        except (Failure, subprocess.TimeoutExpired) as failure:
            print(f"subxt: {failure}", file=sys.stderr)
            sys.exit(1)
        finally:
            node.stop()
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
