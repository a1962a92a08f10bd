"""How a stacking study puts its arms and interactions into words."""

from collections.abc import Mapping
from typing import Any

from steerstack.report.page import interval
from steerstack.report.words import share
from steerstack.stats.comparisons import ALPHA

RESOLVED = ("reinforces", "partly redundant")
"""Verdicts that rest on an interaction that is told from zero, of which there are several."""

_SIDES = {"positive": "+", "negative": "-"}


def arm_words(arm: Mapping[str, Any]) -> str:
    """An arm in few words, such as ``lora-sft, prompt +, vector + refitted``."""
    parts = ["base" if arm["finetune"] == "none" else str(arm["finetune"])]
    if arm["prompt"] != "none":
        parts.append(f"prompt {_SIDES[arm['prompt']]}" if arm["prompt"] in _SIDES else str(arm["prompt"]))
    if arm["vector"] != "none":
        origin = f" {arm['vector_origin']}" if arm["finetune"] != "none" else ""
        parts.append(f"vector {_SIDES[arm['vector']]}{origin}")
    return ", ".join(parts)


def on_top(entry: dict[str, Any]) -> str:
    """What the vector still does on top of something else, the share that it keeps, and how the two combine."""
    other = {"prompt": "a positive prompt", "few-shot": "demonstrations"}.get(entry["of"][1], entry["of"][1])
    if "finetune" in entry:
        other += f" on {entry['finetune']}"
    origin = f" ({entry['vector_origin']})" if "vector_origin" in entry else ""
    verdict = {
        "only the first works alone": f"{entry['of'][1]} alone does nothing measurable",
        "only the second works alone": "the vector alone does nothing measurable",
        "neither works alone": "neither does anything measurable alone",
    }.get(entry["verdict"], entry["verdict"])
    if entry["verdict"] in RESOLVED and entry["p_holm"] >= ALPHA:
        verdict = f"{verdict} by itself, not among all interactions: p = {entry['p_holm']:.2g}, Holm"
    if entry["n_to_resolve"]:
        verdict += f"; about {entry['n_to_resolve']} items would resolve it"
    kept = "" if entry["retained"]["ci_low"] is None else f", and keeps {share(entry['retained'])} of its effect"
    return f"On top of {other}{origin} it does {interval(entry['first_on_top'])}{kept} ({verdict})."
