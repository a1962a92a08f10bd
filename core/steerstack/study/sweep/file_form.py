"""A sweep as its JSON file has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steerstack.measure.scoring import scale_name
from steerstack.stats import estimates
from steerstack.study.null_test import NEIGHBOR

if TYPE_CHECKING:
    from steerstack.study.sweep.result import SweepResult


def sweep_json(result: SweepResult) -> dict[str, object]:
    """The file form of ``sweep --json``."""
    arms = [
        {
            "layer": arm.layer,
            "scale": arm.scale,
            "estimate": arm.estimate.to_json(),
            "effect": arm.effect.to_json(),
            "p_holm": arm.p_holm,
            "probability": estimates.probability(arm.values.probability, groups=result.groups()).to_json(),
            "kl": cost["kl"],
            "kl_estimate": cost["kl_estimate"],
            "norm": abs(arm.scale) * result.vector.norms[arm.layer],
            "edited_positions": arm.values.edited,
        }
        for arm, cost in zip(result.arms, result.costs, strict=True)
    ]
    ids = [item.id for item in result.data]
    by_item = zip(ids, *(values.log_odds.tolist() for values in result.values), strict=True)
    return {
        "study": "sweep",
        "behavior": result.data.behavior,
        "score": result.study.score,
        "scale": scale_name(result.study.score),
        "tokens": result.study.tokens,
        "edit": result.edit,
        "n": len(ids),
        "unsteered": estimates.mean(result.unsteered.log_odds, groups=result.groups()).to_json(),
        "clusters": result.clusters_json,
        "arms": arms,
        "nulls": [one.to_json() for one in result.beside if one.family != NEIGHBOR],
        "neighbors": [one.to_json() for one in result.beside if one.family == NEIGHBOR],
        "null_p": result.null_test.p,
        "null_test": result.null_test.to_json(),
        "steerability": {str(layer): of.summary() for layer, of in result.steerability.items()},
        "items": {name: list(values) for name, *values in by_item},
        "competence": result.competence.to_json(),
        "warning": result.warning,
        "caution": result.caution,
        "data": result.data.source,
        "data_digest": result.data.digest,
        "model": result.model.name,
        "model_fingerprint": result.model.fingerprint,
        "paths": result.model.paths_taken,
        "vector_fingerprint": result.vector.fingerprint,
        "samples": result.samples or {},
        "verdict": result.verdict,
    }
