"""The complaint: which vector, used how, on which items of which model; with what is measured of it once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from steerstack.contracts import Edit
from steerstack.data.items import DataSet
from steerstack.data.questions import Question, ScoreMode, ask
from steerstack.measure.residual_norms import residual_norms
from steerstack.measure.scoring import ArmScores, score_data
from steerstack.stats.estimates import Estimate, difference
from steerstack.stats.item_clusters import clusters
from steerstack.steering.intervention import Plan
from steerstack.steering.tokens import Tokens
from steerstack.steering.vector import SteeringVector, random_like
from steerstack.techniques.apply import apply_all
from steerstack.trace.model import Model

ITEMS = 24
"""Items that are scored; as many others give the direction that the vector is compared with."""

NULLS = 9
"""Random directions of the same norm that an effect must exceed: one time in ten it does so by chance."""


@dataclass(frozen=True)
class Use:
    """One way of using a direction; every change that is tried is another one."""

    vector: SteeringVector
    layers: tuple[int, ...]
    scale: float
    tokens: Tokens
    edit: Edit | None = None

    def plan(self) -> Plan:
        """What is applied."""
        return apply_all(self.vector, self.layers, self.scale, tokens=self.tokens, edit=self.edit)

    def at_random(self, seed: int) -> "Use":
        """The same use of a random direction of the same norm."""
        return replace(self, vector=random_like(self.vector.keeping(self.layers), seed))


@dataclass(frozen=True)
class EffectBesideNulls:
    """The effect of a use beside those of random directions used in the same way.

    Attributes
    ----------
    effect:
        Paired difference from the unsteered model in mean log-odds (per token for ``text``).
    nulls:
        The same of each random direction; empty where the effect is not told from zero anyway.
    """

    effect: Estimate
    nulls: tuple[float, ...]

    @property
    def beyond_nulls(self) -> bool:
        """Whether it excludes zero and is larger than what any of the random directions does."""
        return self.effect.excludes_zero and abs(self.effect.value) > max(map(abs, self.nulls), default=0.0)

    @property
    def acts(self) -> bool:
        """Whether it raises the behaviour more than any of the random directions."""
        return self.beyond_nulls and self.effect.value > 0

    def __str__(self) -> str:
        return f"{self.effect}" + (f", random directions up to {max(map(abs, self.nulls)):.2g}" if self.nulls else "")


@dataclass(frozen=True, eq=False)
class Case:
    """A vector that is said to have no effect.

    Attributes
    ----------
    model, data:
        Where it is used; of the data :data:`ITEMS` are scored.
    use:
        How it is used.
    mode, system:
        How items are scored, and under which system prompt.
    transfer:
        Whether a vector from other weights is wanted.
    """

    model: Model
    data: DataSet
    use: Use
    mode: ScoreMode = "text"
    system: str | None = None
    transfer: bool = False

    @cached_property
    def scored(self) -> DataSet:
        """The items that are scored, spread over the data."""
        return self._sample.take(self._sample.items[::2])

    @cached_property
    def others(self) -> DataSet:
        """Items that are not scored."""
        return self._sample.take(self._sample.items[1::2])

    @cached_property
    def _sample(self) -> DataSet:
        return self.data.spread(2 * ITEMS)

    @cached_property
    def questions(self) -> list[Question]:
        """The scored items as they are asked."""
        return ask(self.model.format, self.scored, self.mode, system=self.system)

    @cached_property
    def bare(self) -> ArmScores:
        """The scored items on the unsteered model."""
        return self._score([Plan()])[0]

    @cached_property
    def steered(self) -> ArmScores:
        """The scored items under the complaint's own plan."""
        return self._score([self.use.plan()])[0]

    @cached_property
    def given(self) -> EffectBesideNulls:
        """What the vector does as it is used."""
        effect = difference(self.steered.effect_scale, self.bare.effect_scale, groups=self._groups)
        return self.beside_nulls(self.use, effect)

    @cached_property
    def _groups(self) -> Sequence[int] | None:
        partition = clusters(self.scored)
        return partition.labels if partition else None

    @cached_property
    def norms(self) -> dict[int, float]:
        """Median norm of the residual stream at each layer."""
        return residual_norms(self.model)

    def unit(self, vector: SteeringVector, layer: int) -> float | None:
        """What scale 1 adds at a layer, as a share of the stream's norm; None for an edit that is no addition."""
        edit = self.use.edit
        if (edit.name if edit else vector.edit) != "add":
            return None
        return 1.0 if edit and edit.parameters().get("relative") else vector.norms[layer] / self.norms[layer]

    @property
    def share(self) -> float | None:
        """What the given scale adds at the first layer, likewise."""
        unit = self.unit(self.use.vector, self.use.layers[0])
        return None if unit is None else abs(self.use.scale) * unit

    def effects(self, uses: Sequence[Use]) -> list[Estimate]:
        """The effect of each use on the scored items."""
        if not uses:
            return []
        before = self.bare.effect_scale
        arms = self._score([use.plan() for use in uses])
        return [difference(arm.effect_scale, before, groups=self._groups) for arm in arms]

    def beside_nulls(self, use: Use, effect: Estimate) -> EffectBesideNulls:
        """A use with its effect beside random directions, which are run only where the effect excludes zero."""
        seeds = range(NULLS) if effect.excludes_zero else ()
        return EffectBesideNulls(
            effect, tuple(null.value for null in self.effects([use.at_random(seed) for seed in seeds]))
        )

    def _score(self, plans: Sequence[Plan]) -> list[ArmScores]:
        return score_data(self.model, self.scored, self.mode, plans, system=self.system)
