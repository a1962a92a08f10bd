"""``steerstack serve``: a model on this machine, for clients elsewhere."""

import typer

from steerstack.cli import console


def serve(
    model: str = typer.Argument("smollm2", help="Folder, Hugging Face id, or 'smollm2'; clients open it by this name."),
    host: str = typer.Option("127.0.0.1", help="Address to listen on; one that other machines reach needs --token."),
    port: int = typer.Option(8765, help="Port."),
    token: str | None = typer.Option(
        None, envvar="STEERSTACK_SERVE_TOKEN", help="Secret that clients must send; they set NDIF_API_KEY to it."
    ),
    revision: str | None = console.REVISION,
    dtype: str | None = console.DTYPE,
    device: str | None = console.DEVICE,
) -> None:
    """Serve a model by nnsight's protocol: capture, scoring, generation and trained vectors for clients with --remote.

    It runs whatever code its clients send: give its address and token only to people you trust
    with this machine.
    """
    from steerstack.errors import SteerstackError

    try:
        import anyio._backends._asyncio  # noqa: F401  # before nnsight, whose .save on every object it does not bear

        from steerstack.serving.serve import serve as run
    except ImportError as error:
        raise SteerstackError(
            "The server's packages are missing.", seen=str(error), fix='Install them: pip install "steerstack[serve]"'
        ) from error
    console.quiet()
    console.note("the server runs whatever code its clients send")
    run(
        model, host=host, port=port, token=token, revision=revision, dtype=dtype, device=device,
        say=lambda what: console.console.print(f"[dim]·[/] {what}", highlight=False),
    )  # fmt: skip
