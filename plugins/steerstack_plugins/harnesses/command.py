"""``steerstack lm-eval ...``: the command line of lm-evaluation-harness, with our model in its registry.

lm-eval 0.4.13 looks for models only in a registry that is filled when a module is imported: there is no entry
point by which ``lm_eval --model steerstack`` alone could find one. This command imports the module, then hands
every argument on to lm-eval::

    steerstack lm-eval --model steerstack --model_args pretrained=FOLDER,plan=plan.yaml --tasks truthfulqa_mc1
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from steerstack.hookspecs import hookimpl
from steerstack_plugins.harnesses import require

if TYPE_CHECKING:
    from collections.abc import Mapping

    import typer


def run(arguments: list[str]) -> None:
    """Run lm-eval with these command-line arguments.

    Raises
    ------
    PluginError
        It is not installed.
    """
    require("lm_eval", "lmeval")
    from lm_eval.__main__ import cli_evaluate

    import steerstack_plugins.harnesses.lm_eval_model  # noqa: F401  # fills lm-eval's registry

    before, sys.argv = sys.argv, ["lm-eval", *arguments]  # lm-eval reads nothing else
    try:
        cli_evaluate()
    finally:
        sys.argv = before


def _app() -> typer.Typer:
    import typer

    app = typer.Typer(add_completion=False)
    everything = {"allow_extra_args": True, "ignore_unknown_options": True}

    @app.command(context_settings=everything, add_help_option=False)
    def lm_eval(context: typer.Context) -> None:
        """Run lm-evaluation-harness with steered models: all arguments are its own."""
        run(context.args)

    return app


@hookimpl
def steerstack_commands() -> Mapping[str, typer.Typer]:
    """The command ``lm-eval``."""
    return {"lm-eval": _app()}
