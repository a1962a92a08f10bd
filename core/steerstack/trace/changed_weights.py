"""The same model with other weights, sharing what did not change."""

from pathlib import Path

from safetensors.torch import load_file

from steerstack.errors import ModelError, StudyError
from steerstack.trace.model import Model, wrap
from steerstack.trace.trainable import clone


def with_weights(model: Model, weights: Path, name: str | None = None) -> Model:
    """A copy of a model with other weights where the file has them.

    Raises
    ------
    StudyError
        The file is not to be seen.
    """
    if not weights.is_file():
        raise StudyError(
            f"The weights of a fine-tune are not at {weights}.",
            fix="Every worker must see the study's folder: put STEERSTACK_HOME on a file system that all share.",
        )
    module = clone(model)
    module.load_state_dict(load_file(weights), strict=False)
    return wrap(
        module, model.tokenizer, name=name or f"{model.name}+{weights.stem}", revision=model.revision,
        manner=model.format.manner,
    )  # fmt: skip


def check_changed(tuned: Model, base: Model, what: str) -> None:
    """Refuse a fine-tune that is its base model: its arms would be those of the base under another name.

    Raises
    ------
    ModelError
        All weights are the same.
    """
    if tuned.fingerprint == base.fingerprint:
        raise ModelError(
            f"{what} changes no weight of {base.name}.",
            seen=f"fingerprint {tuned.fingerprint[:12]}, as the base model's",
            fix="Check that it was trained, and on this base; a dtype of few digits may round its changes away.",
        )
