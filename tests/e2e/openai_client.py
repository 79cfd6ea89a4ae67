"""A gateway as a developer meets it: the official `openai` package, unmodified, against `STOA_GATEWAY`.

Prints a line per check and exits with 1 if any of them does not hold.
"""

import os
import sys

import httpx
import openai

BASE_URL = os.environ.get("STOA_GATEWAY", "http://127.0.0.1:8080/v1")
failures = 0


def check(holds, what):
    global failures
    failures += not holds
    print(f"{'ok  ' if holds else 'FAIL'} {what}", flush=True)


def refused(ask, kind, status, code, what):
    """Checks that `ask` raises OpenAI's error of this kind, with this status and code, and the whole envelope."""
    try:
        ask()
    except openai.APIStatusError as error:
        body = error.body if isinstance(error.body, dict) else {}
        shape = {"message", "type", "param", "code"} <= body.keys()
        right = isinstance(error, kind) and error.status_code == status and body.get("code") == code
        check(right and shape, f"{what}: {error.status_code} {body.get('code')}: {body.get('message')}")
    except openai.APIConnectionError as error:
        check(False, f"{what}: the connection broke: {error.__cause__!r}")
    else:
        check(False, f"{what}: answered instead of refused")


def envelope(response, status, code, what):
    """Checks a response that was fetched without the package, which never sends such a request."""
    try:
        error = response.json()["error"]
    except (ValueError, KeyError, TypeError):
        return check(False, f"{what}: {response.status_code} {response.text[:200]}")
    shape = {"message", "type", "param", "code"} <= error.keys()
    check(response.status_code == status and error["code"] == code and shape,
          f"{what}: {response.status_code} {error.get('code')}: {error.get('message')}")


def models(client):
    listed = client.models.list().data
    check(len(listed) > 0, f"models are listed: {[model.id for model in listed]}")
    model = listed[0].id
    check(client.models.retrieve(model).id == model, f"a model is described: {model}")
    return model


def chats(client, model):
    question = [{"role": "user", "content": "Speak of love."}]
    raw = client.chat.completions.with_raw_response.create(
        model=model, messages=question, max_tokens=24, seed=7)
    answer = raw.parse()
    text, usage = answer.choices[0].message.content, answer.usage
    check(len(text) > 0, f"a chat is answered: {text[:60]!r}")
    check(answer.choices[0].finish_reason in ("stop", "length"),
          f"it says why it ended: {answer.choices[0].finish_reason}")
    check(0 < usage.completion_tokens <= 24 and usage.prompt_tokens > 0
          and usage.total_tokens == usage.prompt_tokens + usage.completion_tokens,
          f"it says what it cost: {usage.prompt_tokens} + {usage.completion_tokens} tokens")
    receipt = answer.model_extra["stoa"]["receipt"]
    check(receipt["completion_tokens"] == usage.completion_tokens and receipt["seed"] == 7
          and raw.headers["x-stoa-miner"] == receipt["miner"],
          f"the miner signed for it: {receipt['miner']}")
    check(raw.headers.get("x-request-id") is not None and "openai-processing-ms" in raw.headers,
          f"the request has a name: {raw.headers.get('x-request-id')}")


def streams(client, model):
    question = [{"role": "user", "content": "Speak of war."}]
    same = dict(model=model, messages=question, max_tokens=24, seed=5)
    whole = client.chat.completions.create(**same).choices[0].message.content
    chunks = list(client.chat.completions.create(**same, stream=True, stream_options={"include_usage": True}))
    pieces = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices]
    pieces = [piece for piece in pieces if piece]
    text = "".join(pieces)
    check(text == whole and len(pieces) > 1, f"a chat is streamed in {len(pieces)} pieces: {text[:60]!r}")
    check(chunks[0].choices[0].delta.role == "assistant", "the first chunk names the role")
    ends = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices]
    check(ends[-1] in ("stop", "length") and not any(ends[:-1]), f"the last says why it ended: {ends[-1]}")
    usage = chunks[-1].usage
    check(usage is not None and 0 < usage.completion_tokens <= 24, f"the stream ends with the cost: {usage}")
    quiet = client.chat.completions.create(**same, stream=True)
    check(all(chunk.usage is None for chunk in quiet), "no cost is told unless asked for")


