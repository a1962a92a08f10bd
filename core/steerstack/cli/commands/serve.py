"""``steerstack serve``: a model on this machine, for clients elsewhere."""

from pathlib import Path

import typer

from steerstack.cli import console, options


def serve(
    model: str = typer.Argument("smollm2", help="Folder, Hugging Face id, or 'smollm2'; clients open it by this name."),
    host: str = typer.Option("127.0.0.1", help="Address to listen on; one that other machines reach needs a token."),
    port: int = typer.Option(8765, help="Port."),
    token_file: Path | None = typer.Option(
        None, help="File with the token that clients must send; - asks for it. By default STEERSTACK_SERVE_TOKEN."
    ),
    queue: int = typer.Option(32, min=1, help="Jobs that may wait."),
    request_gb: float = typer.Option(1.0, min=0.001, help="Size of the largest request."),
    job_minutes: float = typer.Option(60.0, min=0.01, help="Time that one job may run; then it is ended."),
    job_gb: float = typer.Option(
        32.0, min=0.1, help="Memory that one job may take beyond the model; then it is ended."
    ),
    revision: str | None = options.REVISION,
    dtype: str | None = options.DTYPE,
    device: str | None = options.DEVICE,
) -> None:
    """Serve a model by nnsight's protocol: capture, scoring, generation and trained vectors for clients with --remote.

    It runs whatever code its clients send: give its address and token only to people you trust
    with this machine. On the loopback address it makes a token by itself, and prints what a client needs.
    """
    from steerstack.serving.packages import check_packages
    from steerstack.serving.token import read_token

    check_packages()
    token = read_token(token_file, ask=lambda: typer.prompt("Token", hide_input=True))
    import anyio._backends._asyncio  # noqa: F401  # before nnsight, whose .save on every object it does not bear

    from steerstack.serving.limits import Limits
    from steerstack.serving.serve import serve as run

    limits = Limits(int(request_gb * 1e9), queue, 60 * job_minutes, int(job_gb * 1e9))

    console.quiet()
    console.note("the server runs whatever code its clients send")
    run(
        model, host=host, port=port, token=token, revision=revision, dtype=dtype, device=device, limits=limits,
        say=lambda what: console.console.say(f"· {what}"),
    )  # fmt: skip
