"""Greedy answers by transformers, by steerstack's own engine and by the backend vllm, in one run, with stage times.

    python benchmarks/backend.py --data .../caa/test/sycophancy/test_dataset_ab.json --json benchmarks/results/vllm.json

It needs the environment of the extra ``vllm`` (``nox -s vllm`` makes one), and takes some ten minutes on two cores.
Each prompt is answered in exactly ``--new`` tokens, whatever it says. A plan adds a random direction to all tokens at
one layer; the 64 plans of the last rows are 64 different directions, each for a prompt of its own. Seconds and
processor seconds are of one run each: compare rows with one another, and with nothing else.

Stages of the largest steered run: the model's own forward passes without steerstack's part; finding the rows to edit
before each pass; the edits; logits; and all else, which is vLLM's scheduling, sampling and bookkeeping.
"""

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import torch
from generation import never_ending
from timing import Table, timed

from steerstack import Add, Plan, Site, Tokens, load_data, open_model
from steerstack.catalog.lookup import find
from steerstack.data.prompts import Prompt
from steerstack.engine.decode.generate import generate
from steerstack.engine.decode.sampling import Sampling
from steerstack.steering.tokens import TokenSequence
from steerstack.trace.model import Model
from steerstack_plugins.backends.vllm_model import model as vllm_model
from steerstack_plugins.backends.vllm_model.model import VllmModel
from steerstack_plugins.backends.vllm_model.steering import RowEdits

SHARE = 8.0
"""Norm of each direction: about a tenth of SmolLM2's residual stream in the middle."""


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--data", required=True, help="items whose questions are the prompts")
    parser.add_argument("--prompts", type=int, default=64)
    parser.add_argument("--new", type=int, default=64, help="tokens of each answer")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--layer", type=int, default=14)
    parser.add_argument("--json", type=Path)
    return parser


def main() -> None:
    args = arguments().parse_args()
    torch.set_num_threads(args.threads)
    os.environ.setdefault("OMP_NUM_THREADS", str(args.threads))
    model = open_model(args.model)
    items = load_data(args.data).limit(args.prompts)
    prompts = [model.format.sequence(Prompt(item.question)) for item in items]
    plans = [plan(model, args.layer, seed) for seed in range(len(prompts))]
    length = sum(map(len, prompts)) / len(prompts)
    title = f"{len(prompts)} prompts of {length:.0f} tokens on average x {args.new} new tokens, greedy"
    table = Table("generation", title, "share of new tokens unlike the reference engine's")
    reference = by_transformers_and_reference(table, model, prompts, plans, args.new)
    began = time.perf_counter()
    opened = find("backend", "vllm").make({"cache_gib": 2, "length": 2048}).open(args.model)
    opening = time.perf_counter() - began
    try:
        stages = by_vllm(table, opened, prompts, plans, args.new, reference)
    finally:
        opened.close()
    stages["opening, with the proof"] = opening
    print("stages, s: " + ", ".join(f"{name} {seconds:.1f}" for name, seconds in stages.items()))
    if args.json:
        record = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "where": where(args, model, opened.engine)}
        args.json.write_text(json.dumps({**record, **table.record(), "stages": stages}, indent=1) + "\n")


def plan(model: Model, layer: int, seed: int) -> Plan:
    drawn = torch.randn(model.d_model, generator=torch.Generator().manual_seed(seed))
    return Plan((Add(Site("resid_post", layer), SHARE * drawn / drawn.norm(), selection=Tokens("all")),))


Reference = dict[str, list[tuple[int, ...]]]
"""Answers of steerstack's own engine, by what acts."""


def by_transformers_and_reference(
    table: Table, model: Model, prompts: Sequence[TokenSequence], plans: Sequence[Plan], new: int
) -> Reference:
    """Rows of transformers and of steerstack's own engine."""
    answers: Reference = {}
    with never_ending():
        for name, plan in (("unsteered", Plan()), ("one", plans[0])):
            answers[name] = generate(model, prompts, [plan], Sampling(new))[0].tokens
        answers["each"] = [
            generate(model, [prompt], [own], Sampling(new))[0].tokens[0]
            for prompt, own in zip(prompts, plans, strict=True)
        ]

    def row(name: str, work: Callable[[], Any], key: str, times: int = 1) -> None:
        runs, tokens = timed(work, 1, float(times))
        table.add(name, runs, unlike(tokens, answers[key][: len(tokens)]), f"scaled by {times}" if times > 1 else "")

    row("transformers' generate, unsteered, one batch", lambda: by_hand(model, prompts, None, new), "unsteered")
    row(
        "transformers' generate, a hook with a vector for each row",
        lambda: by_hand(model, prompts, plans, new),
        "each",
    )
    few = len(prompts) // 8
    row(
        "transformers' generate, one prompt after the other, 8 of them",
        lambda: [by_hand(model, [p], [v], new)[0] for p, v in zip(prompts[:8], plans[:8], strict=True)],
        "each",
        few,
    )
    with never_ending():
        row("reference engine, unsteered", lambda: generate(model, prompts, [Plan()], Sampling(new))[0].tokens,
            "unsteered")  # fmt: skip
        row("reference engine, one vector", lambda: generate(model, prompts, plans[:1], Sampling(new))[0].tokens, "one")
        row(
            "reference engine, a vector for each prompt, 8 of them",
            lambda: [
                generate(model, [p], [v], Sampling(new))[0].tokens[0]
                for p, v in zip(prompts[:8], plans[:8], strict=True)
            ],
            "each",
            few,
        )
    return answers


