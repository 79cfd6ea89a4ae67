"""Trains a classifier on a folder of one's own: the handwritten digits that come with scikit-learn.

Exports them as a directory of PNG files for each digit, runs `stoa train vision --data` on it, and checks that the network
knows at least 95 of a hundred held-out digits and that every file of the report is there. Needs no network and no market.

    STOA_BINARY=target/release/stoa python tests/e2e/digits.py

Needs `scikit-learn`, which nothing else does.
"""

import json
import os
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

from sklearn.datasets import load_digits

BINARY = sys.argv[1] if len(sys.argv) > 1 else os.environ["STOA_BINARY"]
ACCURACY_MIN = 0.95
FILES = ["config.json", "model.safetensors", "report.json", "confusion.svg", "MODEL_CARD.md"]
# Digits of 8 by 8 pixels need neither a wide network nor a deep one.
SIZES = ["--side", "16", "--widths", "32,64", "--depths", "2,1", "--steps", "900"]


def check(holds, what):
    print(f"{'ok  ' if holds else 'FAIL'} {what}", flush=True)
    if not holds:
        sys.exit(1)


def png(rows):
    """A grey picture of 8 bits as a PNG file."""
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def export(folder):
    """Writes scikit-learn's digits as `folder/DIGIT/NUMBER.png`, and returns how many there are."""
    digits = load_digits()
    for number, (image, digit) in enumerate(zip(digits.images, digits.target)):
        directory = folder / str(digit)
        directory.mkdir(parents=True, exist_ok=True)
        rows = [[int(value * 255 / 16) for value in row] for row in image]
        (directory / f"{number:04}.png").write_bytes(png(rows))
    return len(digits.target)


def main():
    with tempfile.TemporaryDirectory() as directory:
        folder, out = Path(directory) / "digits", Path(directory) / "model"
        count = export(folder)
        command = [BINARY, "train", "vision", "--data", str(folder), "--out", str(out), *SIZES]
        done = subprocess.run(command, capture_output=True, text=True)
        print(done.stdout, done.stderr, sep="")
        check(done.returncode == 0, "stoa train vision ends well")
        check(all((out / name).stat().st_size > 0 for name in FILES), "every file is there")

        report = json.loads((out / "report.json").read_text())
        held_out = report["pictures_held_out"]
        check(abs(held_out - count / 5) <= 10, f"a fifth of {count} digits is held out: {held_out}")
        check(report["accuracy"] >= ACCURACY_MIN,
              f"{report['accuracy']:.1%} of them are known, at least {ACCURACY_MIN:.0%}")
        classes = report["classes"]
        check([row["label"] for row in classes] == [str(digit) for digit in range(10)]
              and all(row["recall"] > 0.8 and row["precision"] > 0.8 for row in classes),
              "every digit is in the table, none much worse than the others")
        labels = json.loads((out / "config.json").read_text())["id2label"]
        check(labels == {str(digit): str(digit) for digit in range(10)}, "labels are the directories' names")
        check("confusion.svg" in (out / "MODEL_CARD.md").read_text(), "the card points to the confusions")


main()
