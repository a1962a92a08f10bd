"""Studies of tiny models in which the truth is planted: in how many seeds is the verdict the planted one?

Each seed makes another model and other items, draws other labels, and runs the study by its Python interface as a user
would. What is planted:

- ``equal``: all questions bear one sign. A vector and adapters can learn the right answer alike.
- ``out of distribution``: learnt from one sign, tested on the other. Adapters can learn nothing but an odd function of
  the sign (:func:`steerstack.testing.signed_cases.signed_model`) and turn round; a vector does not read the sign.
- ``worse``: the sign says which answer is right, so that no one vector for all questions is of use.
- ``stuck``: one answer in a million is right. No sample finds one, and nothing is learnt from the reward; labels show
  the direction all the same.
- ``choices``: one answer in a million is Yes, and a vector from labels raises it by some nats: log-odds move, and what
  is answered does not.
- ``choices and text``: the same vector where the model says either.
- ``biased``: labels of one topic of two are wrong, whose answers lie along a direction of their own; as many slips at
  random are no bias.

    python benchmarks/truths.py [--seeds 40] [--first 0] [--only equal,stuck] [--json OUT]
"""

import argparse
import gc
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from steerstack.stats import proportion_interval
from steerstack.study.label_errors.result import LabelErrorsResult
from steerstack.study.label_errors.study import LabelErrors
from steerstack.study.method_ref import MethodRef
from steerstack.study.online_rl.result import OnlineRLResult
from steerstack.study.online_rl.study import OnlineRL
from steerstack.testing.signed_cases import signed_data, signed_model
from steerstack.testing.two_topics import two_topic_data, two_topic_model

VECTOR, ADAPTERS, LABELS = "vector-grpo", "grpo", "mean-difference"
LEARNERS = tuple(
    MethodRef.model_validate(one)
    for one in (
        {"name": VECTOR, "learning_rate": 0.1},
        {"name": ADAPTERS, "learning_rate": 0.1, "rank": 4, "alpha": 8},
    )
)
NEVER = 14.0
"""Nats by which No is likelier than Yes where Yes is never said: one answer in a million."""

SHARE = 0.95
"""Of the seeds, how many have to be right."""


@dataclass(frozen=True)
class World:
    """A planted truth: how a seed of it is run, and whether what came out is right."""

    run: Callable[[int, Path], Any]
    right: Callable[[Any], bool]


def online_rl(
    learners: Sequence[MethodRef], other: str, seed: int, *, seeds: int, updates: int = 5, samples: int = 2,
    share: float = 1.0, harder: Literal["length"] | None = None,
) -> OnlineRL:  # fmt: skip
    """The study of rewards with a tiny budget.

    Where what learners make differs between seeds, fewer than four of them make intervals too wide for a verdict.
    """
    return OnlineRL(
        data="planted", score="yes-no", learners=tuple(learners), techniques=(MethodRef(name=other),), updates=updates,
        prompts=2, generations=4, answer_tokens=1, beta=0.0, samples=samples, layers=(0,), shares=(share,), items=16,
        seeds=seeds, nulls=0, position="response", stacked=False, seed=seed, harder=harder,
    )  # fmt: skip


def first(seed: int) -> int:
    """The number of the first item: other seeds have other items, as far as numbers of three digits go."""
    return 20 * seed % 880


def equal(seed: int, folder: Path) -> Any:
    """One sign, and Yes is right.

    The answers to each question are many enough for some to be wrong: learners whose answers are all alike leave open
    how another seed would do, and the study says so.
    """
    study = online_rl(LEARNERS, "system-prompt", seed, seeds=5, samples=8)
    return study.run(signed_model(seed=seed), data=signed_data(120, first=first(seed)), folder=folder)


def out_of_distribution(seed: int, folder: Path) -> Any:
    """Yes is right; short questions bear one sign, and long ones the other."""
    study = online_rl(LEARNERS, "system-prompt", seed, seeds=4, harder="length")
    data = signed_data(96, signs="+-", hard="-", first=first(seed))
    return study.run(signed_model(seed=seed), data=data, folder=folder)


def worse(seed: int, folder: Path, *, seeds: int = 4, items: int = 72) -> Any:
    """The sign says which answer is right."""
    study = online_rl(LEARNERS, "system-prompt", seed, seeds=seeds)
    data = signed_data(items, signs="+-", truth="sign", first=first(seed))
    return study.run(signed_model(seed=seed), data=data, folder=folder)


def stuck(seed: int, folder: Path) -> Any:
    """Yes is right, and is never said; the vector from labels has it said most of the time, and not always."""
    study = online_rl(LEARNERS[1:], LABELS, seed, seeds=3, share=0.7)
    data = signed_data(120, first=first(seed))
    return study.run(signed_model(seed=seed, against=NEVER), data=data, folder=folder)


def choices(seed: int, folder: Path, *, seeds: int = 3, against: float = NEVER) -> Any:
    """A vector that raises Yes by some nats, where it is never said."""
    study = online_rl(LEARNERS[:1], LABELS, seed, seeds=seeds, updates=1, share=0.1)
    data = signed_data(120, first=first(seed))
    return study.run(signed_model(seed=seed, against=against), data=data, folder=folder)


