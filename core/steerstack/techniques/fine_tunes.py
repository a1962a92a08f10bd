"""Fine-tuned models of a study, kept as weights in its folder so that a resumed study has them."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import Tensor, nn

from steerstack.contracts import Baseline, OnlineLearner, Tuned
from steerstack.data.splits import Splits
from steerstack.errors import StudyError
from steerstack.run.crew import Crew
from steerstack.run.step import Step
from steerstack.trace.changed_weights import check_changed, with_weights
from steerstack.trace.model import Model
from steerstack.trace.trainable import check_trainable
from steerstack.util import digest
from steerstack.util.files import write_atomically, write_json
from steerstack.util.text import file_name

UNCHANGED = "unchanged"
"""What the record of a fine-tune holds that kept nothing of its training."""


def check_trains(baselines: Sequence[Baseline]) -> None:
    """Refuse baselines that train no weights: a fine-tune of those would be the model itself.

    Raises
    ------
    StudyError
        There is one.
    """
    for baseline in baselines:
        if not baseline.trains:
            raise StudyError(
                f"{baseline.name} trains no weights, so nothing can be stacked on it as a fine-tune.",
                fix="Compare it as a technique of its own, with `steerstack efficiency` or `generalize`.",
            )


def check_weights(model: Model, baselines: Sequence[Baseline]) -> None:
    """Refuse, before anything is run, to train weights that are on a server, or quantized.

    Raises
    ------
    RemoteError, ModelError
        A baseline would.
    """
    if any(baseline.trains for baseline in baselines):
        check_trainable(model)


def unless_unchanged(baseline: Baseline, tuned: Tuned, model: Model) -> Tuned:
    """What was tuned; with ``unchanged`` in its record, and the model itself, where it kept nothing of its training.

    That the untrained model was the best on validation items is an outcome, which a study measures and tells: the
    record then has 0 for ``epoch_chosen``. So it is of vectors that were learnt from a reward, where none came out.

    Raises
    ------
    ModelError
        Training changed no weight, and the record does not say that none of it was kept.
    """
    learner = isinstance(baseline, OnlineLearner)
    conditioned = tuned.plan or tuned.system or tuned.shots
    if not (baseline.trains or learner) or conditioned or tuned.model.fingerprint != model.fingerprint:
        return tuned
    if not learner and tuned.record.get("epoch_chosen") != 0:
        check_changed(tuned.model, model, f"The fine-tune {baseline.label}")
    return replace(tuned, model=model, record={**tuned.record, UNCHANGED: True})


def still(records: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, str]:
    """By fine-tune, in how many of its fits it changed no weight, from their names and records."""
    fits: dict[str, list[bool]] = {}
    for name, record in records:
        fits.setdefault(name, []).append(bool(record.get(UNCHANGED)))
    return {name: f"{sum(of)} of {len(of)}" for name, of in fits.items() if any(of)}


def tuned_model(baseline: Baseline, model: Model, splits: Splits, folder: Path, seed: int) -> Tuned:
    """The fine-tune, from the folder if it was made there from the same inputs, else trained now."""
    weights = weights_of(baseline, model, splits, folder, seed)
    about = weights.with_suffix(".json")
    notes = _known(about, weights)
    if notes is not None:
        again = with_weights(model, weights, f"{model.name}+{baseline.label}")
        return Tuned(again, notes["parameters"], notes["seconds"], notes["record"], flops=notes.get("flops", 0.0))
    tuned = unless_unchanged(baseline, baseline.tune(model, splits.train, splits.validation, seed=seed), model)
    _save(model.module, tuned.model.module, weights)
    cost = {"parameters": tuned.parameters, "seconds": tuned.seconds, "flops": tuned.flops}
    write_json(about, {**cost, "record": dict(tuned.record), "weights": digest.of_file(weights)})
    return tuned


def _known(about: Path, weights: Path) -> dict[str, Any] | None:
    """What was written down of a fine-tune; None where that, or its weights, are not as they were written."""
    try:
        notes = json.loads(about.read_text(encoding="utf-8"))
        whole = {"parameters", "seconds", "record"} <= notes.keys()
        return notes if whole and notes.get("weights", digest.of_file(weights)) == digest.of_file(weights) else None
    except (OSError, ValueError, RecursionError, AttributeError):
        return None


def weights_of(baseline: Baseline, model: Model, splits: Splits, folder: Path, seed: int) -> Path:
    """Where the changed weights of a fine-tune lie; what is known of it lies beside them, as JSON."""
    inputs = [model.fingerprint, model.format.written, splits.digests, baseline.name, baseline.parameters(), seed]
    return folder / f"{file_name(baseline.label)}-{digest.of_json(inputs)[:12]}.safetensors"


@dataclass(frozen=True)
class Tune(Step):
    """Train a fine-tune and keep its weights in the study's folder."""

    what: str
    baseline: Baseline
    splits: Splits
    folder: Path
    seed: int

    def key(self, model: Model) -> Any:
        """The file: it is its own record."""
        return str(weights_of(self.baseline, model, self.splits, self.folder, self.seed))

    def run(self, model: Model, progress: Callable[[int], None]) -> Any:
        """Nothing but the files."""
        tuned_model(self.baseline, model, self.splits, self.folder, self.seed)
        progress(1)


def tune_together(
    crew: Crew | None, baselines: Sequence[Baseline], model: Model, splits: Splits, folder: Path, seed: int
) -> None:
    """Train all fine-tunes that are not in the folder at the same time, where there are workers to do it."""
    if crew is None or not crew.knows(model):
        return
    places = [weights_of(baseline, model, splits, folder, seed).with_suffix(".json") for baseline in baselines]
    todo = [baseline for baseline, place in zip(baselines, places, strict=True) if not place.exists()]
    for _ in crew.do(model, [Tune(f"fine-tune {one.name}", one, splits, folder.absolute(), seed) for one in todo]):
        pass


def _save(before: nn.Module, after: nn.Module, path: Path) -> None:
    """Keep only the weights that changed; tied ones under their first name, since the model ties them again."""
    old, changed = before.state_dict(), dict[Any, tuple[str, Tensor]]()
    for name, tensor in after.state_dict().items():
        if not tensor.equal(old[name]):
            changed.setdefault((tensor.device, tensor.data_ptr()), (name, tensor.contiguous()))
    write_atomically(path, save(dict(changed.values())))
