"""What a stacking study is, what comes out of it, and what that means in words."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from steerstack import digest
from steerstack.asking import ScoreMode
from steerstack.splits import Splits
from steerstack.study import stats
from steerstack.study.claims import Claim, Claims
from steerstack.study.competence import Competence
from steerstack.study.grid import Cell, arms_json, interactions_json, quadruples
from steerstack.study.measure import ArmValues
from steerstack.study.scoring import scale_name
from steerstack.study.select import Chosen
from steerstack.study.together import Companion
from steerstack.trace.model import Model
from steerstack.vector import SteeringVector


@dataclass(frozen=True)
class Stacking:
    """A stacking study, declared before it is run.

    Attributes
    ----------
    behavior:
        The behaviour.
    score:
        How items are scored.
    position, tokens:
        Where the vector is read, and where it is added.
    layers:
        Candidate layers; None for six spread over the middle of the model.
    shares:
        Candidate strengths: added norm as a share of the residual stream's.
    matched_kl:
        Instead of them, one strength a layer: the one that costs this KL per token on neutral text.
    nulls:
        Number of random and of shuffled-label vectors, and the most of unrelated behaviours.
    seed:
        Of the splits, the nulls and the fine-tune.
    limit:
        Number of items used; None for all.
    """

    behavior: str
    score: ScoreMode = "text"
    position: str = "response"
    tokens: str = "response"
    layers: tuple[int, ...] | None = None
    shares: tuple[float, ...] = (0.1, 0.2, 0.4)
    nulls: int = 5
    seed: int = 0
    limit: int | None = None
    matched_kl: float | None = None

    @property
    def digest(self) -> str:
        """Digest of the declaration."""
        return digest.of_json(asdict(self))


@dataclass(frozen=True)
class StackResult:
    """All that came out, before it is written anywhere.

    Attributes
    ----------
    study, splits, chosen, competence:
        What was declared, on which items, what was chosen, and whether the model reacts to content.
    grid:
        Every arm of the test split.
    nulls:
        Each null's name and its arm, unprompted on the base model.
    vector, refitted:
        The base model's vector, and the fine-tune's by the fine-tune's name.
    costs:
        For each steered arm on neutral text: KL per token and perplexity.
    record:
        How the fine-tunes and the demonstrations were made.
    companions:
        Other vectors that were tried together with this one.
    papers:
        Where the methods are from, by name.
    """

    study: Stacking
    model: Model
    splits: Splits
    chosen: Chosen
    competence: Competence
    grid: dict[Cell, ArmValues]
    nulls: dict[str, ArmValues]
    vector: SteeringVector
    refitted: dict[str, SteeringVector]
    costs: list[dict[str, Any]]
    norms: dict[int, float]
    record: dict[str, Any] = field(default_factory=dict)
    companions: Sequence[Companion] = ()
    papers: dict[str, str] = field(default_factory=dict)

    @property
    def bare(self) -> ArmValues:
        """The base model, unprompted and unsteered."""
        return self.grid[Cell("none", "none")]

    @cached_property
    def effect(self) -> stats.Estimate:
        """Effect of the positive vector alone on the base model, paired."""
        return stats.difference(self.grid[Cell("none", "positive")].log_odds, self.bare.log_odds)

    @cached_property
    def interactions(self) -> list[dict[str, Any]]:
        """Every interaction, on both scales."""
        vector = self.grid[Cell("none", "positive")]
        return interactions_json([*quadruples(self.grid), *(c.quadruple(self.bare, vector) for c in self.companions)])

    def to_json(self) -> dict[str, Any]:
        """The file form of ``stack --json``, without where it was recorded."""
        layer, scale = self.chosen.layer, self.chosen.scale
        strength = {
            "multiplier": scale,
            "norm": abs(scale) * self.vector.norms[layer],
            "share_of_residual_norm": abs(scale) * self.vector.norms[layer] / self.norms[layer],
        }
        return {
            "behavior": self.study.behavior,
            "polarity": self.splits.test.polarity,
            "study": asdict(self.study),
            "score": self.study.score,
            "scale": scale_name(self.study.score),
            "n": {name: len(getattr(self.splits, name)) for name in ("train", "validation", "test")},
            "data": {"source": self.splits.test.source, "behavior": self.splits.test.behavior},
            "data_digests": self.splits.digests,
            "model": self.model.name,
            "model_fingerprint": self.model.fingerprint,
            "vector_fingerprint": self.vector.fingerprint,
            "selected": self.chosen.to_json(),
            "strength": strength,
            "competence": self.competence.to_json(),
            "warning": self.competence.warning(self.study.score),
            "arms": arms_json(self.grid),
            "interactions": self.interactions,
            "companions": [c.to_json(self.bare) for c in self.companions],
            "nulls": self._nulls_json(),
            "costs": self.costs,
            "finetunes": self.record,
            "papers": self.papers,
            "verdict": self.verdict(),
        }

    @property
    def claims(self) -> Claims:
        """The arms of the base model, under every system prompt that was chosen."""
        layer, scale = self.chosen.layer, self.chosen.scale
        applied: dict[str, Any] = {"vector": self.vector, "layers": (layer,), "tokens": self.study.tokens}
        sides = {"none": {}, "positive": {**applied, "scale": scale}, "negative": {**applied, "scale": -scale}}
        where = {"finetune": "none", "vector_origin": "transferred"}
        arms = [
            Claim({**where, "prompt": prompt, "vector": level}, system=system, **side)
            for prompt, system in {"none": None, **self.chosen.prompts}.items()
            for level, side in sides.items()
        ]
        return Claims.of_splits({"test": self.splits}, arms, self.study.score)

    def frame(self) -> list[dict[str, Any]]:
        """One row an item and arm of the test split: fine-tune, origin, prompt, vector, item, log-odds, probability.

        A null stands under ``vector`` by its name, and another vector by its own, with what it is together with.
        """
        rows = []
        named = dict(self.nulls)
        for other in self.companions:
            named |= {other.name: other.alone, f"vector, then {other.name}": other.after}
            named |= {f"{other.name}, then vector": other.before} if other.before else {}
        by_name = ((Cell("none", name), values) for name, values in named.items())  # type: ignore[arg-type]
        for cell, values in (*self.grid.items(), *by_name):
            about = {
                "finetune": cell.finetune,
                "vector_origin": cell.origin,
                "prompt": cell.prompt,
                "vector": cell.vector,
            }
            sides = zip(self.splits.test, values.log_odds.tolist(), values.probability.tolist(), strict=True)
            rows += [{**about, "item": item.id, "log_odds": odds, "probability": p} for item, odds, p in sides]
        return rows

    def _nulls_json(self) -> list[dict[str, Any]]:
        return [
            {"null": name, "effect": stats.difference(values.log_odds, self.bare.log_odds).to_json()}
            for name, values in self.nulls.items()
        ]

    def beats_nulls(self) -> tuple[int, int]:
        """How many nulls move the log-odds less than the vector does, and how many there are."""
        sizes = [abs(float(np.mean(values.log_odds - self.bare.log_odds))) for values in self.nulls.values()]
        return sum(size < abs(self.effect.value) for size in sizes), len(sizes)

    def verdict(self) -> str:
        """The answer in words."""
        beaten, total = self.beats_nulls()
        effect = self.effect
        if effect.excludes_zero and beaten < total:
            head = f"The vector alone is not told from the nulls on {self.study.behavior}"
        elif effect.ci_low > 0:
            head = f"The vector alone raises {self.study.behavior}"
        elif effect.ci_high < 0:
            head = f"The vector alone lowers {self.study.behavior}, against its sign"
        else:
            head = f"The vector alone has no measurable effect on {self.study.behavior}"
        parts = [
            f"{head}: {effect} on the log-odds scale (n = {effect.n}); it moves more than {beaten} of {total} nulls."
        ]
        parts.extend(
            _on_top(entry)
            for entry in self.interactions
            if (entry["scale"], entry["direction"], entry["of"][0]) == ("log-odds", "positive", "vector")
        )
        parts += [other.sentence() for other in self.companions]
        return " ".join(part for part in parts if part)


def _on_top(entry: dict[str, Any]) -> str:
    """What the vector still does on top of something else, and how the two combine."""
    other = {"prompt": "a positive prompt", "few-shot": "demonstrations"}.get(entry["of"][1], entry["of"][1])
    if "finetune" in entry:
        other += f" on {entry['finetune']}"
    origin = f" ({entry['vector_origin']})" if "vector_origin" in entry else ""
    effect = entry["first_on_top"]
    interval = f"{effect['value']:+.3f} [{effect['ci_low']:+.3f}, {effect['ci_high']:+.3f}]"
    words = {
        "only the first works alone": f"{entry['of'][1]} alone does nothing measurable",
        "only the second works alone": "the vector alone does nothing measurable",
    }
    verdict = words.get(entry["verdict"], entry["verdict"])
    return f"On top of {other}{origin} it does {interval} ({verdict})."