def choices_and_text(seed: int, folder: Path, *, seeds: int = 3) -> Any:
    """The same vector, where Yes is said as often as No."""
    return choices(seed, folder, seeds=seeds, against=0.0)


def biased(seed: int, folder: Path) -> Any:
    """A labeller that is wrong on one topic, and one whose hand slips."""
    labellers = (MethodRef.model_validate({"name": "one-topic", "topic": "games"}), MethodRef(name="random-flips"))
    study = LabelErrors(
        data="planted", techniques=(MethodRef(name=LABELS),), labellers=labellers, noise=(0.25,), layers=(2,),
        shares=(0.2,), seeds=5, nulls=0, position="response", seed=seed,
    )  # fmt: skip
    return study.run(two_topic_model(seed), data=two_topic_data(80), folder=folder)


def outcomes(result: OnlineRLResult) -> dict[tuple[str, str, str], str]:
    """By the first technique, the second, and the test items."""
    return {(one.first, one.second, one.on): one.outcome for one in result.comparisons}


def says_equal(result: OnlineRLResult) -> bool:
    """Both learn, and either is as good as the other."""
    told = outcomes(result)
    learnt = told[VECTOR, "", "test"] == told[ADAPTERS, "", "test"] == "higher"
    return learnt and told[VECTOR, ADAPTERS, "test"] == "as good"


def says_better_elsewhere(result: OnlineRLResult) -> bool:
    """Both learn; on the other sign the vector is better than the bare model, and than adapters."""
    told = outcomes(result)
    learnt = told[VECTOR, "", "test"] == told[ADAPTERS, "", "test"] == "higher"
    return learnt and told[VECTOR, "", "harder"] == told[VECTOR, ADAPTERS, "harder"] == "higher"


def says_worse(result: OnlineRLResult) -> bool:
    """Adapters learn, the vector does not, and it is worse than they are."""
    told = outcomes(result)
    alone = (told[VECTOR, "", "test"] != "higher", told[ADAPTERS, "", "test"] == "higher")
    return all(alone) and told[VECTOR, ADAPTERS, "test"] == "lower"


def says_stuck(result: OnlineRLResult) -> bool:
    """The reward taught nothing; labels did."""
    told = outcomes(result)
    moved = (told[ADAPTERS, "", "test"] != "higher", told[LABELS, "", "test"] == "higher")
    kept_nothing = f"{ADAPTERS} kept nothing of its training under any seed." in result.verdict
    return all(moved) and kept_nothing and told[ADAPTERS, LABELS, "test"] == "lower"


def says_choices(result: OnlineRLResult) -> bool:
    """The vector moves log-odds and not text, and it is said."""
    return (LABELS, "test") in result.choices_only and f"{LABELS} moves choices, not text" in result.verdict


def says_choices_and_text(result: OnlineRLResult) -> bool:
    """The vector moves text, and nothing is said of choices alone."""
    return outcomes(result)[LABELS, "", "test"] == "higher" and "moves choices" not in result.verdict


def says_biased(result: LabelErrorsResult) -> bool:
    """The error of one topic is learnt, and slips of the hand are not taken for one."""
    cells = {one.labeller.split()[0]: one for one in result.cells}
    topic, slips = cells["one-topic"], cells["random-flips"]
    return topic.learnt == "learns the error" and slips.learnt != "learns the error" and slips.kept != "turns round"


WORLDS = {
    "equal": World(equal, says_equal),
    "out of distribution": World(out_of_distribution, says_better_elsewhere),
    "worse": World(worse, says_worse),
    "stuck": World(stuck, says_stuck),
    "choices": World(choices, says_choices),
    "choices and text": World(choices_and_text, says_choices_and_text),
    "biased": World(biased, says_biased),
}


def verdict(name: str, seed: int) -> tuple[bool, str]:
    """Whether the verdict on one seed of a world is right, and what it says."""
    with tempfile.TemporaryDirectory() as folder:
        result = WORLDS[name].run(seed, Path(folder))
        return WORLDS[name].right(result), result.verdict


def count(name: str, seeds: Sequence[int]) -> int:
    """In how many of the seeds the verdict is right; each seed is printed, with the verdict where that is wrong."""
    right = 0
    for seed in seeds:
        is_right, words = verdict(name, seed)
        right += is_right
        print(f"  {name}, seed {seed}: {'right' if is_right else words}", flush=True)
        gc.freeze()  # libraries that were imported on the way; training looks for garbage again and again
    return right


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--only", default="", help="worlds, with commas")
    parser.add_argument("--json", type=Path, help="where the counts go")
    given = parser.parse_args()
    rows: dict[str, dict[str, float]] = {}
    enough = True
    for name in given.only.split(",") if given.only else WORLDS:
        began = time.process_time()
        right = count(name, range(given.first, given.first + given.seeds))
        share = proportion_interval(right, given.seeds)
        seconds = (time.process_time() - began) / given.seeds
        enough &= right >= SHARE * given.seeds
        bounds = {"ci_low": share.ci_low, "ci_high": share.ci_high}
        rows[name] = {"right": right, "seeds": given.seeds, "first": given.first, **bounds}
        interval = f"[{share.ci_low:.2f}, {share.ci_high:.2f}]"
        print(
            f"{name:20} right in {right} of {given.seeds} {interval}, {seconds:.1f} processor seconds each", flush=True
        )
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n")
    sys.exit(not enough)
