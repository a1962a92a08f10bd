"""A real server on the loopback: one for all tests, and one in a process of its own that dies."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.judges.server import MODES, Judges, completion

SERVER = Path(__file__).with_name("server.py")


class Served:
    """Where a mode is served, and how many requests it was sent."""

    def __init__(self, judges: Judges, name: str) -> None:
        self._judges, self._name, self.url = judges, name, judges.url(name)

    @property
    def requests(self) -> int:
        return self._judges.served[self._name]

    @property
    def headers(self) -> Mapping[str, str]:
        """Of the last request."""
        return self._judges.headers[self._name]


@pytest.fixture(scope="session")
def judges() -> Iterator[Judges]:
    server = Judges()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.stopping.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def serve(judges: Judges) -> Callable[..., Served]:
    """A function from the name of a mode, or a model that answers, to where it is served."""

    def one(mode: Any, top: int | None = None) -> Served:
        name = str(len(judges.modes))
        judges.modes[name] = {**MODES, "slow": judges.slow}[mode] if isinstance(mode, str) else _by_model(mode, top)
        return Served(judges, name)

    return one


def _by_model(model: Any, top: int | None) -> Any:
    """What a model says, greedily, with ``top`` log-probabilities of its first token, or as many as are asked for."""
    import torch

    from steerstack.data.prompts import Prompt
    from steerstack.engine.decode.generate import Sampling, generate
    from steerstack.steering.intervention import Plan

    def answer(asked: Any) -> Any:
        texts = {message["role"]: message["content"] for message in asked["messages"]}
        prompt = model.format.sequence(Prompt(texts["user"], texts.get("system")))
        with model.lock:
            tokens = generate(model, [prompt], [Plan()], Sampling(asked["max_tokens"]))[0].tokens[0]
            with torch.no_grad():
                logp = model.module(torch.tensor([prompt.ids])).logits[0, -1].float().log_softmax(-1)
        best = logp.topk(top or asked.get("top_logprobs", 1))
        content = [
            {"token": model.tokenizer.decode([int(index)]), "logprob": float(value), "bytes": None}
            for value, index in zip(best.values, best.indices, strict=True)
        ]
        text = model.tokenizer.decode(tokens, skip_special_tokens=True)
        return completion(text, [{**content[0], "top_logprobs": content}], len(prompt) + len(tokens))

    return answer


@pytest.fixture
def dying() -> Iterator[Callable[[int], str]]:
    """A function from a number of requests to the address of a server that dies at the next."""
    running: list[subprocess.Popen[str]] = []

    def one(requests: int) -> str:
        command = [sys.executable, str(SERVER), str(requests)]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        assert running[-1].stdout is not None
        return running[-1].stdout.readline().strip()

    yield one
    for process in running:
        process.kill()
        process.communicate()
