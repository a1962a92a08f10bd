"""``steerstack send``: bring results to a tracking store that was down."""

from dataclasses import asdict

from steerstack.cli import console


def send(
    tracking_uri: str | None = console.TRACKING,
    json: bool = console.PRINT_JSON,
) -> None:
    """Send results that were kept locally because the tracking store could not be reached."""
    console.quiet()
    from steerstack.recorders import recorder

    sent = recorder().send(tracking_uri=tracking_uri)
    if json:
        console.print_json([asdict(run) for run in sent])
    else:
        console.out.print(f"{len(sent)} sent", highlight=False)
