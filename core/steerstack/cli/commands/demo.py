"""``steerstack demo``: the whole, once, on the embedded model."""

from steerstack.cli import console, options

BEHAVIOR = "power-seeking"
"""Chosen for competence, not for effect size. By letter the embedded model keeps its choice in 15 to
20 % of items when the options are swapped, on each of the five shipped sets (40 validation items), so
the demo scores by text; and this is the set on which system prompts for and against the behaviour move
the text log-odds furthest apart in the right direction (best for +0.08, best against 0.00 nats per
token; on two of the other four they do not move them, on one the wrong way)."""


def demo(
    report: str | None = options.REPORT,
    figures: str | None = options.FIGURES,
    tracking_uri: str | None = options.TRACKING,
    fresh: bool = options.FRESH,
    json: str | None = options.JSON,
) -> None:
    """Extract, choose, measure and record a vector on SmolLM2-135M, alone and stacked, with 9 nulls of each family."""
    console.quiet()
    from steerstack.cli.outputs import Outputs, perform
    from steerstack.study.stack.study import Stack

    study = Stack(data=BEHAVIOR, layers=(10, 14, 18, 22), shares=(0.1, 0.2), nulls=9, limit=160)
    perform(study, Outputs(fresh=fresh, report=report, figures=figures, tracking_uri=tracking_uri, json=json))
    console.console.say("Browse the registry: steerstack ui")
