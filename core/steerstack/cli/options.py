"""Options that several commands take, each declared once."""

import os

import typer

from steerstack.address import public_address
from steerstack.errors import ParameterError
from steerstack.steering import origin

MODEL = typer.Option("smollm2", help="Folder, Hugging Face id, or 'smollm2' for the embedded model.")
DTYPE = typer.Option(None, help="float32, bfloat16, ...; that of the weights by default.")
DEVICE = typer.Option(None, help="cpu, cuda, auto.")
REVISION = typer.Option(None, help="Revision on the Hugging Face hub.")
REMOTE = typer.Option(
    None, help="Server that holds the weights: http://HOST:PORT, or 'ndif'; its token in STEERSTACK_SERVE_TOKEN."
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
)
FORM = typer.Option(
    None,
    help="Answer form of letter and yes-no, the label as A at its end: '(A', 'A', ' A', 'Answer: A', or any other; "
    "chosen on validation items by default.",
)
REASONING = typer.Option(
    "closed", help="Where the template opens a reasoning block: answers after an empty one (closed), or generated."
)
TEMPLATE = typer.Option(
    [], "--template", help="Argument of the chat template, NAME=VALUE (enable_thinking=false); may be given again."
)
DATA = typer.Option(..., help="Data file, or the name of a shipped behaviour.")
BEHAVIOR = typer.Option(None, help="Name of the behaviour, where the file does not say.")
MATCHING = typer.Option(None, help="'exhibits' or 'declines': what the file's matching answer does, where unknown.")
LIMIT = typer.Option(None, help="Use only the first N items.")
TOKENS = typer.Option("response", help="all, prompt, response, think, answer, last, or positions such as 0,5,-1.")
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
JSON = typer.Option(None, "--json", help="Write the result as JSON; - prints it.", rich_help_panel="Output")
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


def _no_secret(address: str | None) -> str | None:
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
    callback=_no_secret,
)
TRANSFER = typer.Option(False, help=origin.TRANSFER)
SET = typer.Option([], "--set", help="Parameter of the method, NAME=VALUE; may be given again.")
EDIT = typer.Option(None, help="How the vector acts: add, ablate, ...; by default as its method asks for.")
EDIT_SET = typer.Option([], "--edit-set", help="Parameter of the edit, NAME=VALUE; may be given again.")
