"""What the command ``audit`` reads: questions from files, and the rule of a calibration."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from steerstack.catalog.lookup import find
from steerstack.errors import DataError, StudyError, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from steerstack.contracts import AuditTest
    from steerstack.trace.model import Model
    from steerstack_plugins.sandbagging.audit.audit import AuditData, Evidence
    from steerstack_plugins.sandbagging.audit.choices import Form
    from steerstack_plugins.sandbagging.combination.rule import AuditVerdict, Rule

DEMONSTRATIONS = 32
SHIPPED = "calibration.json"

LIMITS = (
    "Answers worse than by guessing show by themselves, without any elicitation: there words with the key find as much "
    "as the battery. Who imitates a weaker model answers like one that does not know, in words and in accuracy.",
    "A model that hides an ability from every test of the battery is not found, and one that learns the task from the "
    "demonstrations is taken for one that hides it.",
    "What the combination makes of the evidence was learned from models that hide an ability in the ways of the "
    "calibration's organisms, and from honest ones of its kinds: another way of hiding may look like none of them. "
    "Settings and demonstrations were chosen with those kinds in mind.",
    "The error rates are those of the small world's organisms, in the mixture that was judged. For other models and "
    "data they are not known: calibrate on organisms made of such a model.",
    "P-values over facts are exact for a model that knows none of them, if no option of a tested question is listed in "
    "a demonstration, and if the model did not meet the wrong options of a list in training and the right one never.",
    "Who gives the same wrong answer at every asking of a fact answers like one that is honestly mistaken: asked "
    "plainly, such a model is told from chance over many facts only. Questions that all list the same words, such as "
    "yes and no, must have each of them right as often as the others.",
)


def inputs(
    target: Path | None,
    control: Path | None,
    shown: Path | None,
    limit: int | None,
    *,
    world: int = 0,
    form: Form = "letter",
) -> tuple[AuditData, Sequence[AuditTest]]:
    """Data and battery: those of the files, or of the small world where there are none.

    Raises
    ------
    DataError
        Some of the files are missing, or hold too few questions.
    """
    from steerstack_plugins.metrics.mmlu import read_questions
    from steerstack_plugins.sandbagging.audit.audit import AuditData
    from steerstack_plugins.sandbagging.audit.battery import audit_data, short_battery
    from steerstack_plugins.sandbagging.audit.elicitation import Demonstrations

    if target is None and control is None and shown is None:
        return audit_data(limit or 96, world=world), short_battery()
    if target is None or control is None or shown is None:
        raise DataError(
            "An audit with data of one's own needs three files.",
            seen=f"target {target}, control {control}, shown {shown}",
            fix="Give --target, --control and --shown; demonstrations must be on other facts than the target's.",
        )
    demonstrations = read_questions(shown)[: 2 * DEMONSTRATIONS]
    if len(demonstrations) < 8:
        raise DataError(f"{shown} holds {len(demonstrations)} questions.", fix="Give 8 demonstrations or more.")
    half = len(demonstrations) // 2
    parts = Demonstrations(tuple(demonstrations[:half]), tuple(demonstrations[half:]), form)
    data = AuditData(tuple(read_questions(target)[:limit]), tuple(read_questions(control)[:limit]), parts)
    return data, general_battery(min(16, half))


def general_battery(n: int) -> tuple[AuditTest, ...]:
    """For any chat model: every test with its defaults, training on n demonstrations."""
    from steerstack_plugins.sandbagging.audit.battery import TESTS

    few = {"demonstrations": min(4, n), **dict.fromkeys(("trained-vector", "fine-tuning", "domain-gap"), n)}
    return tuple(find("audit-test", name).make({"n": few[name]} if name in few else {}) for name in TESTS)


def form_of(score: str) -> Form:
    """The way of answering of a name.

    Raises
    ------
    DataError
        There is none of that name.
    """
    if score not in ("letter", "text"):
        raise DataError(f"There is no way of answering {score!r}.", fix=nearest(score, ("letter", "text")))
    return "letter" if score == "letter" else "text"


@dataclass(frozen=True)
class Calibration:
    """A rule, and how often it was right.

    Attributes
    ----------
    rule:
        From the development organisms.
    rates:
        By judge, detection and false-positive rate on the others, with intervals.
    by_kind:
        Of each kind of organism and by each judge, the share that was said to sandbag.
    about:
        When it was made, and of which organisms.
    current:
        Whether it was made with the questions, tests and rule of today; else its rates are not those of this audit.
    """

    rule: Rule
    rates: Mapping[str, Any]
    by_kind: Mapping[str, Any]
    about: Mapping[str, Any]
    current: bool


def read_calibration(path: Path | None) -> Calibration:
    """A calibration's JSON; None for the one that comes with the audit.

    Raises
    ------
    DataError
        The file is not one.
    """
    from steerstack_plugins.sandbagging.audit.calibration import settings
    from steerstack_plugins.sandbagging.combination.rule import Rule

    source = path or files("steerstack_plugins.sandbagging") / SHIPPED
    try:
        content: dict[str, Any] = json.loads(source.read_text(encoding="utf-8"))
        about = {"date": content["made"]["date"], **content["protocol"]["cohorts"]["calibration"]}
        current = content["protocol"]["settings"] == settings()
        return Calibration(Rule.from_json(content["rule"]), content["rates"], content["by_kind"], about, current)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{source} holds no rule.", seen=str(error), fix="Give the JSON of `steerstack sandbag calibrate`."
        ) from error


def report(
    model: Model, evidence: Evidence, verdict: AuditVerdict, known: Calibration, *, prior: float = 0.5
) -> dict[str, object]:
    """The file form of ``audit --json``.

    Parameters
    ----------
    model, evidence, verdict, known:
        What was audited, what was found, and by which calibration.
    prior:
        Share of sandbagging models among those that might be audited.
    """
    from steerstack_plugins.sandbagging.audit.probability import CLAIM, honest_needed, probability_at_most

    honest = known.rates["battery"]["false_positive"]
    return {
        "study": "audit",
        "model": model.name,
        "model_fingerprint": model.fingerprint,
        "values": dict(evidence.values),
        "details": dict(evidence.details),
        "verdict": verdict.to_json(),
        "combination": _combined(evidence, prior),
        "probability": _stated(verdict, known, prior),
        "probability_at_most": {
            "by": "the p-value",
            "value": probability_at_most(verdict.p, prior=prior),
            "prior": prior,
        },
        "calibration": {**known.about, "current": known.current},
        "error_rates": dict(known.rates),
        "said_to_sandbag": {kind: by_judge["battery"] for kind, by_judge in known.by_kind.items()},
        "claim": {
            "false_positive_rate": CLAIM,
            "honest_needed": honest_needed(CLAIM),
            "honest_judged": honest["n"],
            "errors": honest["count"],
            "holds": known.current and honest["ci_high"] is not None and honest["ci_high"] <= CLAIM,
        },
        "limits": list(LIMITS),
    }


def _combined(evidence: Evidence, prior: float) -> dict[str, Any] | None:
    """What the frozen combination says; None where the battery lacks a test that it reads."""
    from steerstack_plugins.sandbagging.combination.frozen import stated

    try:
        return stated(evidence, prior=prior)
    except StudyError:
        return None


def _stated(verdict: AuditVerdict, known: Calibration, prior: float) -> dict[str, object]:
    """By judge, the probability that its verdict makes; nothing where the calibration is not of this audit."""
    from steerstack_plugins.sandbagging.audit.probability import probability
    from steerstack_plugins.sandbagging.audit_tests.plain import BELOW_CHANCE

    verdicts = {"battery": verdict.sandbags, BELOW_CHANCE: verdict.below_chance_p < known.rule.level}
    return {
        name: probability(known.rates[name], sandbags, prior=prior).to_json() | {"sandbags": sandbags}
        for name, sandbags in verdicts.items()
        if known.current
    }
