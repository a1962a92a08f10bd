"""Options that several commands take, each declared once, and groups of them that a command takes as one."""

import functools
import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from steerstack.address import public_address
from steerstack.errors import ParameterError
from steerstack.steering import origin

if TYPE_CHECKING:
    from steerstack.data.items import DataSet
    from steerstack.trace.model import Model

_MODEL, _DATA, _VECTOR = "Model", "Data", "Vector"
"""Headings under which ``--help`` shows them."""

MODEL = typer.Option(
    "smollm2", help="Folder, Hugging Face id, or 'smollm2' for the embedded model.", rich_help_panel=_MODEL
)
DTYPE = typer.Option(None, help="float32, bfloat16, ...; that of the weights by default.", rich_help_panel=_MODEL)
DEVICE = typer.Option(None, help="cpu, cuda, auto.", rich_help_panel=_MODEL)
REVISION = typer.Option(None, help="Revision on the Hugging Face hub.", rich_help_panel=_MODEL)
REMOTE = typer.Option(
    None,
    help="Server that holds the weights: http://HOST:PORT, or 'ndif'; its token in STEERSTACK_SERVE_TOKEN.",
    rich_help_panel=_MODEL,
)


def _allow_plain_http(value: bool) -> None:
    if value:
        os.environ["STEERSTACK_PLAIN_HTTP"] = "1"


PLAIN_HTTP = typer.Option(
    False,
    "--plain-http",
    help="Let the token go to another machine over plain http, where anybody on the way can read it.",
    callback=_allow_plain_http,
    expose_value=False,
    rich_help_panel=_MODEL,
)
BACKEND = typer.Option(
    None, help="Backend that runs the model, such as vllm; steerstack's own engine by default.", rich_help_panel=_MODEL
)
BACKEND_SET = typer.Option(
    [], "--backend-set", help="Parameter of the backend, NAME=VALUE; may be given again.", rich_help_panel=_MODEL
)
FORM = typer.Option(
    None,
    help="Answer form of letter and yes-no, the label as A at its end: '(A', 'A', ' A', 'Answer: A', or any other; "
    "by default the best on validation and training items.",
    rich_help_panel=_MODEL,
)
REASONING = typer.Option(
    "closed",
    help="Where the template opens a reasoning block: answers after an empty one (closed), or generated.",
    rich_help_panel=_MODEL,
)
TEMPLATE = typer.Option(
    [],
    "--template",
    help="Argument of the chat template, NAME=VALUE (enable_thinking=false); may be given again.",
    rich_help_panel=_MODEL,
)
DATA = typer.Option(..., help="Data file, or the name of a shipped behaviour.", rich_help_panel=_DATA)
DATA_IF_ANY = typer.Option(None, help="Data file, or the name of a shipped behaviour.", rich_help_panel=_DATA)
BEHAVIOR = typer.Option(None, help="Name of the behaviour, where the file does not say.", rich_help_panel=_DATA)
MATCHING = typer.Option(
    None,
    help="'exhibits' or 'declines': what the file's matching answer does, where unknown.",
    rich_help_panel=_DATA,
)
LIMIT = typer.Option(None, help="Use only the first N items.", rich_help_panel=_DATA)
VECTOR = typer.Option(None, help="Vector file, or models:/NAME@ALIAS.", rich_help_panel=_VECTOR)
LAYER = typer.Option(None, help="Layer at which it is used; several as 10,14; or all it has.", rich_help_panel=_VECTOR)
RELATIVE = typer.Option(False, help="The scale is a share of each activation's norm.", rich_help_panel=_VECTOR)
EDIT = typer.Option(
    None, help="How the vector acts: add, ablate, ...; by default as its method asks for.", rich_help_panel=_VECTOR
)
EDIT_SET = typer.Option(
    [], "--edit-set", help="Parameter of the edit, NAME=VALUE; may be given again.", rich_help_panel=_VECTOR
)
TOKENS = typer.Option(
    "response",
    help="all, prompt, response, think, answer, last, or positions such as 0,5,-1.",
    rich_help_panel=_VECTOR,
)
TRANSFER = typer.Option(False, help=origin.TRANSFER, rich_help_panel=_VECTOR)
REPORT = typer.Option(None, help="Where to write the HTML report.", rich_help_panel="Output")
FIGURES = typer.Option(
    None,
    metavar="DIR",
    help="Folder for the report's figures as PDF and PNG, and its tables as LaTeX and CSV.",
    rich_help_panel="Output",
)
PLAN_ONLY = typer.Option(
    False,
    "--plan-only",
    help="Say what would be run, how long it takes and what it can resolve; run nothing.",
    rich_help_panel="Run",
)


def _can_be_written(path: Any) -> Any:
    """Refuse a file that cannot be written before hours of work for it."""
    from steerstack.util.files import check_target

    if path is not None and str(path) != "-":
        check_target(Path(path), megabytes=1)
    return path


