"""Open a model that a backend runs: it generates and scores there, by the same calls as everywhere."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from steerstack.catalog.lookup import find
from steerstack.contracts import GeneratingModel
from steerstack.data.manner import Manner, Reasoning
from steerstack.errors import PluginError, RemoteError
from steerstack.trace.model import Model


def open_generating(
    source: str, backend: str, parameters: Mapping[str, object] | None = None, **options: Any
) -> GeneratingModel:
    """A model as a backend opens it.

    Parameters
    ----------
    source:
        Folder, Hugging Face id, or ``smollm2``.
    backend:
        Name of a backend that generates, such as ``vllm``.
    parameters:
        Of the backend.
    options:
        ``revision``, ``dtype`` and ``device``, where they are not None.

    Raises
    ------
    PluginError
        There is no such backend, or it does not generate.
    ModelError
        It cannot open the model.
    """
    given = {name: value for name, value in options.items() if value is not None}
    opened = find("backend", backend).make({**given, **(parameters or {})}).open(source)
    if not isinstance(opened, GeneratingModel):
        raise PluginError(f"The backend {backend} does not generate.", fix="Use vllm, or none.")
    return opened


def open_backend_model(
    source: str,
    *,
    backend: str,
    parameters: Mapping[str, object] | None = None,
    remote: str | None = None,
    template: Mapping[str, Any] | None = None,
    form: str | None = None,
    reasoning: Reasoning = "closed",
    **options: Any,
) -> Model:
    """A model that a backend runs, to be used like any other where answers are generated or scored.

    Parameters
    ----------
    source, backend, parameters, options:
        As of :func:`open_generating`.
    remote, template, form, reasoning:
        As of :func:`steerstack.trace.open.open_model`.

    Returns
    -------
    Model
        Its activations cannot be had: what needs them is an error.

    Raises
    ------
    PluginError, ModelError
        As of :func:`open_generating`.
    RemoteError
        A server is named as well.
    """
    if remote:
        raise RemoteError(
            "A backend runs the model here, and a server runs it elsewhere.",
            seen=f"backend {backend}, remote {remote}",
            fix="Leave out one of them.",
        )
    opened = open_generating(source, backend, parameters, **options)
    model = copy.copy(opened.known.asked(Manner(dict(template or {}), form, reasoning)))
    model.backend = opened
    return model
