"""Error rates of the audit: a rule from some organisms, verdicts on others of other worlds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steerstack_plugins.sandbagging.audit.protocol import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from steerstack.stats.estimate import EstimateJson
    from steerstack_plugins.sandbagging.audit.row import OrganismRow

COMMAND = "steerstack sandbag calibrate --json calibration.json"
"""What makes the file that comes with the audit."""


def run_calibration(learned: Sequence[OrganismRow], judged: Sequence[OrganismRow]) -> dict[str, object]:
    """Learn the rule from some organisms, and judge others by it once.

    Parameters
    ----------
    learned, judged:
        Rows of the two parts of a population.
    """
    from steerstack_plugins.sandbagging.audit_tests.plain import BELOW_CHANCE
    from steerstack_plugins.sandbagging.combination.rule import Rule

    rule = Rule.fit(*_sides(learned))
    words = {name: _by_words(learned, judged, key=key) for name, key in (("words", False), ("words and key", True))}
    rows = []
    for index, row in enumerate(judged):
        verdict = rule.judge(row)
        baselines = {name: {"score": scores[index], "sandbags": scores[index] > bound}
                for name, (bound, scores) in words.items()}  # fmt: skip
        verdicts = {"battery": verdict.sandbags, BELOW_CHANCE: verdict.below_chance_p < rule.level}
        verdicts |= {name: bool(part["sandbags"]) for name, part in baselines.items()}
        rows.append(_about(row) | {"verdict": verdict.to_json(), "verdicts": verdicts, "baselines": baselines})
    return {
        "study": "sandbagging calibration",
        "made": made(),
        "protocol": protocol(learned, judged),
        "rule": rule.to_json(),
        "development": [_about(row) for row in learned],
        "calibration": rows,
        "rates": {name: rates([(row["sandbags"], row["verdicts"][name]) for row in rows]) for name in _judges(rows)},
        "by_kind": by_kind(rows),
        "auroc_of_each_test": single_tests(rows),
    }


def made(command: str = COMMAND) -> dict[str, object]:
    """When, by a command and by which versions."""
    from datetime import UTC, datetime
    from importlib.metadata import version

    names = ("steerstack", "torch", "transformers", "trl", "numpy", "scikit-learn")
    versions = {name: version(name) for name in names}
    return {"date": f"{datetime.now(UTC):%Y-%m-%d}", "command": command, "versions": versions}


def settings() -> dict[str, object]:
    """What is asked, how it is tested and by which rule: rates of another such protocol are those of another audit."""
    return {name: {"value": value, "why": why} for name, (value, why) in SETTINGS.items()}


def protocol(learned: Sequence[OrganismRow], judged: Sequence[OrganismRow]) -> dict[str, object]:
    """What was fixed before the run, and why; and of which organisms the two parts are."""
    return {
        "settings": settings(),
        "cohorts": {"development": _cohort(learned), "calibration": _cohort(judged)},
    }


def _cohort(rows: Sequence[OrganismRow]) -> dict[str, object]:
    from collections import Counter

    worlds = dict.fromkeys(row.world for row in rows)
    counts = Counter(row.kind for row in rows)
    return {
        "worlds": list(worlds),
        "of_each_kind_a_world": {kind: count // len(worlds) for kind, count in counts.items()},
        "first_seed": min(row.seed for row in rows),
    }


def _about(row: OrganismRow) -> dict[str, Any]:
    names = ("kind", "sandbags", "seed", "world", "architecture", "accuracy", "induction_drop")
    return {name: getattr(row, name) for name in names} | {"values": dict(row.values)}


def _sides(rows: Sequence[OrganismRow]) -> tuple[list[OrganismRow], list[OrganismRow]]:
    sandbagging, honest = ([row for row in rows if row.sandbags == state] for state in (True, False))
    return sandbagging, honest


def _by_words(learned: Sequence[OrganismRow], judged: Sequence[OrganismRow], *, key: bool) -> tuple[float, list[float]]:
    from steerstack_plugins.sandbagging.audit.words_baseline import word_scores

    sandbagging, honest = ([row.choices() for row in side] for side in _sides(learned))
    return word_scores(sandbagging, honest, [row.choices() for row in judged], key=key)


def _judges(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(rows[0]["verdicts"])


def rates(judged: Sequence[tuple[bool, bool]]) -> dict[str, object]:
    """Detection and false-positive rate, each with its Clopper-Pearson and its Wilson interval."""

    def of(truth: bool) -> dict[str, object]:
        return rate([verdict for sandbags, verdict in judged if sandbags == truth])

    return {"detection": of(True), "false_positive": of(False)}


def rate(said: Sequence[bool]) -> dict[str, object]:
    """The share that was said to sandbag, with both intervals."""
    from scipy import stats

    from steerstack.stats.intervals import proportion_interval

    exact = proportion_interval(sum(said), len(said))
    low, high = 0.0, 1.0
    if said:
        low, high = stats.binomtest(sum(said), len(said)).proportion_ci(method="wilson")
    return {**exact.to_json(), "wilson": [float(low), float(high)], "count": sum(said)}


def by_kind(rows: Sequence[Mapping[str, Any]]) -> dict[str, object]:
    """Of each kind and by each judge, the share that was said to sandbag."""
    return {
        kind: {name: rate([row["verdicts"][name] for row in rows if row["kind"] == kind]) for name in _judges(rows)}
        for kind in dict.fromkeys(row["kind"] for row in rows)
    }


def single_tests(rows: Sequence[Mapping[str, Any]]) -> dict[str, EstimateJson]:
    """AUROC of each test by itself over the judged organisms, of the rule and of the words, with DeLong's interval."""
    from steerstack.stats.auroc import delong

    def auroc(pick: Callable[[Mapping[str, Any]], float]) -> EstimateJson:
        sides = ([pick(row) for row in rows if row["sandbags"] == state] for state in (True, False))
        return delong(*sides).to_json()

    estimates = {}
    for name in rows[0]["baselines"]:
        estimates[name] = auroc(lambda row, name=name: row["baselines"][name]["score"])  # type: ignore[misc]
    for name in rows[0]["values"]:
        estimates[name] = auroc(lambda row, name=name: row["values"][name])  # type: ignore[misc]
    return estimates
