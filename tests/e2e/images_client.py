"""A gateway as whoever classifies pictures meets it: the official `huggingface_hub` package, unmodified, and plain HTTP, against
`STOA_GATEWAY`.

Prints a line per check and exits with 1 if any of them does not hold.
"""

import base64
import io
import json
import math
import os
import struct
import sys
import zlib

import httpx
from huggingface_hub import InferenceClient
from PIL import Image, ImageDraw

BASE_URL = os.environ.get("STOA_GATEWAY", "http://127.0.0.1:8080/v1")
URL = f"{BASE_URL}/images/classifications"
TASK = "image-classification"
SHAPES = ("circle", "square", "triangle", "star")
failures = 0


def check(holds, what):
    global failures
    failures += not holds
    print(f"{'ok  ' if holds else 'FAIL'} {what}", flush=True)


def drawn(shape):
    """A picture of a shape, big and plain."""
    picture = Image.new("RGB", (160, 160), (238, 232, 213))
    pen = ImageDraw.Draw(picture)
    if shape == "circle":
        pen.ellipse((30, 30, 130, 130), fill=(38, 92, 170))
    elif shape == "square":
        pen.rectangle((35, 35, 125, 125), fill=(170, 60, 38))
    elif shape == "triangle":
        pen.polygon([(80, 25), (140, 130), (20, 130)], fill=(30, 120, 60))
    elif shape == "star":
        points = []
        for at in range(10):
            radius = 62 if at % 2 == 0 else 25
            angle = math.pi * (at / 5 - 0.5)
            points.append((80 + radius * math.cos(angle), 80 + radius * math.sin(angle)))
        pen.polygon(points, fill=(200, 140, 20))
    return picture


def encoded(picture, form):
    file = io.BytesIO()
    picture.save(file, form)
    return file.getvalue()


def bomb(side=60_000):
    """A PNG of a few bytes that says that it is `side` pixels wide and high."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


def asked(**body):
    return httpx.post(URL, json=body, timeout=60)


def sent(data, kind, query=""):
    headers = {"content-type": kind} if kind else {}
    return httpx.post(URL + query, content=data, headers=headers, timeout=60)


def labels_of(response):
    """The labels of a good answer, or nothing."""
    if response.status_code != 200:
        print(f"     {response.status_code} {response.text[:300]}", flush=True)
        return []
    return response.json()


def is_whole(labels):
    """Whether this is every label with its probability, the likeliest first."""
    scores = [label["score"] for label in labels]
    return (len(labels) >= 2 and scores == sorted(scores, reverse=True)
            and all(set(label) == {"label", "score"} and 0 <= label["score"] <= 1 for label in labels)
            and abs(sum(scores) - 1) < 1e-3)


def listed():
    models = httpx.get(f"{BASE_URL}/models").json()["data"]
    entry = next((model for model in models if model["id"] == TASK), {})
    check(entry.get("task", "").startswith(f"{TASK}/") and entry.get("miners", 0) > 0 and "netuid" in entry,
          f"the task is listed among the models: {entry}")
    texts = [model["id"] for model in models if model["task"].startswith("text-generation/")]
    check(models[0]["id"] in texts or not texts, f"models of text come first: {texts}")
    one = httpx.get(f"{BASE_URL}/models/{TASK}").json()
    check(one == entry, "and described by itself")


def hugging_face():
    client = InferenceClient(model=URL, token="any", timeout=60)
    named = {shape: client.image_classification(encoded(drawn(shape), "PNG"))[0].label for shape in SHAPES}
    right = sum(shape == name for shape, name in named.items())
    check(right >= len(SHAPES) - 1, f"huggingface_hub has shapes named: {named}")
    star = encoded(drawn("star"), "PNG")
    answer = client.image_classification(star)
    check(len(answer) >= 12, f"it gets every label: {[(own.label, round(own.score, 3)) for own in answer[:3]]} …")
    top = client.image_classification(star, top_k=2)
    check([own.label for own in top] == [own.label for own in answer[:2]],
          f"as many as it asks for: {[own.label for own in top]}")


def forms():
    for form, kind in (("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp")):
        data = encoded(drawn("circle"), form)
        raw = labels_of(sent(data, kind))
        check(is_whole(raw), f"a raw {form} is classified: {raw[:2]}")
        text = base64.b64encode(data).decode()
        plain = labels_of(asked(image=text))
        check(is_whole(plain) and plain[0]["label"] == raw[0]["label"], f"the same in JSON: {plain[:2]}")
        url = labels_of(asked(image=f"data:{kind};base64,{text}", model=TASK))
        check(is_whole(url), "and in a data: URL, with the model's name")
    data = encoded(drawn("square"), "PNG")
    check(is_whole(labels_of(sent(data, "application/octet-stream"))), "bytes of no named type are looked at")
    check(is_whole(labels_of(sent(data, None))), "and bytes without a type")
    grey = encoded(drawn("triangle").convert("LA"), "PNG")
    check(is_whole(labels_of(sent(grey, "image/png"))), "a grey picture with transparency is classified")


def amounts():
    data = encoded(drawn("triangle"), "PNG")
    every = labels_of(sent(data, "image/png"))
    for count in (1, 3, 1000):
        some = labels_of(sent(data, "image/png", f"?top_k={count}"))
        check(len(some) == min(count, len(every)), f"top_k={count} gives {len(some)} labels")
    some = labels_of(asked(image=base64.b64encode(data).decode(), top_k=2))
    check(len(some) == 2, "in JSON too")


def proof():
    response = sent(encoded(drawn("star"), "PNG"), "image/png")
    headers = response.headers
    receipt = json.loads(headers.get("x-stoa-receipt", "{}"))
    check(receipt.get("miner") == headers.get("x-stoa-miner") and receipt.get("task", "").startswith(TASK)
          and receipt.get("request_hash") == headers.get("x-stoa-request") and "signature" in receipt,
          f"the miner signed for it: {headers.get('x-stoa-miner')} uid {headers.get('x-stoa-uid')}")
    check(headers.get("x-request-id") is not None, f"the request has a name: {headers.get('x-request-id')}")


def refused(response, status, code, param, what):
    """Checks OpenAI's envelope."""
    try:
        error = response.json()["error"]
    except (ValueError, KeyError, TypeError):
        return check(False, f"{what}: {response.status_code} {response.text[:200]}")
    shape = {"message", "type", "param", "code"} <= error.keys()
    right = (response.status_code, error["code"], error["param"]) == (status, code, param)
    check(shape and right, f"{what}: {response.status_code} {error['code']} {error['param']}: {error['message']}")


