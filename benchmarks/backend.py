"""Greedy answers by transformers, by steerstack's own engine and by the backend vllm, in one run, with stage times.

    python benchmarks/backend.py --data .../sycophancy/generate_dataset.json --json benchmarks/results/vllm.json

It needs the environment of the extra ``vllm`` (``nox -s vllm`` makes one), and takes some 20 minutes on two cores.
Each prompt is answered in exactly ``--new`` tokens, whatever it says. A plan adds a random direction to all tokens at
one layer; the 64 plans of the last rows are 64 different directions, each for a prompt of its own. Seconds and
processor seconds are of one run each: compare rows with one another, and with nothing else. On a machine that others
use, too, the processor seconds say more.

Stages of the largest steered run, in processor seconds: the model's own forward passes without steerstack's part;
finding the rows to edit before each pass; the edits; logits; and all else, which is vLLM's scheduling, sampling and
bookkeeping. ``passes.py`` divides them among what causes them.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import torch
from passes import Passes, costs, stages
from timing import Table, timed

from steerstack import Add, Plan, Site, Tokens, load_data, open_model
from steerstack.catalog.lookup import find
from steerstack.data.prompts import Prompt
from steerstack.engine.decode.generate import generate
from steerstack.engine.decode.sampling import Sampling
from steerstack.steering.tokens import TokenSequence
from steerstack.trace.model import Model
from steerstack_plugins.backends.vllm_model.model import VllmModel

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
    model = endless(open_model(args.model))
    items = load_data(args.data).limit(args.prompts)
    prompts = [model.format.sequence(Prompt(item.question)) for item in items]
    plans = [plan(model, args.layer, seed) for seed in range(len(prompts))]
    length = sum(map(len, prompts)) / len(prompts)
    title = f"{len(prompts)} prompts of {length:.0f} tokens on average x {args.new} new tokens, greedy"
    table = Table("generation", title, "share of new tokens unlike those of the first row under such plans")
    rows = Rows(table)
    by_transformers_and_reference(rows, model, prompts, plans, args.new)
    began = time.process_time()
    opened: Any = find("backend", "vllm").make({"cache_gib": 2, "length": 2048}).open(args.model)
    opening = time.process_time() - began
    endless(opened.known)
    try:
        profile = by_vllm(rows, opened, prompts, plans, args.new)
    finally:
        opened.close()
    profile["stages"]["opening, with the proof"] = opening
    spent = ", ".join(f"{name} {seconds:.1f}" for name, seconds in profile["stages"].items())
    print(f"stages, processor seconds: {spent}")
    for stage, of in profile["costs"].items():
        print(f"  {stage}, ms: " + ", ".join(f"{cause} {cost:.4f}" for cause, cost in of.items()))
    if args.json:
        record = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "where": where(args, model, opened.engine)}
        args.json.write_text(json.dumps({**record, **table.record(), **profile}, indent=1) + "\n")


def endless(model: Model) -> Model:
    """The model, of which no token ends an answer."""
    model.module.generation_config.eos_token_id = []  # type: ignore[union-attr]
    return model


def plan(model: Model, layer: int, seed: int) -> Plan:
    drawn = torch.randn(model.d_model, generator=torch.Generator().manual_seed(seed))
    return Plan((Add(Site("resid_post", layer), SHARE * drawn / drawn.norm(), selection=Tokens("all")),))


ALONE = 2
"""Requests that are timed one after the other, and scaled."""

FEW = 8
"""Requests that are timed together, and scaled."""


class Rows:
    """Adds rows to a table, each with the share of its tokens that are unlike those of the first under such plans."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._answers: dict[str, list[tuple[int, ...]]] = {}

    def add(self, name: str, work: Callable[[], Any], plans: str, times: float = 1) -> None:
        """Time one run, and scale it."""
        runs, tokens = timed(work, 1, times)
        expected = self._answers.setdefault(plans, tokens)
        note = f"scaled by {times:g}" if times != 1 else ""
        self._table.add(name, runs, unlike(tokens, expected[: len(tokens)]), note)


