"""``steerstack send``: bring results to a tracking store that was down."""

from dataclasses import asdict

from steerstack.cli import console, options


def send(
    tracking_uri: str | None = options.TRACKING,
    json: str | None = options.JSON,
) -> None:
    """Send results that were kept locally because the tracking store could not be reached."""
    console.quiet()
    from steerstack.catalog.recorder import recorder

    sent = recorder().send(tracking_uri=tracking_uri)
    if not console.wrote([asdict(run) for run in sent], json):
        console.out.print(f"{len(sent)} sent", highlight=False)
