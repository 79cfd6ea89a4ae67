"""A miner in Python, after docs/protocol.md. For another task answered at once, replace `solve` and the constants.

    python miner.py WALLET/HOTKEY NETUID [PORT [NODE]]
"""
import json, math, struct, sys, threading, time
from hashlib import blake2b
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import bittensor
from bittensor.keyfiles import Keypair

blake2 = lambda data: blake2b(data, digest_size=32).digest()
TASK, BODY_BYTES_MAX, CONNECTIONS_MAX, NONCES_MAX, REFRESH_BLOCKS = "tour/1", 64 * 1024, 256, 100_000, 12


def solve(request):
    """An order in which to visit points: always the nearest next, then every crossing undone (2-opt)."""
    far = [[math.dist(a, b) for b in request["points"]] for a in request["points"]]
    order, is_better = list(range(len(far))), True
    for i in range(1, len(order)):
        order[i:] = sorted(order[i:], key=far[order[i - 1]].__getitem__)
    while is_better:
        is_better = False
        for i in range(1, len(order) - 1):
            for j in range(i + 1, len(order)):
                a, b, c, d = order[i - 1], order[i], order[j], order[(j + 1) % len(order)]
                if far[a][c] + far[b][d] < far[a][b] + far[c][d] - 1e-9:
                    order[i:j + 1], is_better = order[i:j + 1][::-1], True
    return {"order": order}


class Refused(Exception):
    """Ends a request: status of HTTP, code of the protocol, words for people."""


def require(holds, *refusal):
    if not holds:
        raise Refused(*refusal)


class Miner(BaseHTTPRequestHandler):
    """One connection; all of them share `hotkey` and `netuid`, which are set at the start, and the rest."""
    protocol_version, timeout, disable_nagle_algorithm = "HTTP/1.1", 30, True
    permitted, nonces, lock = set(), {}, threading.Lock()

    def do_GET(self):
        model = {"id": TASK.split("/")[0], "object": "model", "owned_by": self.hotkey.ss58_address, "task": TASK}
        self.reply(200, json.dumps({"object": "list", "data": [model]}).encode())

    def do_POST(self):
        arrival, milliseconds = time.monotonic(), lambda: int((time.monotonic() - arrival) * 1000)
        try:
            (request_hash, body), queue_ms = self.admit(), milliseconds()
            answer, total_ms = json.dumps(solve(json.loads(body))).encode(), milliseconds()
            receipt = {"request_hash": request_hash.hex(), "answer_hash": blake2(answer).hex(), "task": TASK,
                       "miner": self.hotkey.ss58_address, "queue_ms": queue_ms, "total_ms": total_ms}
            signed = request_hash + blake2(answer) + self.hotkey.public_key + struct.pack("<H", len(TASK))
            signed += TASK.encode() + struct.pack("<II", queue_ms, total_ms)
            receipt["signature"] = self.hotkey.sign(b"stoa-work-v1\0" + signed).hex()
            self.reply(200, answer, ("stoa-receipt", json.dumps(receipt)))
        except (Refused, LookupError, TypeError, ValueError) as error:
            status, code, words = error.args if isinstance(error, Refused) else (400, "bad_request", repr(error))
            body = {"error": {"message": words, "type": "stoa_error", "param": None, "code": code}}
            self.reply(status, json.dumps(body).encode(), ("retry-after", 1), ("connection", "close"))

    def reply(self, status, body, *headers):
        self.send_response(status)
        for name, value in ("content-type", "application/json"), ("content-length", len(body)), *headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def admit(self):
        """Checks an envelope in the protocol's order; returns the name of the request and its body."""
        head, now = self.headers, time.time_ns() // 1_000_000
        try:
            signer, audience = Keypair(head["stoa-signer"]), (head["stoa-audience"], int(head["stoa-netuid"]))
            expires, length, version = int(head["stoa-expires"]), int(head["content-length"]), head["stoa-version"]
            nonce, signature = bytes.fromhex(head["stoa-nonce"]), bytes.fromhex(head["stoa-signature"])
        except (TypeError, ValueError) as error:
            raise Refused(400, "bad_envelope", f"a header is missing or malformed: {error}") from None
        require((version, len(nonce), len(signature)) == ("1", 16, 64), 400, "bad_envelope", "a header is malformed")
        require(audience == (self.hotkey.ss58_address, self.netuid), 403, "wrong_audience", "another miner is meant")
        require(now <= expires <= now + 60_000, 401, "expired", "the envelope is not good now")
        require(signer.ss58_address in self.permitted, 403, "not_permitted", "the signer holds no validator permit")
        require((self.path, head["stoa-task"]) == ("/v1/work", TASK), 404, "task_not_found", f"ask for {TASK}")
        require(0 <= length <= BODY_BYTES_MAX, 413, "body_too_large", f"at most {BODY_BYTES_MAX} bytes are read")
        body = self.rfile.read(length)
        terms = struct.pack("<HB16sQ", self.netuid, 2, nonce, expires) + blake2(body)
        terms = signer.public_key + self.hotkey.public_key + terms
        require(signer.verify(b"stoa-request-v1\0" + terms, signature), 401, "bad_signature", "it is not of the signer")
        with self.lock:
            for old in [used for used, until in self.nonces.items() if until < now]:
                del self.nonces[old]
            require((signer.ss58_address, nonce) not in self.nonces, 409, "replayed", "this envelope was used before")
            has_room = len(self.nonces) < NONCES_MAX and threading.active_count() < CONNECTIONS_MAX
            require(has_room, 503, "busy", "ask another miner")
            self.nonces[signer.ss58_address, nonce] = expires
        return blake2(terms), body


def main(wallet, netuid, port=9101, node="ws://127.0.0.1:9944"):
    """Serves, follows who may ask, and publishes the address if the chain has another one."""
    wallet, chain = bittensor.Wallet(wallet), bittensor.Subtensor(node)
    Miner.hotkey, Miner.netuid = wallet.hotkey, int(netuid)
    server = ThreadingHTTPServer(("127.0.0.1", int(port)), Miner)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    while True:
        seats = {seat.hotkey: seat for seat in chain.subnets.metagraph(Miner.netuid).neurons}
        holders = {hotkey for hotkey, seat in seats.items() if seat.validator_permit}
        Miner.permitted = holders or {hotkey for hotkey, seat in seats.items() if seat.total_stake.rao > 0}
        own, address = seats.get(Miner.hotkey.ss58_address), server.server_address
        if own and own.axon != "{}:{}".format(*address):
            chain.execute(bittensor.ServeAxon(netuid=Miner.netuid, ip=address[0], port=address[1], protocol=1), wallet)
        print("has a seat" if own else "has no seat yet", "and", len(Miner.permitted), "may ask", flush=True)
        chain.wait_for_block(chain.block + REFRESH_BLOCKS)


main(*sys.argv[1:])
