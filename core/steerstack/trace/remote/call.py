"""Functions that run where the model is: here, or on a server that holds its weights."""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from steerstack.errors import ModelError

if TYPE_CHECKING:
    from steerstack.trace.model import Model

Given = ParamSpec("Given")
Found = TypeVar("Found")


def remotely(
    *gives: type,
) -> "Callable[[Callable[Concatenate[Model, Given], Found]], Callable[Concatenate[Model, Given], Found]]":
    """A decorator for functions of a module, whose first argument is a model, that run where the model's weights are.

    For a model opened here nothing changes. For one on a server the whole call is one request:
    the function's source and its arguments travel, what it returns comes back. A ``progress``
    argument stays here, and is told of everything at once when the answer is there.

    Parameters
    ----------
    gives:
        Dataclasses of which, or of whose subclasses, it returns objects; numbers, text, tensors, lists, tuples
        and dicts need not be named. A server cannot answer with an object of another class.
    """

    def wrap(function: "Callable[Concatenate[Model, Given], Found]") -> "Callable[Concatenate[Model, Given], Found]":
        @functools.wraps(function)
        def run_there(model: "Model", /, *args: Given.args, **kwargs: Given.kwargs) -> Found:
            require_weights(model)
            if model.remote is None:
                return function(model, *args, **kwargs)
            progress: Any = kwargs.pop("progress", None)
            value, count = model.remote.call(function, gives, *args, **kwargs)
            if progress:
                progress(count)
            return value  # type: ignore[no-any-return]

        return run_there

    return wrap


def require_weights(model: "Model") -> None:
    """Refuse what reads or changes activations where a backend runs the model; raises ModelError."""
    if model.backend is not None:
        raise ModelError(
            f"{model.name} is run by a backend, which generates and scores answers, and gives no activations.",
            seen=model.engine,
            fix="Do this by steerstack's own engine: leave out the backend.",
        )
