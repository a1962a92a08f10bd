"""Whether baselines were given enough: does twice the grid move what they reach by less than the interval?

Each baseline is tuned on the training items with COUNT configurations and with twice as many, chosen on validation
items, and measured on the test items against the bare model. Prints a table in Markdown.

    python benchmarks/grids.py [--data NAME] [--model NAME] [--count 18] [--limit N] [BASELINE ...]
"""

import argparse

import numpy as np
from numpy.typing import NDArray

from steerstack import load_data, open_model, split
from steerstack.catalog.lookup import find
from steerstack.data.questions import ScoreMode
from steerstack.data.splits import Splits
from steerstack.measure.arm import Arm
from steerstack.stats import estimates
from steerstack.stats.item_clusters import groups_of
from steerstack.steering.intervention import Plan
from steerstack.study.fit_step import values_of
from steerstack.techniques.technique import asked_by
from steerstack.trace.model import Model

NAMES = ("system-prompt", "few-shot", "reflective-prompt", "lora-sft")


def reached(name: str, count: int, model: Model, splits: Splits, mode: ScoreMode) -> tuple[int, NDArray[np.float64]]:
    """How many configurations were tried, and the log-odds of each test item under the best."""
    baseline = asked_by(find("baseline", name).make(), mode, count)
    tuned = baseline.tune(model, splits.train, splits.validation, seed=0)
    arm = Arm(tuned.model, tuned.plan or Plan(), tuned.system, tuned.shots)
    return tuned.record["choices_tried"], values_of(arm, splits.test, mode)


def main() -> None:
    """Print a row a baseline."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", default=NAMES)
    parser.add_argument("--data", default="hallucination")
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--score", default="text")
    parser.add_argument("--count", type=int, default=18)
    parser.add_argument("--limit", type=int)
    arguments = parser.parse_args()
    model, splits = open_model(arguments.model), split(load_data(arguments.data).limit(arguments.limit))
    bare, groups = values_of(Arm(model), splits.test, arguments.score), groups_of(splits.test)
    print("| baseline | choices | effect | choices | effect | moved by | within the interval |")
    print("|---|---|---|---|---|---|---|")
    for name in arguments.names:
        results = [
            reached(name, count, model, splits, arguments.score) for count in (arguments.count, 2 * arguments.count)
        ]
        first, second = (estimates.difference(values, bare, groups=groups) for _, values in results)
        moved = second.value - first.value
        within = "yes" if first.ci_low <= second.value <= first.ci_high else "no"
        print(
            f"| {name} | {results[0][0]} | {first} | {results[1][0]} | {second} | {moved:+.3f} | {within} |", flush=True
        )


if __name__ == "__main__":
    main()
