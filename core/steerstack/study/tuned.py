"""Fine-tuned models of a study, kept as weights in its folder so that a resumed study has them."""

import json
from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import nn

from steerstack import digest
from steerstack.contracts import Baseline, Tuned
from steerstack.files import write_json
from steerstack.splits import Splits
from steerstack.trace.model import Model, clone, wrap


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
        return Tuned(again, known["parameters"], known["seconds"], known["record"])
    tuned = baseline.tune(model, splits.train, splits.validation, seed=seed)
    _save(model.module, tuned.model.module, weights)
    write_json(about, {"parameters": tuned.parameters, "seconds": tuned.seconds, "record": dict(tuned.record)})
    return tuned


def _save(before: nn.Module, after: nn.Module, path: Path) -> None:
    """Keep only the weights that changed."""
    old = before.state_dict()
    changed = {name: tensor.contiguous() for name, tensor in after.state_dict().items() if not tensor.equal(old[name])}
    save_file(changed, path)


def _load(module: nn.Module, path: Path) -> None:
    module.load_state_dict(load_file(path), strict=False)
