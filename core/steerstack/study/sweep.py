"""A sweep: one vector at several layers and strengths, on the same items."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steerstack.applying import apply
from steerstack.asking import ScoreMode
from steerstack.contracts import Edit
from steerstack.data import DataSet
from steerstack.intervention import Plan
from steerstack.study import stats
from steerstack.study.competence import Competence, check_competence
from steerstack.study.ledger import Ledger
from steerstack.study.measure import Advance, Announce, ArmValues, Measure
from steerstack.tokens import Tokens
from steerstack.trace.model import Model
from steerstack.vector import SteeringVector


@dataclass(frozen=True)
class Sweep:
    """What a sweep tries.

    Attributes
    ----------
    layers, scales:
        Every layer with every multiplier.
    score:
        How items are scored.
    tokens:
        Which tokens are edited.
    edit:
        How the vector acts; None for the way its method asks for.
    """

    layers: tuple[int, ...]
    scales: tuple[float, ...]
    score: ScoreMode = "text"
    tokens: str = "response"
    edit: Edit | None = None

    def describe(self) -> dict[str, Any]:
        """The declaration as JSON."""
        edit = {"edit": self.edit.name, **self.edit.parameters()} if self.edit else None
        return {**vars(self), "edit": edit}

    @property
    def arms(self) -> list[tuple[int, float]]:
        """(layer, scale) of each arm, in order."""
        return [(layer, scale) for layer in self.layers for scale in self.scales]


@dataclass(frozen=True)
class SweepResult:
    """Every arm, beside the unsteered model on the same items."""

    sweep: Sweep
    model: Model
    data: DataSet
    vector: SteeringVector
    unsteered: ArmValues
    values: Sequence[ArmValues]
    kl: Sequence[float]
    competence: Competence

    def to_json(self) -> dict[str, Any]:
        """The file form of ``sweep --json``."""
        arms = [
            {
                "layer": layer,
                "scale": scale,
                "estimate": stats.mean(values.log_odds).to_json(),
                "effect": stats.difference(values.log_odds, self.unsteered.log_odds).to_json(),
                "probability": stats.mean(values.probability).to_json(),
                "kl": kl,
                "norm": abs(scale) * self.vector.norms[layer],
                "edited_positions": values.edited,
            }
            for (layer, scale), values, kl in zip(self.sweep.arms, self.values, self.kl, strict=True)
        ]
        ids = [item.id for item in self.data]
        by_item = zip(ids, *(values.log_odds.tolist() for values in self.values), strict=True)
        return {
            "behavior": self.data.behavior,
            "score": self.sweep.score,
            "scale": "log-odds per token" if self.sweep.score == "text" else "log-odds",
            "tokens": self.sweep.tokens,
            "edit": self.sweep.describe()["edit"] or {"edit": self.vector.edit},
            "n": len(ids),
            "unsteered": stats.mean(self.unsteered.log_odds).to_json(),
            "arms": arms,
            "items": {name: list(values) for name, *values in by_item},
            "competence": self.competence.to_json(),
            "warning": self.competence.warning(self.sweep.score),
            "caution": f"{len(arms)} arms were looked at: choose among them on validation items, report on others.",
            "data": self.data.source,
            "data_digest": self.data.digest,
            "model": self.model.name,
            "model_fingerprint": self.model.fingerprint,
            "vector_fingerprint": self.vector.fingerprint,
        }


def run_sweep(
    sweep: Sweep,
    model: Model,
    data: DataSet,
    vector: SteeringVector,
    *,
    folder: Path,
    advance: Advance = lambda _what, _done: None,
    announce: Announce = lambda _what, _total, _done: None,
) -> SweepResult:
    """Run a sweep, or go on with one that was stopped.

    Parameters
    ----------
    sweep, model, data, vector:
        What is swept.
    folder:
        Where finished steps are kept; the same folder resumes.
    advance, announce:
        Progress: what is done, and what is going to be done.

    Raises
    ------
    SiteError
        A layer that the vector or the model does not have.
    """
    measure = Measure(sweep.score, Ledger(folder), advance, announce)
    tokens = Tokens.parse(sweep.tokens)
    plans = [apply(vector, layer, scale, tokens=tokens, edit=sweep.edit) for layer, scale in sweep.arms]
    found = measure.arms("sweep", model, data, [Plan(), *plans])
    costs = measure.costs("cost on neutral text", model, plans)
    competence = check_competence(model, data)
    return SweepResult(sweep, model, data, vector, found[0], found[1:], [cost["kl"] for cost in costs], competence)
