"""A small server of OpenAI's chat completions, for tests: ``python server.py PORT MODE [N]``.

Modes: ``tiny`` and ``smollm2`` run a model through steerstack, with log-probabilities; ``words``
says Yes where the prompt holds "right" and No elsewhere, without log-probabilities; ``rubbish``
answers with a poem; ``html`` answers with a page; ``slow`` takes a minute; ``refusing`` knows no
log-probabilities; ``broken`` fails always; ``dying`` behaves as ``words`` for N requests, then exits.
"""

import asyncio
import os
import sys
from functools import cache

import anyio._backends._asyncio  # noqa: F401  # before nnsight, whose `save` on every object it cannot stand
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

served = 0


@cache
def opened(name):
    import torch

    from steerstack.testing.models import tiny_model, tiny_tokenizer
    from steerstack.trace.open import open_model

    torch.set_num_threads(1)
    return open_model(tiny_model(), tokenizer=tiny_tokenizer()) if name == "tiny" else open_model(name)


def by_model(name, asked):
    """What the model says, greedily, and the log-probabilities of its first token."""
    import torch

    from steerstack.engine.generate import Sampling, generate
    from steerstack.intervention import Plan
    from steerstack.prompts import Prompt

    model = opened(name)
    said = {message["role"]: message["content"] for message in asked["messages"]}
    prompt = model.format.sequence(Prompt(said["user"], said.get("system")))
    with model.lock:
        tokens = generate(model, [prompt], [Plan()], Sampling(asked["max_tokens"]))[0].tokens[0]
        with torch.no_grad():
            logp = model.module(torch.tensor([prompt.ids])).logits[0, -1].float().log_softmax(-1)
    best = logp.topk(len(logp) if name == "tiny" else asked.get("top_logprobs", 1))
    top = [
        {"token": model.tokenizer.decode([int(index)]), "logprob": float(value), "bytes": None}
        for value, index in zip(best.values, best.indices, strict=True)
    ]
    first = {**top[0], "top_logprobs": top}
    text = model.tokenizer.decode(tokens, skip_special_tokens=True)
    return text, [first], len(prompt) + len(tokens)


def completion(text, content=None, tokens=7):
    logprobs = None if content is None else {"content": content, "refusal": None}
    return JSONResponse(
        {
            "id": "1", "object": "chat.completion", "created": 0, "model": "m",
            "choices": [{"index": 0, "finish_reason": "stop", "logprobs": logprobs,
                         "message": {"role": "assistant", "content": text}}],
            "usage": {"prompt_tokens": tokens, "completion_tokens": 0, "total_tokens": tokens},
        }
    )  # fmt: skip


async def chat(request: Request) -> Response:
    global served
    asked = await request.json()
    mode = sys.argv[2]
    served += 1
    if mode in ("tiny", "smollm2"):
        return completion(*await run_in_threadpool(by_model, mode, asked))
    if mode == "dying" and served > int(sys.argv[3]):
        os._exit(1)
    if mode == "slow":
        await asyncio.sleep(60)
    if mode == "html":
        return HTMLResponse("<html>Welcome</html>")
    if mode == "broken" or (mode == "refusing" and asked.get("logprobs")):
        refused = mode == "refusing"
        return JSONResponse({"error": {"message": "no logprobs here" if refused else "oops"}}, 400 if refused else 500)
    if mode == "rubbish":
        return completion("Roses are red, yes they are.")
    return completion("Yes." if "right" in asked["messages"][-1]["content"].split("\n\n")[1] else "No, it is not.")


async def health(_request: Request) -> Response:
    return JSONResponse({"served": served})


app = Starlette(
    routes=[Route("/v1/chat/completions", chat, methods=["POST"]), Route("/health", health, methods=["GET"])]
)

if __name__ == "__main__":
    if sys.argv[2] in ("tiny", "smollm2"):
        opened(sys.argv[2])
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
