"""Runs `btcli` commands, each in a process of its own that is forked when the package has started already.

Starting takes longer than most commands do: the package is imported, and the tree of its eight hundred commands made. A
check has hundreds of them to run. So one process does both once, listens at a socket, and forks for each line of JSON
that comes: a list of words. The fork is the command: it has
those words as its arguments, nothing to read, and files for what it prints. What comes back is one object of JSON with
`status`, `out` and `error`. A command that takes too long is killed.

    python tests/e2e/btcli_nursery.py SOCKET SECONDS
"""

import functools
import json
import os
import signal
import socket
import sys
import tempfile

import typer.main
from bittensor.cli.main import app, main


def become(words, out, error):
    """Makes this process the command of these words."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (out.fileno(), 1), (error.fileno(), 2)):
        os.dup2(source, target)
    sys.argv = ["btcli", *words]
    sys.exit(main())


def attend(connection, seconds):
    """Reads what is wanted; returns the words in the process that is to do it, and ends the one that waits for it."""
    with connection, connection.makefile("rw") as lines:
        words = json.loads(lines.readline())
        out, error = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        command = os.fork()
        if command == 0:
            signal.alarm(0)
            return words, out, error
        signal.signal(signal.SIGALRM, lambda *_: os.kill(command, signal.SIGKILL))
        signal.alarm(seconds)
        _, status = os.waitpid(command, 0)
        texts = []
        for file in (out, error):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
        answer = {"status": os.waitstatus_to_exitcode(status), "out": texts[0], "error": texts[1]}
        lines.write(json.dumps(answer) + "\n")
    os._exit(0)


def serve(path, seconds):
    """Forks for each connection; returns only in a process that is to be a command."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        while True:
            connection, _ = listener.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                return attend(connection, seconds)
            connection.close()


if __name__ == "__main__":
    # The tree of commands, which every command would make anew.
    typer.main.get_command = functools.cache(typer.main.get_command)
    typer.main.get_command(app)
    become(*serve(sys.argv[1], int(sys.argv[2])))
