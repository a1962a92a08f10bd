"""A model whose weights are on a server: names, shapes and tokenizer are here, on meta weights."""

import importlib.metadata
import os
import warnings
from pathlib import Path
from typing import Any

import httpx
import torch
from nnsight import CONFIG, TransformersModel
from nnsight.modeling import huggingface

from steerstack.errors import ModelError, RemoteError, first_line
from steerstack.trace import module_names
from steerstack.trace.check import check_vocabulary
from steerstack.trace.embedded_model import EMBEDDED, embedded_model
from steerstack.trace.model import Model
from steerstack.trace.remote.greeting import greet
from steerstack.trace.remote.job import nonsense, refused
from steerstack.trace.remote.keys import check_address, key_for
from steerstack.trace.remote.server import LOCAL, Server
from steerstack.util import http

NDIF, PUBLIC = "ndif", "https://api.ndif.us"
"""The name of the public server, and its address."""

GREETING = 30.0
"""Seconds in which a server must say what it is; it may be busy with somebody's job, but does not work for this."""


class RemoteModel(Model):
    """A model on a server.

    The fingerprint is that of the weights that the server holds: the same digest as that of a
    model opened here, computed there in the first request. So a vector made remotely belongs to
    the model wherever it runs, and a study goes on wherever it was begun.
    """

    remote: Server

    def __init__(self, envoy: TransformersModel, tokenizer: Any, name: str, revision: str | None, to: Server) -> None:
        super().__init__(envoy, tokenizer, name, revision)
        self.remote = to
        match greet(self):
            case {
                "dtype": str(dtype),
                "device": str(device),
                "fingerprint": str(fingerprint),
                "tuple_output": bool(two),
                "absent": dict(absent),
            } if isinstance(kind := getattr(torch, dtype, None), torch.dtype):
                self._dtype, self.server_device = kind, device
            case _:
                raise nonsense(to.host, "it does not say which model it holds")
        self.__dict__["fingerprint"] = fingerprint  # cached_property keeps its value there
        self.__dict__["tuple_output"] = two
        self.absent.update(absent)

    @property
    def dtype(self) -> torch.dtype:
        """Dtype of the weights on the server."""
        return self._dtype

    @property
    def device(self) -> torch.device:
        """Where tensors are made before they are sent, and where those that come back are."""
        return torch.device("cpu")


def open_remote(
    source: str, *, remote: bool | str, tokenizer: Any, revision: str | None, dtype: torch.dtype | None
) -> Model:
    """Open a model on a server; its config and tokenizer are read here, its weights are not.

    Parameters
    ----------
    source:
        As the server knows the model: a Hugging Face id, ``smollm2``, or a folder that both sides see.
    remote:
        Address of the server; True or ``ndif`` for NDIF, or what ``NDIF_HOST`` says.
    tokenizer, revision:
        As of :func:`steerstack.open_model`.
    dtype:
        What the server's weights are to be; None for whatever they are.

    Raises
    ------
    RemoteError
        The server cannot be reached, refuses, does not have the model, or is of another version.
    ModelError
        There is no such config or tokenizer.
    """
    host = (CONFIG.API.HOST if remote in (True, NDIF) else str(remote)).rstrip("/")
    key = None
    if host != LOCAL:
        check_address(host)
        key = key_for(host)
        _look(host, key)
    envoy, tokenizer = _skeleton(source, tokenizer, revision, weights=host == LOCAL)
    _settle_key(envoy, asks_hub=host == PUBLIC and not os.path.exists(source))
    name = EMBEDDED.name if source == EMBEDDED.alias else source
    model = RemoteModel(envoy, tokenizer, name, revision, Server(envoy, name, revision, host, key))
    if dtype is not None and dtype != model.dtype:
        raise RemoteError(
            f"{host} does not hold {name} in {dtype}.", seen=str(model.dtype), fix="The server chooses the dtype."
        )
    check_vocabulary(model)
    return model


def _look(host: str, key: str | None) -> None:
    """See whether the server is there, speaks this version, and wants a key that is not set."""
    if host == PUBLIC and not key:
        raise RemoteError("NDIF needs an API key.", fix="Set NDIF_API_KEY, or give the address of your own server.")
    try:
        with http.client(timeout=GREETING) as client:
            reply = client.get(f"{host}/env", headers={"ndif-api-key": key} if key else {})
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise RemoteError(
            f"The server {host} cannot be reached.",
            seen=f"{type(error).__name__}: {error}",
            fix="Start it (steerstack serve MODEL), or check the address.",
        ) from error
    if reply.status_code in (401, 403):
        raise refused(host, reply.status_code, reply.text)
    try:
        theirs = str(reply.json()["packages"]["nnsight"])
    except (ValueError, KeyError, TypeError):  # it does not say
        return
    ours = importlib.metadata.version("nnsight")
    if theirs.split(".")[:2] != ours.split(".")[:2]:
        raise RemoteError(
            f"The server {host} speaks another version of nnsight's protocol.",
            seen=f"nnsight {theirs} there, {ours} here",
            fix=f"Install nnsight {'.'.join(theirs.split('.')[:2])}.* here, or the version here on the server.",
        )


def _settle_key(envoy: TransformersModel, *, asks_hub: bool) -> None:
    """Settle the name by which the server knows the model: as it is, or as NDIF has it from the hub."""
    if not asks_hub:
        huggingface._ID_CACHE[envoy.repo_id] = envoy.repo_id  # else nnsight asks the hub for its canonical spelling
        return
    try:
        envoy.to_model_key()
    except (OSError, httpx.HTTPError) as error:
        raise RemoteError(
            f"{envoy.repo_id} could not be looked up on the Hugging Face hub, by whose names NDIF goes.",
            seen=first_line(error),
            fix="Check the name and the network.",
        ) from error


def _skeleton(source: str, tokenizer: Any, revision: str | None, *, weights: bool) -> tuple[TransformersModel, Any]:
    """The model on meta weights, under the key by which the server knows it, and its tokenizer."""
    from transformers import AutoTokenizer

    folder = str(embedded_model()) if source == EMBEDDED.alias else source
    try:
        if tokenizer is None:
            tokenizer = AutoTokenizer.from_pretrained(folder, revision=revision)
        before = (tokenizer.padding_side, tokenizer.pad_token)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            envoy = TransformersModel(
                folder,
                tokenizer=tokenizer,
                revision=revision,
                task="text-generation",
                rename=module_names.ALIASES,
                dispatch=weights,
            )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelError(
            f"The config and tokenizer of {source!r} could not be read.",
            seen=first_line(error),
            fix="They are needed here: give a Hugging Face id (with network), or a folder that holds them.",
        ) from error
    tokenizer.padding_side = before[0]
    if tokenizer.pad_token != before[1]:
        tokenizer.pad_token = before[1]
    if source == EMBEDDED.alias or not os.path.exists(source):
        envoy.repo_id = source
    else:
        envoy.repo_id = str(Path(source).resolve())
    return envoy, tokenizer