def completions(client, model):
    same = dict(model=model, prompt="To be, or not to be", max_tokens=12, temperature=0)
    answer = client.completions.create(**same)
    check(len(answer.choices[0].text) > 0, f"a text is continued: {answer.choices[0].text[:60]!r}")
    again = client.completions.create(**same)
    check(answer.choices[0].text == again.choices[0].text, "at temperature 0 it goes on the same way again")
    streamed = client.completions.create(**same, stream=True)
    text = "".join(chunk.choices[0].text for chunk in streamed if chunk.choices)
    check(text == answer.choices[0].text, "streamed too")


def options(client, model):
    question = [{"role": "user", "content": "Speak of the sea."}]
    same = dict(model=model, messages=question, max_tokens=12, seed=11)
    texts = {client.chat.completions.create(**same).choices[0].message.content for _ in range(3)}
    check(len(texts) == 1, "the same seed gives the same answer, whoever gives it")
    told = client.chat.completions.create(**same, logprobs=True, top_logprobs=2)
    tokens = told.choices[0].logprobs.content
    check(len(tokens) > 0 and all(token.logprob <= 0 and len(token.top_logprobs) == 2 for token in tokens),
          f"log-probabilities are told: {len(tokens)} tokens")
    whole = client.completions.create(model=model, prompt="The king", max_tokens=24, seed=3)
    stop = whole.choices[0].text[3:5]
    cut = client.completions.create(model=model, prompt="The king", max_tokens=24, seed=3, stop=stop)
    before = whole.choices[0].text.split(stop)[0]
    check(cut.choices[0].text == before and cut.choices[0].finish_reason == "stop",
          f"an answer stops before {stop!r}")
    unknown = client.chat.completions.create(
        **same, user="someone", metadata={"a": "b"}, extra_body={"something_new": 1})
    check(unknown.choices[0].message.content in texts, "unknown fields change nothing")


def refusals(client, model):
    chat = client.chat.completions.create
    question = [{"role": "user", "content": "Hello"}]
    refused(lambda: chat(model="no-such-model", messages=question),
            openai.NotFoundError, 404, "model_not_found", "a wrong model")
    long = [{"role": "user", "content": "Now is the winter of our discontent. " * 4000}]
    refused(lambda: chat(model=model, messages=long, max_tokens=4),
            openai.BadRequestError, 400, "context_length_exceeded", "an over-long prompt")
    refused(lambda: chat(model=model, messages=long, max_tokens=4, stream=True),
            openai.BadRequestError, 400, "context_length_exceeded", "an over-long prompt to stream")
    large = [{"role": "user", "content": "x" * 4_000_000}]
    refused(lambda: chat(model=model, messages=large),
            openai.APIStatusError, 413, "request_too_large", "a too large body")
    refused(lambda: chat(model=model, messages=question, temperature=9),
            openai.BadRequestError, 400, "invalid_value", "a temperature out of range")
    refused(lambda: chat(model=model, messages=question, n=2),
            openai.BadRequestError, 400, "unsupported_parameter", "two answers at once")
    refused(lambda: chat(model=model, messages=[]),
            openai.BadRequestError, 400, "invalid_value", "no messages")
    headers = {"content-type": "application/json", "authorization": "Bearer any"}
    bad = httpx.post(f"{BASE_URL}/chat/completions", content='{"model": "x", "messages": [', headers=headers)
    envelope(bad, 400, "invalid_json", "bad JSON")
    envelope(httpx.get(f"{BASE_URL}/nowhere", headers=headers), 404, "unknown_url", "an unknown address")


def main():
    # No retries: what is checked is the first answer.
    client = openai.OpenAI(base_url=BASE_URL, api_key="any", max_retries=0, timeout=60)
    model = models(client)
    for part in (chats, streams, completions, options, refusals):
        part(client, model)
    print(f"{failures} of the checks do not hold" if failures else "all checks hold")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