JSON = typer.Option(
    None, "--json", help="Write the result as JSON; - prints it.", rich_help_panel="Output", callback=_can_be_written
)
HEADER = typer.Option(None, "--json", help="Write the vector's header as JSON; - prints it.", callback=_can_be_written)
DUMP = typer.Option(
    None, help="Write the exact tokens run and the positions averaged or edited (JSONL).", callback=_can_be_written
)
FRESH = typer.Option(False, "--fresh", help="Start anew rather than go on with an earlier run.", rich_help_panel="Run")
RECORD = typer.Option(True, help="Keep the result in the registry.", rich_help_panel="Output")
ENGINE = typer.Option(
    "local", help="Where steps run: local, processes, ray, ray://HOST:PORT, or a plugin's.", rich_help_panel="Run"
)
WORKERS = typer.Option(
    None,
    min=1,
    help="Worker processes, each with the model; as the cores or GPUs allow by default.",
    rich_help_panel="Run",
)
GPUS = typer.Option(
    None,
    "--gpus-per-worker",
    min=1,
    help="GPUs that each worker has for itself; one by default where the model lies on a GPU, else none.",
    rich_help_panel="Run",
)


def no_secret(address: str | None) -> str | None:
    """An address of a store without user, password and query; raises ParameterError."""
    if address is not None and public_address(address) != address:
        raise ParameterError(
            "An argument holds no user, password or query: everybody on this machine can see it in the list of "
            "processes.",
            seen=f"--tracking-uri {public_address(address)}",
            fix="Set MLFLOW_TRACKING_URI to the whole address; or leave them out of it, and set "
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN.",
        )
    return address


TRACKING = typer.Option(
    None,
    help="MLflow tracking URI, without a password; a local SQLite store by default.",
    rich_help_panel="Output",
    callback=no_secret,
)
SET = typer.Option([], "--set", help="Parameter of the method, NAME=VALUE; may be given again.")


@dataclass(frozen=True)
class DataOptions:
    """Which items of the data."""

    limit: int | None = LIMIT
    behavior: str | None = BEHAVIOR
    matching: str | None = MATCHING

    def items(self, data: str) -> "DataSet":
        """The items; raises DataError."""
        from steerstack.cli import console

        return console.items(data, behavior=self.behavior, matching=self.matching, limit=self.limit)


@dataclass(frozen=True)
class ModelOptions:
    """Which model, and how it is loaded, or asked for at a server."""

    model: str = MODEL
    revision: str | None = REVISION
    dtype: str | None = DTYPE
    device: str | None = DEVICE
    remote: str | None = REMOTE
    plain_http: bool = PLAIN_HTTP
    template: list[str] = TEMPLATE

    def opened(self, by: "Callable[..., Model] | None" = None, **asked: Any) -> "Model":
        """The model, opened ``by`` a function other than ``open_model``; ``asked`` says how it is asked.

        Raises ModelError, RemoteError.
        """
        from steerstack.cli import assignments
        from steerstack.trace.open import open_model

        return (by or open_model)(
            self.model, revision=self.revision, dtype=self.dtype, device=self.device, remote=self.remote,
            template=assignments.values(self.template), **asked,
        )  # fmt: skip


@dataclass(frozen=True)
class AskedModelOptions(ModelOptions):
    """The same, and how its answers are asked for."""

    form: str | None = FORM
    reasoning: str = REASONING

    def opened(self, by: "Callable[..., Model] | None" = None, **asked: Any) -> "Model":
        """The model, opened to be asked so; raises ModelError, RemoteError, ParameterError."""
        from steerstack.data.manner import check_reasoning

        return super().opened(by, form=self.form, reasoning=check_reasoning(self.reasoning), **asked)


@dataclass(frozen=True)
class BackendOptions:
    """Who runs the model, where only answers are generated or scored."""

    backend: str | None = BACKEND
    backend_set: list[str] = BACKEND_SET

    def opened(self, model: ModelOptions) -> "Model":
        """The model, opened by steerstack's own engine or by the backend; raises PluginError, ModelError."""
        from steerstack.cli import assignments

        if self.backend is None:
            if self.backend_set:
                raise ParameterError("--backend-set does not go without --backend.", fix="Add --backend NAME.")
            return model.opened()
        from steerstack.engine.backend_model import open_backend_model

        parameters = assignments.values(self.backend_set)
        return model.opened(functools.partial(open_backend_model, backend=self.backend, parameters=parameters))


def spread(command: Callable[..., None]) -> Callable[..., None]:
    """A command that takes each option of the groups among its parameters, in their place; it is given the groups.

    A group is a dataclass whose defaults are options.
    """
    parameters = inspect.signature(command).parameters.values()
    groups: dict[str, Any] = {of.name: of.annotation for of in parameters if is_dataclass(of.annotation)}
    single = [
        parameter
        for of in parameters
        for parameter in (inspect.signature(groups[of.name]).parameters.values() if of.name in groups else [of])
    ]

    @functools.wraps(command)
    def run(**given: Any) -> None:
        instances = {}
        for name, group in groups.items():
            instances[name] = group(**{of.name: given.pop(of.name) for of in fields(group) if of.name in given})
        command(**given, **instances)

    single = [of.replace(kind=inspect.Parameter.KEYWORD_ONLY) for of in single]
    run.__signature__ = inspect.Signature(single)  # type: ignore[attr-defined]
    run.__annotations__ = {of.name: of.annotation for of in single}
    return run
