"""Start a server of OpenAI's protocol: open the model, bind, and answer until stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anyio._backends._asyncio  # noqa: F401  # before nnsight, whose .save on every object it does not bear
import uvicorn

from steerstack.engine.backend_model import open_generating
from steerstack.errors import PluginError
from steerstack.serving.limits import GRACE, Limits
from steerstack.serving.openai.app import OpenAIService
from steerstack.serving.openai.engine import BackendEngine, ReferenceEngine, ServedEngine
from steerstack.serving.openai.reply import Responder
from steerstack.serving.openai.vectors import VectorShelf
from steerstack.serving.packages import PAGE, check_packages
from steerstack.serving.serve import check_bind
from steerstack.serving.token import new_token
from steerstack.steering.vector import SteeringVector
from steerstack.trace.open import open_model


def open_engine(
    source: str,
    *,
    backend: str | None = None,
    parameters: Mapping[str, object] | None = None,
    **options: Any,
) -> ServedEngine:
    """The engine that is to answer.

    Parameters
    ----------
    source:
        Folder, Hugging Face id, or ``smollm2``.
    backend:
        Name of a backend that generates, such as ``vllm``; None for steerstack's own engine.
    parameters:
        Of the backend.
    options:
        ``revision``, ``dtype`` and ``device``, where they are not None; for both.

    Raises
    ------
    PluginError
        There is no such backend, or it does not generate.
    ModelError
        The model cannot be opened.
    """
    if backend is not None:
        return BackendEngine(open_generating(source, backend, parameters, **options))
    if parameters:
        raise PluginError("Parameters of a backend were given, and no backend.", fix="Add --backend NAME.")
    return ReferenceEngine(open_model(source, **{name: value for name, value in options.items() if value is not None}))


def serve_openai(
    source: str,
    *,
    vectors: Mapping[str, Path],
    host: str = "127.0.0.1",
    port: int = 8765,
    token: str | None = None,
    tracking_uri: str | None = None,
    limits: Limits = Limits(),  # noqa: B008  # frozen
    say: Callable[[str], None] = lambda _: None,
    **opening: Any,
) -> None:
    """Serve a model by OpenAI's protocol until stopped.

    Parameters
    ----------
    source, opening:
        As of :func:`open_engine`.
    vectors:
        Vector files by the names under which requests may ask for them.
    host, port, token, limits, say:
        As of :func:`steerstack.serving.serve.serve`.
    tracking_uri:
        Where registered vectors are; None for the default store.

    Raises
    ------
    SteerstackError
        It would be open to other machines without a token; a model or a vector cannot be opened.
    """
    check_bind(host, token, "answers whoever asks, and could be asked")
    check_packages(PAGE)
    own_token = token is None
    token = token or new_token()
    named = {name: SteeringVector.load(file) for name, file in vectors.items()}
    say(f"opening {source}")
    engine = open_engine(source, **opening)
    responder = Responder(engine, VectorShelf(engine.model, named, tracking_uri), [source, engine.model.name])
    hosts = ["localhost", "127.0.0.1", "::1", "[::1]", host] if own_token else ["*"]
    service = OpenAIService(responder, token, hosts, limits)
    say(f"serving {source} by the {engine.name} engine on http://{host}:{port}/v1")
    if own_token:
        say(f"a client needs its token: OPENAI_BASE_URL=http://{host}:{port}/v1 OPENAI_API_KEY={token}")
    try:
        uvicorn.run(
            service.app(), host=host, port=port, log_level="warning", ws="none", timeout_graceful_shutdown=GRACE
        )
    finally:
        service.close()
