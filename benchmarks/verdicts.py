"""What intervals cover and how often verdicts are wrong, by simulation of studies whose truth is known.

Prints the tables of docs/explanation/statistics.md as Markdown; a share of 2,000 has a standard error of 0.005.

    python benchmarks/verdicts.py [--trials 2000] [--json OUT]
"""

import argparse
import json
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steerstack.stats import additivity, crossing, mean_interval, proportion_interval

Values = NDArray[np.float64]
SIZES = (10, 20, 40, 100)


def covered(trials: int, draw: Callable[[], Values], truth: float, groups: Any = None) -> float:
    """Share of intervals of a mean that hold the truth."""
    intervals = (mean_interval(draw(), groups=groups) for _ in range(trials))
    return float(np.mean([e.ci_low <= truth <= e.ci_high for e in intervals]))


def coverage(trials: int) -> dict[str, dict[str, float]]:
    """Of each kind of data and number of items, the share of 95 % intervals that hold the truth."""
    rng = np.random.default_rng(0)
    kinds: dict[str, tuple[Callable[[int], Values], float]] = {
        "normal": (lambda n: rng.normal(size=n), 0.0),
        "Student's t, 3 degrees of freedom": (lambda n: rng.standard_t(3, n), 0.0),
        "normal, one in ten with ten times the spread": (
            lambda n: rng.normal(size=n) * np.where(rng.random(n) < 0.1, 10, 1), 0.0),
        "0 or 1, nine in ten": (lambda n: (rng.random(n) < 0.9).astype(float), 0.9),
        "differences of such": (lambda n: (rng.random((2, n)) < 0.9).astype(float).T @ [1, -1], 0.0),
        "log-normal (skewed)": (lambda n: rng.lognormal(size=n), float(np.exp(0.5))),
    }  # fmt: skip
    shares = {
        name: {str(n): covered(trials, lambda draw=draw, n=n: draw(n), truth) for n in SIZES}  # type: ignore[misc]
        for name, (draw, truth) in kinds.items()
    }
    exact = {str(n): share_covered(trials, n, rng) for n in SIZES}
    return {**shares, "0 or 1, nine in ten, as a share": exact}


def share_covered(trials: int, n: int, rng: np.random.Generator) -> float:
    """Share of intervals of a proportion of 0.9 that hold it."""
    intervals = (proportion_interval(int(k), n) for k in rng.binomial(n, 0.9, trials))
    return float(np.mean([e.ci_low <= 0.9 <= e.ci_high for e in intervals]))


def clustered(trials: int) -> dict[str, float]:
    """Items of ten templates with an intraclass correlation of 0.3: as clusters, and as if independent."""
    rng = np.random.default_rng(1)
    shapes: dict[str, list[int]] = {
        "40 items, 4 of each": [4] * 10,
        "40 items, 1 to 12 of each": [1, 1, 1, 2, 2, 3, 4, 6, 8, 12],
    }
    shares = {}
    for name, sizes in shapes.items():
        groups = np.repeat(np.arange(10), sizes)

        def draw(groups: NDArray[np.int_] = groups) -> Values:
            shared, own = rng.normal(size=10)[groups], rng.normal(size=40)
            return np.asarray(np.sqrt(0.3) * shared + np.sqrt(0.7) * own)

        shares[name] = covered(trials, draw, 0.0, groups)
        shares[f"{name}, taken as independent"] = covered(trials, draw, 0.0)
    return shares


def arms(rng: np.random.Generator, n: int, kept: float, noise: float) -> list[Values]:
    """Four arms: the first's effect is 1 and differs between items; a share of it is kept on top of the second's."""
    level, first = rng.normal(size=n), 1 + 0.3 * rng.normal(size=n)
    parts = (level, level + first, level + 1, level + 1 + kept * first)
    return [part + noise * rng.normal(size=n) for part in parts]


def combined(trials: int) -> list[dict[str, Any]]:
    """Shares of verdicts, by what is kept, the number of items and the noise of an arm (effect 1)."""
    rng, rows = np.random.default_rng(2), []
    for share in (1.0, 0.75, 0.6, 0.0):
        for noise in (0.2, 0.6):
            for n in (16, 40, 100):
                words = Counter(additivity(*arms(rng, n, share, noise)).verdict for _ in range(trials))
                rows.append({"kept": share, "noise": noise, "n": n} | {w: c / trials for w, c in words.items()})
    return rows


def curves(trials: int) -> list[dict[str, Any]]:
    """Shares of verdicts on two curves of ten seeds, three sizes and forty items, by the gap at each size."""
    rng, rows = np.random.default_rng(3), []
    for gap in ((0, 0, 0), (0.4, 0.4, 0.4), (0.4, 0, -0.4), (0.4, 0.2, 0)):
        words = Counter(crossing(one_curve(rng, gap), one_curve(rng, (0, 0, 0)), (4, 16, 64)).verdict
                        for _ in range(trials))  # fmt: skip
        rows.append({"gap": list(gap)} | {word: count / trials for word, count in words.items()})
    return rows


def one_curve(rng: np.random.Generator, means: tuple[float, ...]) -> Values:
    """Effects [seed, size, item]: seeds and items have their own, and so has each pair of them."""
    seeds, items = 0.2 * rng.normal(size=(10, 3, 1)), 0.3 * rng.normal(size=(1, 1, 40))
    return np.array(means)[None, :, None] + seeds + items + 0.3 * rng.normal(size=(10, 3, 40))


def table(rows: Iterable[Iterable[object]]) -> str:
    """Markdown; the first row is the head."""
    lines = ["| " + " | ".join(f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row) + " |"
             for row in rows]  # fmt: skip
    return "\n".join([lines[0], "|---" * (lines[0].count("|") - 1) + "|", *lines[1:], ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    n = arguments.trials
    report = {"trials": n, "coverage": coverage(n), "clusters": clustered(n), "combined": combined(n // 2),
             "curves": curves(n // 2)}  # fmt: skip
    print(table([["data", *(f"n = {n}" for n in SIZES)], *([k, *v.values()] for k, v in report["coverage"].items())]))
    print(table([["items", "coverage"], *report["clusters"].items()]))
    words = ("adds up", "partly redundant", "redundant", "interferes", "not resolved")
    print(table([["kept", "noise", "n", *words],
                 *([f"{r['kept']:.0%}", f"{r['noise']}", r["n"], *(r.get(w, 0.0) for w in words)]
                   for r in report["combined"])]))  # fmt: skip
    ends = ("crosses", "first is better", "second is better", "not resolved")
    print(table([["gap at each size", *ends], *([r["gap"], *(r.get(w, 0.0) for w in ends)] for r in report["curves"])]))
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
