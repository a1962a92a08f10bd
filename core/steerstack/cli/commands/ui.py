"""``steerstack ui``: browse the registry in MLflow's own pages."""

import typer

from steerstack.cli import options
from steerstack.cli.ctrl_c import through


def ui(
    tracking_uri: str | None = options.TRACKING,
    host: str = typer.Option("127.0.0.1", help="Address to listen on."),
    port: int = typer.Option(5000, help="Port to listen on."),
) -> None:
    """Open MLflow on the registry; Ctrl-C ends it."""
    from steerstack.catalog.recorder import recorder

    recorder().serve(tracking_uri=tracking_uri, host=host, port=port)
    through()  # Ctrl-C is how it ends well
