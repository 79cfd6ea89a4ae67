"""A localnet of a check's own, started and ended as a person would, and how checks report."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

BINARY = os.environ["STOA_BINARY"]

# Characters shown of each log after a failure.
LAST_WORDS = 1_500


def check(holds, what):
    print(f"{'ok  ' if holds else 'FAIL'} {what}", flush=True)
    if not holds:
        sys.exit(1)


def wait_for(what, condition, seconds):
    """Polls `condition` until it gives a value, and fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.5)
    check(False, f"{what} within {seconds} s")


def free_ports(count):
    """The first of so many ports in a row that are free now, below those that the system hands out by itself."""
    start = 12_000 + os.getpid() * 131 % 15_000
    for first in range(start, 32_000 - count, count):
        try:
            for port in range(first, first + count):
                with socket.socket() as listener:
                    listener.bind(("127.0.0.1", port))
            return first
        except OSError:
            continue
    check(False, f"{count} free ports in a row")


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


class Market:
    """A localnet in a directory."""

    def __init__(self, directory, *options, services=96):
        self.directory = Path(directory)
        self.options = options
        self.rpc = free_ports(services + 20)
        self.gateway, self.p2p, self.service = self.rpc + 1, self.rpc + 2, self.rpc + 20
        self.process = None
        self.ended_well = False

    def start(self):
        """Starts it and returns the seconds until its table is ready."""
        began = time.monotonic()
        with open(self.directory / "localnet.log", "a") as log:
            self.process = subprocess.Popen(
                [BINARY, "localnet", "--data-dir", str(self.directory),
                 "--rpc-port", str(self.rpc), "--gateway-port", str(self.gateway),
                 "--p2p-port", str(self.p2p), "--service-port", str(self.service), *self.options],
                stdout=subprocess.PIPE, stderr=log, text=True)
        for line in self.process.stdout:
            if "ready" in line:
                # Keeps the pipe drained from here on.
                subprocess.Popen(["cat"], stdin=self.process.stdout, stdout=subprocess.DEVNULL)
                return time.monotonic() - began
        check(False, "the localnet became ready")

    def last_words(self):
        """The end of every log, for who reads of a failure elsewhere."""
        logs = [self.directory / "localnet.log", *sorted((self.directory / "logs").glob("*.log"))]
        texts = [(log.name, log.read_text(errors="replace")[-LAST_WORDS:]) for log in logs if log.exists()]
        return "its last words:\n" + "\n".join(f"--- {name}\n{text}" for name, text in texts)

    def processes(self):
        return {entry["name"]: entry for entry in json.loads((self.directory / "processes.json").read_text())}

    def status(self):
        """How the market stands, as the localnet last saw it."""
        return json.loads((self.directory / "status.json").read_text())

    def revive(self, entry):
        """Starts a process of `processes.json` again, as a person would."""
        # `exec`, so that the process and not a shell around it is what is killed later.
        return subprocess.Popen("exec " + entry["command"], shell=True,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill_everything(self):
        for entry in self.processes().values():
            kill(entry["pid"])
        self.process.kill()
        self.process.wait()

    def stop(self):
        """Ends it as Ctrl-C would, and returns its exit status."""
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(timeout=60)
        self.ended_well = status == 0
        return status

    def end(self):
        """Leaves nothing running, as its processes end with it; and nothing behind, unless something is to be looked into."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.ended_well:
            shutil.rmtree(self.directory, ignore_errors=True)
        else:
            print(f"{self.last_words()}\nmore of them: {self.directory}/logs", flush=True)
