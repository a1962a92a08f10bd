"""Fine-tuned models of a study, kept as weights in its folder so that a resumed study has them."""

import json
from collections.abc import Sequence
from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import nn

from steerstack import digest
from steerstack.contracts import Baseline, Tuned
from steerstack.errors import StudyError
from steerstack.files import write_json
from steerstack.splits import Splits
from steerstack.trace.model import Model, clone, wrap


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


def tuned_model(baseline: Baseline, model: Model, splits: Splits, folder: Path, seed: int) -> Tuned:
    """The fine-tune, from the folder if it was made there from the same inputs, else trained now."""
    inputs = [model.fingerprint, splits.digests, baseline.name, baseline.parameters(), seed]
    place = folder / f"{baseline.name}-{digest.of_json(inputs)[:12]}"
    weights, about = place.with_suffix(".safetensors"), place.with_suffix(".json")
    if about.exists():
        known = json.loads(about.read_text(encoding="utf-8"))
        module = clone(model)
        _load(module, weights)
        again = wrap(module, model.tokenizer, name=f"{model.name}+{baseline.name}", revision=model.revision)
        return Tuned(again, known["parameters"], known["seconds"], known["record"], flops=known.get("flops", 0.0))
    tuned = baseline.tune(model, splits.train, splits.validation, seed=seed)
    _save(model.module, tuned.model.module, weights)
    cost = {"parameters": tuned.parameters, "seconds": tuned.seconds, "flops": tuned.flops}
    write_json(about, {**cost, "record": dict(tuned.record)})
    return tuned


def _save(before: nn.Module, after: nn.Module, path: Path) -> None:
    """Keep only the weights that changed."""
    old = before.state_dict()
    changed = {name: tensor.contiguous() for name, tensor in after.state_dict().items() if not tensor.equal(old[name])}
    save_file(changed, path)


def _load(module: nn.Module, path: Path) -> None:
    module.load_state_dict(load_file(path), strict=False)
