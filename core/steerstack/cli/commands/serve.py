"""``steerstack serve``: a model on this machine, for clients elsewhere."""

from pathlib import Path

import typer

from steerstack.cli import assignments, console, options
from steerstack.errors import ParameterError

_OPENAI = "OpenAI's protocol"


def serve(
    context: typer.Context,
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
        32.0, min=0.1, help="Memory that one job may take beyond the model; then it is ended. Not with --openai."
    ),
    openai: bool = typer.Option(
        False,
        "--openai",
        help="Speak OpenAI's protocol, in which a request may name a vector.",
        rich_help_panel=_OPENAI,
    ),
    vector: list[str] = typer.Option(
        [],
        help="Vector that requests may name beside registered ones, NAME=FILE; may be given again.",
        rich_help_panel=_OPENAI,
    ),
    backend: str | None = typer.Option(
        None, help="Backend that answers, such as vllm; steerstack's own engine by default.", rich_help_panel=_OPENAI
    ),
    backend_set: list[str] = typer.Option(
        [], help="Parameter of the backend, NAME=VALUE; may be given again.", rich_help_panel=_OPENAI
    ),
    tracking_uri: str | None = typer.Option(
        None,
        help="MLflow tracking URI of registered vectors, without a password; a local SQLite store by default.",
        rich_help_panel=_OPENAI,
        callback=options.no_secret,
    ),
    revision: str | None = options.REVISION,
    dtype: str | None = options.DTYPE,
    device: str | None = options.DEVICE,
) -> None:
    """Serve a model by nnsight's protocol: capture, scoring, generation and trained vectors for clients with --remote.

    It runs whatever code its clients send: give its address and token only to people you trust
    with this machine. On the loopback address it makes a token by itself, and prints what a client needs.

    With --openai it speaks OpenAI's protocol instead, for lm-eval, Inspect and any other client of it, and runs
    nothing that they send.
    """
    from steerstack.serving.packages import PAGE, check_packages
    from steerstack.serving.token import read_token

    _check_fit(context, openai)
    check_packages(PAGE if openai else None)
    token = read_token(token_file, ask=lambda: typer.prompt("Token", hide_input=True))
    import anyio._backends._asyncio  # noqa: F401  # before nnsight, whose .save on every object it does not bear

    from steerstack.serving.limits import Limits
    from steerstack.serving.serve import serve as run

    limits = Limits(int(request_gb * 1e9), queue, 60 * job_minutes, int(job_gb * 1e9))

    console.quiet()
    say = lambda what: console.console.say(f"· {what}")  # noqa: E731
    if openai:
        from steerstack.serving.openai.serve import serve_openai

        serve_openai(
            model, vectors=_named(vector), host=host, port=port, token=token, tracking_uri=tracking_uri, limits=limits,
            backend=backend, parameters=assignments.values(backend_set), revision=revision, dtype=dtype, device=device,
            say=say,
        )  # fmt: skip
        return
    console.note("the server runs whatever code its clients send")
    run(
        model, host=host, port=port, token=token, revision=revision, dtype=dtype, device=device, limits=limits,
        say=say,
    )  # fmt: skip


def _check_fit(context: typer.Context, openai: bool) -> None:
    """Refuse options that the chosen protocol would ignore."""
    for name in ("job_gb",) if openai else ("vector", "backend", "backend_set", "tracking_uri"):
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            option = f"--{name.replace('_', '-')}"
            fix = f"Leave out {option}." if openai else "Add --openai."
            raise ParameterError(f"{option} does not go {'with' if openai else 'without'} --openai.", fix=fix)


def _named(given: list[str]) -> dict[str, Path]:
    """Files by name; raises ParameterError."""
    named: dict[str, Path] = {}
    for one in given:
        name, equals, file = one.partition("=")
        if not (name and equals and file) or "/" in name or name in named:
            raise ParameterError(
                "A vector needs a name of its own, without a slash, and a file.",
                seen=f"--vector {one}",
                fix="Write --vector NAME=FILE.",
            )
        named[name] = Path(file)
    return named