def by_transformers_and_reference(
    rows: Rows, model: Model, prompts: Sequence[TokenSequence], plans: Sequence[Plan], new: int
) -> None:
    """Rows of transformers and of steerstack's own engine."""
    pairs, times, few = list(zip(prompts, plans, strict=True))[:ALONE], len(prompts) / ALONE, len(prompts) / FEW

    def reference(texts: Sequence[TokenSequence], plan: Plan) -> list[tuple[int, ...]]:
        return generate(model, texts, [plan], Sampling(new))[0].tokens

    rows.add("transformers, a hook with a vector for each row", lambda: by_hand(model, prompts, plans, new), "each")
    name = f"transformers, such a hook, {FEW} at a time"
    rows.add(name, lambda: by_hand(model, prompts[:FEW], plans[:FEW], new), "each", few)
    name = "transformers, one prompt at a time"
    rows.add(name, lambda: [by_hand(model, [p], [v], new)[0] for p, v in pairs], "each", times)
    name = f"reference engine, one vector, {FEW} at a time"
    rows.add(name, lambda: reference(prompts[:FEW], plans[0]), "one", few)
    name = "reference engine, one prompt at a time"
    rows.add(name, lambda: [reference([p], v)[0] for p, v in pairs], "each", times)


def by_hand(model: Model, prompts: Sequence[TokenSequence], plans: Sequence[Plan], new: int) -> list[tuple[int, ...]]:
    """transformers' ``generate`` on rows filled up on the left, with a hook that adds to each row its own vector."""
    width = max(map(len, prompts))
    ids = torch.tensor([[0] * (width - len(p)) + list(p.ids) for p in prompts])
    mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts])
    (site,) = {edit.site for plan in plans for edit in plan}
    vectors = torch.stack([edit.direction for plan in plans for edit in plan if isinstance(edit, Add)])[:, None]

    def add(_module: Any, _args: Any, output: Any) -> Any:
        return output + vectors if isinstance(output, torch.Tensor) else (output[0] + vectors, *output[1:])

    handle = model.module_at(site).register_forward_hook(add)
    options: dict[str, Any] = {"max_new_tokens": new, "do_sample": False, "pad_token_id": 0}
    options["eos_token_id"] = -1  # which no answer has
    try:
        with torch.no_grad():
            out = model.module.generate(ids, attention_mask=mask, **options)  # type: ignore[operator]
    finally:
        handle.remove()
    return [tuple(row[width:].tolist()) for row in out]


def by_vllm(
    rows: Rows, opened: VllmModel, prompts: Sequence[TokenSequence], plans: Sequence[Plan], new: int
) -> dict[str, Any]:
    """Rows of vLLM, the stages of the last one, and what its passes cost."""
    n, passes = len(prompts), Passes(opened)

    def alone() -> list[tuple[int, ...]]:
        return [tokens for at in range(ALONE) for tokens in written([prompts[at]], [plans[at]])]

    def written(some: Sequence[TokenSequence], own: Sequence[Plan]) -> list[tuple[int, ...]]:
        opened.llm.reset_prefix_cache()
        return passes.run(lambda: [one.tokens for one in opened.written_each(some, own, Sampling(new))])

    rows.add("vllm, one request at a time", alone, "each", n / ALONE)
    rows.add(f"vllm, {FEW} at a time, a vector each", lambda: written(prompts[:FEW], plans[:FEW]), "each", n / FEW)
    before = len(passes.passes)
    rows.add(f"vllm, {n} together, a vector each", lambda: written(prompts, plans), "each")
    last = passes.passes[before:]
    return {"stages": stages(last), "passes": len(last), "costs": costs(passes.passes)}


def unlike(tokens: Sequence[Sequence[int]], expected: Sequence[Sequence[int]]) -> float:
    pairs = [(a, b) for one, other in zip(tokens, expected, strict=True) for a, b in zip(one, other, strict=True)]
    return sum(a != b for a, b in pairs) / len(pairs)


def where(args: argparse.Namespace, model: Model, engine: str) -> dict[str, Any]:
    import transformers

    return {
        "model": model.name, "dtype": str(model.dtype).removeprefix("torch."), "threads": args.threads,
        "torch": torch.__version__, "transformers": transformers.__version__, "backend": engine,
        "python": sys.version.split()[0], "layer": args.layer, "load": os.getloadavg(),
    }  # fmt: skip


if __name__ == "__main__":
    main()
