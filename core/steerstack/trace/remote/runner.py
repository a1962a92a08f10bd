"""What a server of nnsight's protocol does with a request: unpack its block, run it, pack what it saved.

It runs whatever code a client sends.
"""

import contextlib
import importlib.metadata
import io
import linecache
import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import zstandard
from nnsight.schema.request import RequestModel
from nnsight.tracing.globals import BLOCKS, SOURCES
from nnsight.tracing.tracer import _saves, dec, inc  # private, hence nnsight<0.9

from steerstack.trace.embedded_model import EMBEDDED
from steerstack.trace.model import Model

SHOWN = ("nnsight", "torch", "transformers")
"""Packages whose versions are told."""


class Runner:
    """Runs the requests of clients on one model, one at a time, from one thread.

    Parameters
    ----------
    model:
        The model, opened in the thread that calls :meth:`run`.
    source:
        What the server was started with.
    """

    def __init__(self, model: Model, source: str) -> None:
        self.model = model
        self.names = {source, model.name}
        if os.path.exists(source):
            self.names.add(str(Path(source).resolve()))
        if EMBEDDED.name in self.names:
            self.names.add(EMBEDDED.alias)

    def run(self, envelope: str, blob: bytes) -> bytes:
        """Run a request; what it saved, packed as its client expects it.

        Raises
        ------
        RuntimeError
            It failed; with the traceback.
        """
        request = RequestModel.model_validate_json(envelope)
        try:
            with _untouched():
                saved = self._execute(request, blob)
        except BaseException as error:  # whatever a client's code raises: SystemExit and KeyboardInterrupt, too
            raise RuntimeError("".join(traceback.format_exception(error)) or type(error).__name__) from None
        file = io.BytesIO()
        torch.save(saved, file, pickle_protocol=4)
        packed = file.getvalue()
        return zstandard.ZstdCompressor(level=3).compress(packed) if request.compress else packed

    def _execute(self, request: RequestModel, blob: bytes) -> dict[str, object]:
        envoy = self.model.envoy
        with self.model.exclusive():
            envoy._remoteable_set_env(request.env)
            tracer = RequestModel.deserialize(blob, envoy._remoteable_persistent_objects(), request.compress)
            inc()
            try:
                tracer.execute(tracer.info.code)
                return {name: value for name, value in tracer.info.frame.f_locals.items() if id(value) in _saves()}
            finally:
                dec()


def versions() -> dict[str, Any]:
    """In the form of NDIF's ``/env``."""
    return {"python_version": sys.version, "packages": {name: importlib.metadata.version(name) for name in SHOWN}}


@contextlib.contextmanager
def _untouched() -> Iterator[None]:
    """Leave nnsight's and Python's caches of source text as they were: two clients may send the same file name."""
    caches: list[dict[Any, Any]] = [linecache.cache, SOURCES, BLOCKS]
    before = [dict(cache) for cache in caches]
    try:
        yield
    finally:
        for cache, entries in zip(caches, before, strict=True):
            cache.clear()
            cache.update(entries)
