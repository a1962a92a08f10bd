"""The command ``evidence`` of steerstack's command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steerstack.catalog.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping

    import typer


@hookimpl
def steerstack_commands() -> Mapping[str, typer.Typer]:
    """Run a programme of claims, and build its pages."""
    from steerstack_plugins.evidence.app import app

    return {"evidence": app}
