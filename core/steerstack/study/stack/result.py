"""What a stacking study is, what comes out of it, and what that means in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from steerstack.contracts.recorder import MAIN, Effect
from steerstack.data.items import DataSet
from steerstack.data.splits import Splits
from steerstack.measure.competence import Competence
from steerstack.measure.scoring import scale_name
from steerstack.report.page import Page, Table
from steerstack.report.samples import Samples
from steerstack.report.words import sum_up
from steerstack.run.arms import ArmValues, PlanCost
from steerstack.stats import estimates
from steerstack.steering.vector import SteeringVector
from steerstack.study.claims import Claim, Claims
from steerstack.study.fair_choices import Chances, choices_of
from steerstack.study.null_test import NullTest
from steerstack.study.result import Result
from steerstack.study.stack.card import arm_failures, interaction_failures, stack_card
from steerstack.study.stack.companions import MeasuredCompanion
from steerstack.study.stack.distance import Distance, distance_sentence
from steerstack.study.stack.effects import stack_effects
from steerstack.study.stack.grid import (
    ALONE,
    BARE,
    Cell,
    GridArm,
    Interaction,
    grid_arms,
    interactions,
    item_rows,
    quadruples,
)
from steerstack.study.stack.misread import Misread, misread
from steerstack.study.stack.nulls import NullArms
from steerstack.study.stack.page import stack_page
from steerstack.study.stack.replicates import Replicate, Replicates
from steerstack.study.stack.words import NO_PROMPTS, alone_words, on_top, stack_summary
from steerstack.study.vector_roles import refitted_on
from steerstack.techniques.compute import of_vector
from steerstack.techniques.fine_tunes import still
from steerstack.techniques.selection import Choice
from steerstack.trace.model import Model

if TYPE_CHECKING:
    from steerstack.study.stack.study import Stack


@dataclass(frozen=True, repr=False)
class StackResult(Result):
    """All that came out, before it is written anywhere.

    Attributes
    ----------
    study, model, splits, choice, prompts, prompts_record, competence:
        What was declared, on which model and items, what was chosen, and whether the model reacts to content.
    grid:
        Every arm of the test split.
    nulls:
        The nulls and the vectors of other behaviours, each as it was chosen, unprompted on the base model.
    vector, refitted:
        The base model's vector, and the fine-tune's by the fine-tune's name.
    costs:
        For each steered arm what it costs on neutral text, against the same model without the vector.
    recipes:
        How the fine-tunes and the demonstrations were made.
    companions:
        Other vectors that were tried together with this one.
    papers:
        Where the methods are from, by name.
    samples:
        What the base model says to the first test items, unsteered and steered.
    again:
        The vector from other training samples; empty where there are no replicates.
    distances:
        How far vectors, prompts and fine-tunes take the model from the bare one; empty where that cannot be measured.
    """

    study: Stack
    model: Model
    splits: Splits
    choice: Choice
    prompts: dict[str, str]
    prompts_record: dict[str, Any]
    competence: Competence
    grid: dict[Cell, ArmValues]
    nulls: NullArms
    vector: SteeringVector
    refitted: dict[str, SteeringVector]
    costs: dict[Cell, PlanCost]
    norms: dict[int, float]
    recipes: dict[str, Any] = field(default_factory=dict)
    companions: Sequence[MeasuredCompanion] = ()
    papers: dict[str, str] = field(default_factory=dict)
    samples: Samples | None = None
    again: Sequence[Replicate] = ()
    distances: Sequence[Distance] = ()

    @property
    def bare(self) -> ArmValues:
        """The base model, unprompted and unsteered."""
        return self.grid[BARE]

    @cached_property
    def effect(self) -> estimates.Estimate:
        """Effect of the positive vector alone on the base model, paired."""
        return estimates.difference(self.grid[ALONE].log_odds, self.bare.log_odds, groups=self.groups())

    @cached_property
    def replicates(self) -> Replicates | None:
        """The vector alone over other training samples and seeds; None where it was found once."""
        return Replicates(self.again, self.bare, self.groups()) if self.again else None

    @cached_property
    def arms(self) -> list[GridArm]:
        """Every arm of the grid with its estimates."""
        return grid_arms(self.grid, self.groups())

    @cached_property
    def misread(self) -> Misread | None:
        """Effects on the items whose words mislead; None where nothing was guessed from words."""
        return misread(self.splits.test, self.leaks.get(self.behavior), self.grid, self.groups())

    @property
    def warnings(self) -> list[str]:
        """The same, fine-tunes that nothing was stacked on, and prompts that the data do not have."""
        left = [
            f"{name} kept nothing of its training: it is the base model, and has no arms of its own."
            for name in still(self.recipes.items())
        ]
        return [*super().warnings, *left, *([] if self.prompts else [NO_PROMPTS])]

    @property
    def warning(self) -> str | None:
        """What the reader should know of how the model takes the items."""
        return self.competence.warning(self.study.score)

    @property
    def norm(self) -> float:
        """Norm of what the positive vector adds."""
        return abs(self.choice.scale) * self.vector.norms[self.choice.layer]

    @property
    def share_of_norm(self) -> float:
        """That norm as a share of the residual stream's at the layer."""
        return self.norm / self.norms[self.choice.layer]

    @cached_property
    def interactions(self) -> list[Interaction]:
        """Every interaction, on both scales."""
        vector = self.grid[ALONE]
        combinations = [*quadruples(self.grid), *(c.quadruple(self.bare, vector) for c in self.companions)]
        return interactions(combinations, margin=self.study.margin, groups=self.groups())

    def to_json(self) -> dict[str, object]:
        """The file form of ``stack --json``, without where it was recorded."""
        strength = {"multiplier": self.choice.scale, "norm": self.norm, "share_of_residual_norm": self.share_of_norm}
        return {
            "behavior": self.behavior,
            "polarity": self.splits.test.polarity,
            "study": self.study.to_json(),
            "score": self.study.score,
            "scale": scale_name(self.study.score),
            "n": {name: len(getattr(self.splits, name)) for name in ("train", "validation", "test")},
            "data": {"source": self.splits.test.source, "behavior": self.splits.test.behavior},
            "data_digests": self.splits.digests,
            "model": self.model.name,
            "model_fingerprint": self.model.fingerprint,
            "paths": self.model.paths_taken,
            "vector_fingerprint": self.vector.fingerprint,
            "selected": {
                **self.choice.to_json(),
                "prompts": self.prompts,
                "prompts_tried": self.prompts_record["choices_tried"],
            },
            "strength": strength,
            "competence": self.competence.to_json(),
            "warning": self.warning,
            "clusters": self.clusters_json,
            "arms": [arm.to_json() for arm in self.arms],
            "misread": self.misread.to_json() if self.misread else None,
            "interactions": [entry.to_json() for entry in self.interactions],
            "companions": [c.to_json(self.bare, self.groups()) for c in self.companions],
            "nulls": [null.to_json(self.bare_there) for null in self.nulls.nulls],
            "null_p": self.null_test.p,
            "null_test": {**self.null_test.to_json(), "n_items": len(self.nulls.items)},
            "neighbors": [other.to_json(self.bare_there) for other in self.nulls.neighbors],
            "replicates": self.replicates and self.replicates.to_json(),
            "choices": self.choices,
            "costs": [
                {"finetune": cell.finetune, "vector": cell.vector, "vector_origin": cell.origin, **cost}
                for cell, cost in self.costs.items()
            ],
            "distances": [one.to_json() for one in self.distances],
            "finetunes": self.recipes,
            "papers": self.papers,
            "samples": self.samples or {},
            "verdict": self.verdict,
        }

    @property
    def claims(self) -> Claims:
        """The arms of the base model, under every system prompt that was chosen."""
        layer, scale = self.choice.layer, self.choice.scale
        applied: dict[str, Any] = {"vector": self.vector, "layers": (layer,), "tokens": self.study.tokens}
        sides = {"none": {}, "positive": {**applied, "scale": scale}, "negative": {**applied, "scale": -scale}}
        where = {"finetune": "none", "vector_origin": "transferred"}
        arms = [
            Claim({**where, "prompt": prompt, "vector": level}, system=system, **side)
            for prompt, system in {"none": None, **self.prompts}.items()
            for level, side in sides.items()
        ]
        return Claims.of_splits({"test": self.splits}, arms, self.study.score)

    @property
    def tested(self) -> dict[str, DataSet]:
        """The locked test items."""
        return {"test": self.splits.test}

    @property
    def vectors(self) -> dict[str, SteeringVector]:
        """The base model's vector, and those that were found again on fine-tunes."""
        return {MAIN: self.vector, **{refitted_on(name): v for name, v in self.refitted.items()}}

    @property
    def effects(self) -> list[Effect]:
        """Every arm against the bare model, interactions, other vectors, nulls, costs."""
        return list(stack_effects(self))

    @property
    def parameters(self) -> dict[str, object]:
        """What was declared, and what was chosen."""
        choice = {"layer": self.choice.layer, "scale": self.choice.scale, "choices_tried": len(self.choice.tried)}
        return {**super().parameters, **choice, "finetunes": ",".join(self.refitted) or "none"}

    @property
    def card(self) -> str:
        """The vector's card, with what it does, what it costs and where it fails."""
        return stack_card(self)

    @property
    def failures(self) -> dict[str, list[str]]:
        """On top of what each vector fails, by its role; the main one also by itself."""
        roles = dict.fromkeys(self.vectors, "")
        mine = {role: [one for one in self.interactions if (one.pairing.role or MAIN) == role] for role in roles}
        failures = {role: list(interaction_failures(of)) for role, of in mine.items()}
        return {**failures, MAIN: [*arm_failures(self.arms), *failures[MAIN]]}

    def summary(self) -> Table:
        """Every arm once, a line each, with its effect against the bare model; then what the nulls bear."""
        return stack_summary(self)

    def page(self) -> Page:
        """Arms, interactions, choices, costs, nulls."""
        return stack_page(self)

    def rows(self) -> list[dict[str, object]]:
        """One row an item and arm of the test split: fine-tune, origin, prompt, vector, item, log-odds, probability.

        A null stands under ``vector`` by its name, with the items it was measured on, and another vector by its own.
        """
        test = self.splits.test
        named = [(name, test, values) for other in self.companions for name, values in other.arms.items()]
        named += [(null.name, self.nulls.items, null.values) for null in (*self.nulls.nulls, *self.nulls.neighbors)]
        arms = [(cell.about, test, values) for cell, values in self.grid.items()]
        arms += [({**BARE.about, "vector": name}, items, values) for name, items, values in named]
        return [row for arm in arms for row in item_rows(*arm)]

    @property
    def choices(self) -> list[Chances]:
        """What the vector, the prompts, the demonstrations and the fine-tunes each tried."""
        flops = of_vector(self.model, self.splits.train, self.splits.validation, self.study.score, self.choice)
        vector = {"flops": flops, "context_tokens": 0, **self.choice.to_json()}
        return choices_of({"vector": vector} | ({"prompt": self.prompts_record} if self.prompts else {}) | self.recipes)

    @property
    def bare_there(self) -> ArmValues:
        """The bare model on the items that nulls were measured on."""
        return self.nulls.here(self.bare)

    @cached_property
    def null_test(self) -> NullTest:
        """The positive vector alone beside its nulls, on the items that these were measured on."""
        return self.nulls.test(self.grid[ALONE], self.bare)

    @property
    def verdict(self) -> str:
        """The answer in words."""
        again = self.replicates
        parts = [alone_words(self.behavior, self.effect, self.null_test, again.effect if again else None)]
        parts += [again.sentence] if again else []
        parts += [one.sentence for one in on_top(self.interactions)]
        parts += [other.sentence(self.groups()) for other in self.companions]
        return sum_up([*parts, distance_sentence(self.distances)], self.effect.n)