def by_hand(
    model: Model, prompts: Sequence[TokenSequence], plans: Sequence[Plan] | None, new: int
) -> list[tuple[int, ...]]:
    """transformers' ``generate`` on rows filled up on the left, with a hook that adds to each row its own vector."""
    width = max(map(len, prompts))
    ids = torch.tensor([[0] * (width - len(p)) + list(p.ids) for p in prompts])
    mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts])
    handles = []
    if plans is not None:
        (site,) = {edit.site for plan in plans for edit in plan}
        vectors = torch.stack([plan.edits[0].direction for plan in plans])[:, None]

        def add(_module: Any, _args: Any, output: Any) -> Any:
            return output + vectors if isinstance(output, torch.Tensor) else (output[0] + vectors, *output[1:])

        handles.append(model.module_at(site).register_forward_hook(add))
    try:
        options: dict[str, Any] = {"max_new_tokens": new, "min_new_tokens": new, "do_sample": False, "pad_token_id": 0}
        with torch.no_grad():
            out = model.module.generate(ids, attention_mask=mask, **options)  # type: ignore[operator]
    finally:
        for handle in handles:
            handle.remove()
    return [tuple(row[width:].tolist()) for row in out]


def by_vllm(
    table: Table,
    opened: VllmModel,
    prompts: Sequence[TokenSequence],
    plans: Sequence[Plan],
    new: int,
    reference: Reference,
) -> dict[str, float]:
    """Rows of vLLM, and the stages of the last one."""
    vllm_model.stop_tokens = lambda _model: set()  # type: ignore[attr-defined]
    n = len(prompts)

    def row(name: str, work: Callable[[], Any], key: str, times: int = 1) -> None:
        runs, written = timed(work, 1, float(times))
        tokens = [one.tokens for one in written]
        table.add(name, runs, unlike(tokens, reference[key][: len(tokens)]), f"scaled by {times}" if times > 1 else "")

    def together(count: int, own: Sequence[Plan]) -> list[Any]:
        opened.llm.reset_prefix_cache()
        return opened.written_each(prompts[:count], own[:count], Sampling(new))

    together(2, plans)
    row("vllm, 1 request", lambda: together(1, plans), "each", n)
    row("vllm, 8 requests, a vector each", lambda: together(8, plans), "each", n // 8)
    row(f"vllm, {n} requests, unsteered", lambda: together(n, [Plan()] * n), "unsteered")
    row(f"vllm, {n} requests, a vector each", lambda: together(n, plans), "each")
    with stages_of(opened) as stages:
        began = time.perf_counter()
        together(n, plans)
        whole = time.perf_counter() - began
    stages["forward passes"] -= stages["edits"]
    stages["all else"] = whole - sum(stages.values())
    return dict(stages)


@contextmanager
def stages_of(opened: VllmModel) -> Iterator[Counter[str]]:
    """Seconds in each stage meanwhile."""
    stages: Counter[str] = Counter()
    methods = {"begin": "rows to edit", "edit": "edits"}
    before = {name: getattr(RowEdits, name) for name in methods}

    def clocked(function: Callable[..., Any], stage: str) -> Callable[..., Any]:
        @wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                stages[stage] += time.perf_counter() - began

        return run

    (module,) = opened.llm.apply_model(lambda of_worker: of_worker)
    parts = {"forward": "forward passes", "compute_logits": "logits"}
    for name, stage in parts.items():
        setattr(module, name, clocked(getattr(module, name), stage))
    for name, stage in methods.items():
        setattr(RowEdits, name, clocked(before[name], stage))
    try:
        yield stages
    finally:
        for name in parts:
            delattr(module, name)
        for name, method in before.items():
            setattr(RowEdits, name, method)


def unlike(tokens: Sequence[Sequence[int]], expected: Sequence[Sequence[int]]) -> float:
    pairs = [(a, b) for one, other in zip(tokens, expected, strict=True) for a, b in zip(one, other, strict=True)]
    return sum(a != b for a, b in pairs) / len(pairs)


def where(args: argparse.Namespace, model: Model, engine: str) -> dict[str, Any]:
    import transformers

    return {
        "model": model.name, "dtype": str(model.dtype).removeprefix("torch."), "threads": args.threads,
        "torch": torch.__version__, "transformers": transformers.__version__, "backend": engine,
        "python": sys.version.split()[0], "layer": args.layer,
    }  # fmt: skip


if __name__ == "__main__":
    main()
