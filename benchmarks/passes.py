"""What each pass of vLLM takes, stage by stage, and what a token costs: least squares over the passes of one run."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, TypeVar

import numpy as np
import torch
from scipy.optimize import nnls

from steerstack_plugins.backends.vllm_model.model import VllmModel
from steerstack_plugins.backends.vllm_model.steering import RowEdits, Segment

Outcome = TypeVar("Outcome")


@dataclass
class Pass:
    """One pass: its rows, and the processor seconds of each stage.

    ``read`` and ``written`` are tokens of prompts and tokens that were just written; ``attended`` is what the written
    ones look back at, ``edited`` counts rows and ``vectors`` edits. The stage ``all else`` is what lies between the
    stages of this pass and the next: scheduling, sampling, bookkeeping.
    """

    read: int = 0
    written: int = 0
    attended: int = 0
    requests: int = 0
    edited: int = 0
    vectors: int = 0
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))


class Passes:
    """Notes the passes of an opened model meanwhile."""

    def __init__(self, opened: VllmModel) -> None:
        self.passes: list[Pass] = []
        self._opened = opened

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Clocks at each stage, of this process's processors: others on the machine do not count."""
        (module,) = self._opened.llm.apply_model(lambda of_worker: of_worker)
        parts = {"forward": "forward pass", "compute_logits": "logits"}
        before = {"begin": RowEdits.begin, "edit": RowEdits.edit}
        for name, stage in parts.items():
            setattr(module, name, self._clocked(getattr(module, name), stage))
        begin = self._clocked(RowEdits.begin, "rows to edit")

        def noting(steering: RowEdits, segments: Sequence[Segment], positions: torch.Tensor) -> None:
            self.passes.append(_rows(steering, segments, positions))
            begin(steering, segments, positions)

        setattr(RowEdits, "begin", noting)  # noqa: B010  # a method of a class
        setattr(RowEdits, "edit", self._clocked(RowEdits.edit, "edits"))  # noqa: B010
        try:
            yield
        finally:
            for name in parts:
                delattr(module, name)
            for name, method in before.items():
                setattr(RowEdits, name, method)

    def run(self, work: Callable[[], Outcome]) -> Outcome:
        """Run something, and note its passes; what lies between them is divided among them equally."""
        first, began = len(self.passes), time.process_time()
        with self.noted():
            result = work()
        whole, mine = time.process_time() - began, self.passes[first:]
        for one in mine:
            one.seconds["forward pass"] -= one.seconds["edits"]
        rest = (whole - sum(sum(one.seconds.values()) for one in mine)) / len(mine)
        for one in mine:
            one.seconds["all else"] = rest
        return result

    def _clocked(self, function: Callable[..., Any], stage: str) -> Callable[..., Any]:
        @wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            began = time.process_time()
            try:
                return function(*args, **kwargs)
            finally:
                self.passes[-1].seconds[stage] += time.process_time() - began

        return run


def _rows(steering: RowEdits, segments: Sequence[Segment], positions: torch.Tensor) -> Pass:
    """What a pass is about to run; a request with one row in it is one that writes."""
    one, where = Pass(requests=len(segments)), positions.tolist()
    acting = set()
    for segment in segments:
        rows = range(segment.begin, segment.end)
        if len(rows) == 1:
            one.written += 1
            one.attended += where[segment.begin]
        else:
            one.read += len(rows)
        for edit in steering.held[segment.key].edits:
            touched = sum(edit.touches(where[row]) for row in rows)
            one.edited += touched
            if touched:
                acting.add(edit.fingerprint)
    one.vectors = len(acting)
    return one


PARTS: Mapping[str, tuple[str, ...]] = {
    "forward pass": ("read", "written", "attended"),
    "logits": ("requests",),
    "rows to edit": ("read", "written"),
    "edits": ("edited", "vectors"),
    "all else": ("requests",),
}
"""What each stage's time is put down to, beside a fixed part for each pass."""


def stages(passes: Sequence[Pass]) -> dict[str, float]:
    """Processor seconds of each stage in all passes."""
    return {name: sum(one.seconds.get(name, 0.0) for one in passes) for name in PARTS}


def costs(passes: Sequence[Pass]) -> dict[str, dict[str, float]]:
    """Processor milliseconds of each stage for each of its causes, by least squares without negative costs.

    Squares are of differences in relation to a pass's own time, so that passes that read do not outweigh the others.
    What is left is told as a share of the whole.
    """
    result = {}
    for stage, causes in PARTS.items():
        mine = [one for one in passes if stage != "edits" or one.edited]
        causes_of = np.array([[1.0, *(getattr(one, cause) for cause in causes)] for one in mine])
        taken = np.array([1000 * one.seconds.get(stage, 0.0) for one in mine])
        weights = 1 / np.maximum(taken, 1e-3)
        found, _ = nnls(causes_of * weights[:, None], taken * weights)
        left = np.abs(causes_of @ found - taken).sum() / taken.sum()
        names = ("each pass", *causes)
        result[stage] = {**dict(zip(names, map(float, found), strict=True)), "share unexplained": float(left)}
    return result
