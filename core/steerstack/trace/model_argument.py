"""What callers may give where a model is wanted, and what they are told otherwise."""

from steerstack.errors import ArgumentError
from steerstack.trace.model import Model


def as_model(model: object) -> Model:
    """The opened model itself; raises ArgumentError for anything else, such as its name."""
    if isinstance(model, Model):
        return model
    if isinstance(model, str):
        raise ArgumentError(
            "The model is given by its name.", seen=repr(model), fix=f"Open it once: model = open_model({model!r})."
        )
    raise ArgumentError(
        f"A {type(model).__name__} is no opened model.",
        fix="A model and its tokenizer of transformers are opened by open_model(model, tokenizer=tokenizer).",
    )
