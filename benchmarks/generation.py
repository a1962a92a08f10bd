"""Generation: one edit on every token, and eight arms at once."""

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import peers
import peers_nnsight
import torch
from stage import Stage
from timing import Runs, Table, timed
from torch import Tensor

from steerstack import Add, Plan, Site, Tokens
from steerstack.data.prompts import Prompt
from steerstack.engine.decode.generate import Sampling, generate

PROMPTS, NEW, ARMS = 32, 40, 8

PEERS: dict[str, tuple[str, Callable[..., peers.Generate]]] = {
    "steering-vectors {version}": ("steering_vectors", peers.steering_vectors_generate),
    "nnsight {version}": ("nnsight", peers_nnsight.generate),
    "repeng {version} (np.float_ put back)": ("repeng", peers.repeng_generate),
}


def generation(stage: Stage) -> Table:
    """Ours against unsteered generate of transformers, a forward hook, and peers, one arm each."""
    model = stage.model
    prompts = [model.format.sequence(Prompt(item.question)) for item in stage.items.limit(PROMPTS)]
    table = Table(
        "generation", f"{len(prompts)} prompts x {NEW} tokens, greedy", "share of new tokens unlike steerstack's"
    )
    width = max(len(p) for p in prompts)
    ids = torch.tensor([[0] * (width - len(p)) + list(p.ids) for p in prompts], device=model.device)
    mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=model.device)
    options: dict[str, Any] = {
        "max_new_tokens": NEW, "min_new_tokens": NEW, "do_sample": False, "pad_token_id": 0,
    }  # fmt: skip
    layer = stage.layers[2]
    direction = stage.vector[layer]
    plans = [
        Plan((Add(Site("resid_post", layer), direction, 0.1 * s, selection=Tokens("all")),)) for s in range(1, ARMS + 1)
    ]
    plain, _ = timed(
        lambda: model.module.generate(ids, attention_mask=mask, **options),  # type: ignore[operator]
        stage.repeats,
    )
    table.add("unsteered generate of transformers", plain)
    with never_ending():
        one, arms = timed(lambda: generate(model, prompts, plans[:1], Sampling(NEW)), stage.repeats)
        table.add("steerstack, one arm", one)
        many = table.add(
            f"steerstack, {ARMS} arms", timed(lambda: generate(model, prompts, plans, Sampling(NEW)), 1)[0]
        )
        response = [Plan((Add(Site("resid_post", layer), direction, 0.1 * s),)) for s in range(1, ARMS + 1)]
        table.add(
            f"steerstack, {ARMS} arms, edited from the answer on",
            timed(lambda: generate(model, prompts, response, Sampling(NEW)), 1)[0],
        )
    many.note = f"{many.median / table.rows[1].median:.2f} times one arm"
    print(f"  {ARMS} arms take {many.note}")
    ours = torch.tensor(arms[0].tokens)

    def of_peer(factory: Callable[..., peers.Generate]) -> tuple[Runs, float, str]:
        work = factory(model, layer, 0.1 * direction)
        seconds, got = timed(lambda: unwrap(work(ids, mask, options)), stage.peer_repeats)
        return seconds, float((got[:, -NEW:].cpu() != ours).float().mean()), ""

    seconds, unlike, note = of_peer(peers.hook_generate)
    table.add("forward hook, one arm", seconds, unlike, note)
    for name, (package, factory) in PEERS.items():
        table.peer(f"{name}, one arm", package, partial(of_peer, factory))
    return table


def unwrap(found: Any) -> Tensor:
    return found if isinstance(found, Tensor) else found.sequences


@contextmanager
def never_ending() -> Iterator[None]:
    """All answers run to the end, as with ``min_new_tokens``."""
    engine: Any = importlib.import_module("steerstack.engine.decode.side_by_side")
    before, engine.stop_tokens = engine.stop_tokens, lambda _model: set()
    try:
        yield
    finally:
        engine.stop_tokens = before