def refusals():
    star = encoded(drawn("star"), "PNG")
    text = base64.b64encode(star).decode()
    words = base64.b64encode(b"To be, or not to be").decode()
    refused(sent(b'{"image": ', "application/json"), 400, "invalid_json", None, "torn JSON")
    refused(asked(top_k=1), 400, "invalid_value", "image", "no picture")
    refused(asked(image="@@@"), 400, "invalid_value", "image", "what is not base64")
    refused(asked(image=words), 400, "invalid_image", "image", "what is no picture")
    refused(sent(star[:40], "image/png"), 400, "invalid_image", "image", "a torn picture")
    refused(sent(b"", "image/png"), 400, "invalid_image", "image", "nothing")
    refused(asked(image=text, top_k=0), 400, "invalid_value", "top_k", "no labels wanted")
    refused(asked(image=text, model="no-such-model"), 404, "model_not_found", "model", "a wrong model")
    gif = encoded(drawn("star"), "GIF")
    refused(sent(gif, "image/gif"), 415, "unsupported_media_type", "content-type", "a GIF that says so")
    refused(sent(gif, "image/png"), 400, "invalid_image", "image", "a GIF that does not")
    refused(asked(image="data:image/gif;base64," + base64.b64encode(gif).decode()),
            415, "unsupported_media_type", "image", "a GIF in a data: URL")
    refused(sent(bomb(), "image/png"), 413, "image_too_large", "image", "a bomb")
    refused(asked(image=base64.b64encode(bomb()).decode()), 413, "image_too_large", "image", "a bomb in JSON")
    refused(sent(b"\0" * 20_000_000, "image/png"), 413, "image_too_large", "image", "a too large body")
    refused(httpx.get(URL), 405, "method_not_supported", None, "another method")
    refused(httpx.post(f"{BASE_URL}/tasks/no-such-task", json={}), 404, "task_not_found", "task", "a wrong task")


def tasks():
    data = base64.b64encode(encoded(drawn("star"), "PNG")).decode()
    response = httpx.post(f"{BASE_URL}/tasks/{TASK}", json={"image": data}, timeout=60)
    labels = labels_of(response)
    check(len(labels) >= 12 and "x-stoa-receipt" in response.headers, f"the task's own address answers: {labels[:1]}")
    root = BASE_URL.removesuffix("/v1")
    document = httpx.get(f"{root}/openapi.json").json()
    check(f"/v1/tasks/{TASK}" in document["paths"] and "/v1/images/classifications" in document["paths"],
          "both addresses are described")
    health = httpx.get(f"{root}/health").json()
    check(all(subnet["status"] == "ok" for subnet in health["subnets"]), f"every subnet is well: {health}")


def main():
    for part in (listed, hugging_face, forms, amounts, proof, refusals, tasks):
        part()
    print(f"{failures} of the checks do not hold" if failures else "all checks hold")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
