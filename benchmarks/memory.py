"""Peak memory, each figure from a fresh process.

    python benchmarks/memory.py sweep --data ITEMS.json [--items 50] [--model smollm2]
    python benchmarks/memory.py extraction --count 20000

``sweep``: how far resident memory rises above its level before the model was loaded, at its highest
while the sweep runs, over the bytes of the model's weights (tied ones once). Before that level is
taken a tiny model has done the same, so that libraries imported on the way, and the threads' buffers,
are not counted; what the tokenizer and the model's own code take is. The peak of loading is not.

``extraction``: how far it rises above its level when the pairs had been made, while the mean difference
of a tiny model is extracted from them: the pairs, which the caller holds, are not counted. All have the
same lengths. ``--lazy`` gives a sequence that makes each pair when it is asked for instead.

Resident memory is that of Linux (``VmRSS``, and ``VmHWM`` after it was reset).
"""

import argparse
import ctypes
import gc
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, overload

import torch

SCALES = (-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0)


def _status(key: str) -> int:
    """Bytes, out of what the kernel says of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key + ":"))


def level() -> int:
    """Resident bytes, when what is free has been handed back to the system."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return _status("VmRSS")


def reset_peak() -> None:
    """From here on ``VmHWM`` is the peak."""
    Path("/proc/self/clear_refs").write_text("5")


def of_sweep(args: argparse.Namespace) -> dict[str, Any]:
    """Peak of a sweep of ``--items`` items over nine scales and the layers of ``--layers``."""
    from steerstack import Add, Plan, Site, load_data, open_model
    from steerstack.data.questions import ask
    from steerstack.engine.score import score
    from steerstack.testing.models import tiny_model, tiny_tokenizer
    from steerstack.trace.model import Model

    items = load_data(args.data).limit(args.items)

    def run(model: Model, layers: list[int], n: int) -> None:
        questions = [q for q in ask(model.format, items.limit(n), "letter") if q.order == 0]
        direction = torch.ones(model.d_model)
        arms = [Plan((Add(Site("resid_post", x), direction, s / 10),)) for x in layers for s in SCALES]
        score(model, [q.pair for q in questions], arms, tokens=args.tokens)

    run(open_model(tiny_model(), tokenizer=tiny_tokenizer()), [1, 2], 2)
    before = level()
    model = open_model(args.model, dtype="float32")
    weights = sum(p.numel() * p.element_size() for p in model.module.parameters())
    loaded = level()
    reset_peak()
    run(model, [int(x) for x in args.layers.split(",")], args.items)
    peak = _status("VmHWM")
    return {
        "weights": weights, "loaded": loaded - before, "peak": peak - before, "ratio": (peak - before) / weights,
    }  # fmt: skip


def of_extraction(args: argparse.Namespace) -> dict[str, Any]:
    """Peak of an extraction from ``--count`` synthetic pairs, on a tiny model."""
    from steerstack import open_model
    from steerstack.data.questions import ContrastPair, Read
    from steerstack.engine.activations import PairActivations
    from steerstack.steering.tokens import TokenSequence
    from steerstack.testing.models import tiny_model, tiny_tokenizer
    from steerstack_plugins.extraction.mean_difference import MeanDifference

    length = args.length

    def make(index: int) -> ContrastPair:
        stem = tuple((index * 31 + place * 7) % 256 for place in range(length - 1))
        sides = [Read(TokenSequence((*stem, letter), length - 4, length - 1), (length - 1,)) for letter in (10, 20)]
        return ContrastPair(str(index), *sides)

    class Lazy(Sequence[ContrastPair]):
        """Makes a pair when it is asked for."""

        def __init__(self, indices: range) -> None:
            self.indices = indices

        def __len__(self) -> int:
            return len(self.indices)

        @overload
        def __getitem__(self, at: int) -> ContrastPair: ...
        @overload
        def __getitem__(self, at: slice) -> "Lazy": ...
        def __getitem__(self, at: int | slice) -> "ContrastPair | Lazy":
            return Lazy(self.indices[at]) if isinstance(at, slice) else make(self.indices[at])

    model = open_model(tiny_model(), tokenizer=tiny_tokenizer())
    MeanDifference().fit(PairActivations(model, [make(index) for index in range(40)]))
    before = level()
    pairs = Lazy(range(args.count)) if args.lazy else [make(index) for index in range(args.count)]
    start = level()
    reset_peak()
    MeanDifference().fit(PairActivations(model, pairs))
    peak = _status("VmHWM")
    return {"pairs": start - before, "before": start, "peak": peak, "rise": peak - start}


def fresh(what: str, *options: str) -> dict[str, Any]:
    """The figures of a process of its own."""
    command = [sys.executable, str(Path(__file__)), what, *options]
    process = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(process.stdout.strip().splitlines()[-1])  # type: ignore[no-any-return]


def memory(args: argparse.Namespace) -> dict[str, Any]:
    """The part ``memory`` of the benchmark."""
    print("\nmemory (resident, fresh processes)")
    sweep = fresh(
        "sweep", "--data", args.data, "--items", str(args.items), "--model", args.model, "--tokens", str(args.tokens)
    )
    print(
        f"  sweep of {args.items} items x {len(SCALES)} scales x 6 layers, {args.model} in float32, above the level "
        f"before loading:\n  weights {sweep['weights'] / 1e6:.0f} MB, loaded {sweep['loaded'] / 1e6:.0f} MB, "
        f"peak {sweep['peak'] / 1e6:.0f} MB = {sweep['ratio']:.2f} times the weights"
    )
    rises = {
        f"{count}{' lazy' if lazy else ''}": fresh("extraction", "--count", str(count), *(["--lazy"] if lazy else []))
        for count, lazy in ((200, False), (20_000, False), (20_000, True))
    }
    for name, rise in rises.items():
        print(
            f"  extraction from {name} pairs, tiny model: peak {rise['peak'] / 1e6:.0f} MB, "
            f"{rise['rise'] / 1e6:.0f} MB above the level with the pairs made ({rise['pairs'] / 1e6:.0f} MB)"
        )
    return {"part": "memory", "sweep": sweep, "extraction": rises}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["sweep", "extraction"])
    parser.add_argument("--data")
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--items", type=int, default=50)
    parser.add_argument("--layers", default="5,9,13,17,21,25")
    parser.add_argument("--tokens", type=int, default=1024)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--length", type=int, default=40)
    parser.add_argument("--lazy", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    print(json.dumps(of_sweep(args) if args.what == "sweep" else of_extraction(args)))


if __name__ == "__main__":
    main()
