"""Everything that a running market can be asked: each check named on the command line, one after the other, against one localnet.

Starts the default localnet with the release binary, tells each check where it is (`STOA_WS`, `STOA_GATEWAY`), and ends it
as Ctrl-C would, which must leave it well. Exits with 1 at the first check that fails.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from localnet import Market, check


def main(names):
    market = Market(tempfile.mkdtemp(prefix="stoa-shared-"))
    try:
        print(f"ok   the localnet is ready after {market.start():.1f} s", flush=True)
        addresses = {
            "STOA_WS": f"ws://127.0.0.1:{market.rpc}",
            "STOA_GATEWAY": f"http://127.0.0.1:{market.gateway}/v1",
        }
        for name in names:
            print(f"{name}:", flush=True)
            script = Path(__file__).with_name(f"{name}.py")
            status = subprocess.call([sys.executable, script], env={**os.environ, **addresses})
            check(status == 0, f"{name} holds")
        check(market.stop() == 0, "the localnet ends well when it is interrupted")
    finally:
        market.end()


if __name__ == "__main__":
    main(sys.argv[1:])
