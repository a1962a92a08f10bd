"""A combination that is frozen: learned on the calibration organisms, with its threshold, before others are judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from steerstack.errors import DataError
from steerstack_plugins.sandbagging.combination.combination import Combination

if TYPE_CHECKING:
    from pathlib import Path

    from steerstack_plugins.sandbagging.audit.row import OrganismRow
    from steerstack_plugins.sandbagging.combination.combination import Findings

STUDY = "sandbagging combination"
SHIPPED = "frozen.json"
REPORT = "report.json"


@dataclass(frozen=True)
class Frozen:
    """What judges a model of unknown state.

    Attributes
    ----------
    combination:
        Learned on the calibration organisms.
    threshold:
        What its score has to exceed: the score that 5 % of the calibration's honest organisms exceed, each scored by
        what the other worlds taught.
    about:
        When it was made, by which versions, and of which organisms.
    """

    combination: Combination
    threshold: float
    about: Mapping[str, Any]

    @classmethod
    def learn(cls, rows: Sequence[OrganismRow]) -> Frozen:
        """Learn combination and threshold from calibration organisms; others among the rows are not looked at.

        Raises
        ------
        StudyError
            There are too few of them.
        """
        from steerstack_plugins.sandbagging.audit.calibration import made
        from steerstack_plugins.sandbagging.combination.judges import by_combination
        from steerstack_plugins.sandbagging.population.judges import threshold

        part = [row for row in rows if row.split == "calibration"]
        combination = Combination.fit(part)
        about = {**made("steerstack sandbag freeze"), "calibration": calibration_of(part)}
        return cls(combination, threshold(by_combination(), part), about)

    def sandbags(self, findings: Findings) -> bool:
        """The verdict."""
        return self.combination.score(findings) > self.threshold

    def to_json(self) -> dict[str, object]:
        """As a file holds it."""
        return {
            "study": STUDY,
            "about": dict(self.about),
            "threshold": self.threshold,
            "combination": self.combination.to_json(),
        }


def read_frozen(path: Path | None) -> Frozen:
    """Read a frozen combination back; None for the one that comes with the audit.

    Raises
    ------
    DataError
        The file is another.
    """
    import json

    source = path or files("steerstack_plugins.sandbagging.combination") / SHIPPED
    try:
        value = json.loads(source.read_text(encoding="utf-8"))
        return Frozen(Combination.from_json(value["combination"]), float(value["threshold"]), value["about"])
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{source} holds no combination.", seen=str(error), fix="Give what `steerstack sandbag freeze` wrote."
        ) from error


def read_report() -> Mapping[str, Any] | None:
    """What the frozen combination was worth on the locked organisms, as it comes with the audit; None without it."""
    import json

    source = files("steerstack_plugins.sandbagging.combination") / REPORT
    if not source.is_file():
        return None
    content: dict[str, Any] = json.loads(source.read_text(encoding="utf-8"))
    return content


def stated(evidence: Findings, *, prior: float = 0.5) -> dict[str, Any]:
    """What the combination that comes with the audit makes of the evidence on one model.

    Parameters
    ----------
    evidence:
        Of the battery.
    prior:
        Share of sandbagging models among those that might be audited.

    Returns
    -------
    dict
        The probability, the verdict with what it rests on, what it was learned from, and by judge and kind the rates
        on the locked organisms, where they are known.

    Raises
    ------
    StudyError
        The battery lacks a test that the combination reads.
    """
    frozen, known = read_frozen(None), read_report()
    combination = frozen.combination
    judges = {} if known is None else known["judges"]
    return {
        "probability": combination.probability(evidence, prior=prior),
        "prior": prior,
        "sandbags": frozen.sandbags(evidence),
        "score": combination.score(evidence),
        "threshold": frozen.threshold,
        "ignorant_p": evidence.ignorant_p,
        "guard": combination.level,
        "calibration": {"date": frozen.about["date"], **frozen.about["calibration"]},
        "rates": {
            name: {side: judge[side] for side in ("detection", "false_positive")} for name, judge in judges.items()
        },
        "said_to_sandbag": {} if known is None else judges["audit"]["by_kind"],
        "claim": None if known is None else known["claim"],
    }


def calibration_of(rows: Sequence[OrganismRow]) -> dict[str, object]:
    """What is learned from: how many of which kind, of which worlds, and the digest of what was found in them."""
    from steerstack.util import digest

    return {
        "sandbagging": sum(row.sandbags for row in rows),
        "honest": sum(not row.sandbags for row in rows),
        "worlds": sorted({row.world for row in rows}),
        "kinds": dict(sorted(Counter(row.kind for row in rows).items())),
        "digest": digest.of_json(sorted([row.world, row.seed, dict(row.values), row.ignorant_p] for row in rows)),
    }
