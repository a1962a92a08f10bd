"""Medians, ratios and agreements of one run, printed as they come and kept for ``--json``."""

import gc
import importlib.metadata
import importlib.util
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch


@dataclass
class Row:
    """One way of doing the work: its runs, or why there are none.

    ``seconds`` are of the wall clock, ``cpu`` of this process's processors (all threads); both are
    scaled where a sample was timed.
    """

    name: str
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    ratio: float | None = None
    cpu_ratio: float | None = None
    difference: float | None = None
    note: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


@dataclass
class Table:
    """Ways of doing one piece of work; ratios are of medians, to the first row's.

    ``agreement`` says what the last column holds: how far a row's result is from the first's or ours.
    """

    part: str
    title: str
    agreement: str = ""
    rows: list[Row] = field(default_factory=list)

    def __post_init__(self) -> None:
        print(f"\n{self.part}: {self.title}")
        print(f"  {'':52} {'seconds':>9} {'ratio':>7} {'CPU s':>9} {'ratio':>7}   {self.agreement}")

    def add(self, name: str, runs: "Runs", difference: float | None = None, note: str = "") -> Row:
        row = Row(name, [wall for wall, _ in runs], [cpu for _, cpu in runs], difference=difference, note=note)
        first = self.rows[0] if self.rows else row
        cpu = statistics.median(row.cpu)
        row.ratio, row.cpu_ratio = row.median / first.median, cpu / statistics.median(first.cpu)
        self.rows.append(row)
        shown = "" if difference is None else f"{difference:.1e}"
        figures = f"{row.median:9.2f} {row.ratio:7.2f} {cpu:9.2f} {row.cpu_ratio:7.2f}"
        print(f"  {name:52} {figures}   {shown:8} {note}".rstrip(), flush=True)
        return row

    def peer(self, name: str, package: str, work: Callable[[], tuple["Runs", float | None, str]]) -> None:
        """Time a peer, or say that it is not installed, or in one line how it fails."""
        if not importlib.util.find_spec(package):
            return self._without(name, "not installed")
        version = importlib.metadata.version(DISTRIBUTIONS.get(package, package))
        name = name.replace("{version}", version)
        try:
            runs, difference, note = work()
        except Exception as error:
            lines = str(error).strip().splitlines() or [""]
            self._without(name, f"does not work here: {type(error).__name__}: {lines[0][:120]}")
        else:
            self.add(name, runs, difference, note)
        finally:
            gc.collect()  # a peer's copy of the model goes before the next one's comes
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
        return None

    def _without(self, name: str, why: str) -> None:
        self.rows.append(Row(name.replace(" {version}", ""), note=why))
        print(f"  {self.rows[-1].name:52} {why}", flush=True)

    def record(self) -> dict[str, Any]:
        return {
            "part": self.part,
            "title": self.title,
            "agreement": self.agreement,
            "rows": [{**vars(row), "median": row.median if row.seconds else None} for row in self.rows],
        }


DISTRIBUTIONS = {"steering_vectors": "steering-vectors", "transformer_lens": "transformer-lens"}

Runs = list[tuple[float, float]]
"""Wall-clock and processor seconds of each run."""


def timed(work: Callable[[], Any], repeats: int, scale: float = 1.0) -> tuple[Runs, Any]:
    """Each of several runs, times ``scale``, and the last result."""
    runs: Runs = []
    result = None
    for _ in range(repeats):
        _wait()
        began, spent = time.perf_counter(), time.process_time()
        result = work()
        _wait()
        runs.append(((time.perf_counter() - began) * scale, (time.process_time() - spent) * scale))
    return runs, result


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
