"""The command ``lm-eval`` of steerstack's command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steerstack.catalog.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping

    import typer


@hookimpl
def steerstack_commands() -> Mapping[str, typer.Typer]:
    """The command line of lm-evaluation-harness; the harness itself is imported when it runs."""
    from steerstack_plugins.harnesses.lm_eval_cli import app

    return {"lm-eval": app}
