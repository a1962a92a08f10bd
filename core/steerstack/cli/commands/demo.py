"""``steerstack demo``: the whole, once, on the embedded model."""

from steerstack.cli import console, options

BEHAVIOR = "hallucination"
"""The first of the shipped behaviours by the alphabet: a rule that knows nothing of any result. By letter the
embedded model answers by position, so the demo scores by text."""


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
    from steerstack.study.method_ref import MethodRef
    from steerstack.study.stack.study import Stack

    # as many configurations as the vector has; few items a step, so that two epochs are steps enough
    lora = MethodRef.model_validate({"name": "lora-sft", "batch": 2})
    study = Stack(
        data=BEHAVIOR, layers=(14, 18), shares=(0.1, 0.2), finetunes=(lora,), few_shot=None, nulls=9, limit=80
    )
    perform(study, Outputs(fresh=fresh, report=report, figures=figures, tracking_uri=tracking_uri, json=json))
    console.console.say("Browse the registry: steerstack ui")
