"""The cells of a stacking study, and the interactions between them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from steerstack.data.items import DataSet
from steerstack.run.arms import ArmValues
from steerstack.stats import estimates
from steerstack.stats.combination import Verdict, additivity, at_limit
from steerstack.stats.comparisons import corrected, p_value
from steerstack.stats.estimate import Estimate
from steerstack.study.vector_roles import of_origin

Level = Literal["none", "positive", "negative"]
LEVELS: tuple[Level, ...] = ("negative", "none", "positive")

Origin = Literal["transferred", "refitted"]
ORIGINS: tuple[Origin, ...] = ("transferred", "refitted")

PromptLevel = Level | Literal["few-shot"]
PROMPTS: tuple[PromptLevel, ...] = (*LEVELS, "few-shot")


@dataclass(frozen=True)
class Cell:
    """One arm: prompt x vector x fine-tune, and which model the vector was fitted on.

    A prompt is a system prompt for or against the behaviour, or demonstrations of it (``few-shot``).
    ``origin`` is ``transferred`` for a vector from the base model, ``refitted`` for one that was
    extracted again from the fine-tuned model. An arm without a vector is listed under both.
    """

    prompt: PromptLevel
    vector: Level
    finetune: str = "none"
    origin: Origin = "transferred"

    @property
    def listed(self) -> bool:
        """Whether it stands in tables: without a vector it is the same wherever vectors are from, and stands once."""
        return self.vector != "none" or self.origin == "transferred"

    @property
    def about(self) -> dict[str, str]:
        """As results and frames name it."""
        return {
            "finetune": self.finetune,
            "vector_origin": self.origin,
            "prompt": self.prompt,
            "vector": self.vector,
        }


BARE, ALONE = Cell("none", "none"), Cell("none", "positive")
"""The model as it came, and under the vector alone."""

Grid = Mapping[Cell, ArmValues]


@dataclass(frozen=True)
class GridArm:
    """One arm of the grid.

    Attributes
    ----------
    cell, edited:
        What was done to the model, and how many positions were edited.
    estimate, probability, effect:
        Mean log-odds and probability, and the paired difference in log-odds from the bare model.
    against:
        Share of items that the vector moves against its sign, beside the same arm without it; None without a vector.
    """

    cell: Cell
    edited: int
    estimate: Estimate
    probability: Estimate
    effect: Estimate
    against: Estimate | None

    def to_json(self) -> dict[str, object]:
        """As results hold it."""
        return {
            **self.cell.about,
            "estimate": self.estimate.to_json(),
            "probability": self.probability.to_json(),
            "effect": self.effect.to_json(),
            "edited_positions": self.edited,
            "against": self.against.to_json() if self.against else None,
        }


def grid_arms(grid: Grid, groups: Sequence[int] | None = None) -> list[GridArm]:
    """Each arm with its estimates, in the grid's order."""
    base = grid[BARE].log_odds
    return [
        GridArm(
            cell,
            values.edited,
            estimates.mean(values.log_odds, groups=groups),
            estimates.probability(values.probability, groups=groups),
            estimates.difference(values.log_odds, base, groups=groups),
            _against(cell, values, grid, groups),
        )
        for cell, values in grid.items()
    ]


def _against(cell: Cell, values: ArmValues, grid: Grid, groups: Sequence[int] | None) -> Estimate | None:
    without = replace(cell, vector="none")
    if cell.vector == "none" or without not in grid:
        return None
    effects = values.log_odds - grid[without].log_odds
    return estimates.share(effects < 0 if cell.vector == "positive" else effects > 0, groups=groups)


_CONTEXTS: dict[str, PromptLevel] = {"prompt": "positive", "few-shot": "few-shot"}
"""What stands before the question and pushes the behaviour, as interactions name it."""

FourArms = tuple[ArmValues, ArmValues, ArmValues, ArmValues]
"""The arms of an interaction: neither, first, second, both."""

Scale = Literal["log-odds", "probability"]
SCALES: tuple[Scale, ...] = ("log-odds", "probability")


@dataclass(frozen=True)
class Pairing:
    """What an interaction is of.

    Attributes
    ----------
    of, direction:
        The two that meet, and which way they push.
    origin, finetune:
        Where the vector is from, and on top of which fine-tune both act; None where that is no question.
    """

    of: tuple[str, str]
    direction: Level
    origin: str | None = None
    finetune: str | None = None

    @property
    def role(self) -> str:
        """The role of its vector."""
        return of_origin(self.origin or "", self.finetune or self.of[1])

    def to_json(self) -> dict[str, object]:
        """As results hold it."""
        where = {"vector_origin": self.origin, "finetune": self.finetune}
        details = {key: value for key, value in where.items() if value is not None}
        return {"of": list(self.of), "direction": self.direction, **details}


Quadruple = tuple[Pairing, FourArms]
"""What an interaction is of, and its arms."""


@dataclass(frozen=True)
class Interaction:
    """Two techniques together, compared with each alone, on one scale.

    Attributes
    ----------
    pairing, scale, margin:
        Which two, on which scale, and the margin that was declared.
    verdict, n_to_resolve:
        How the two combine on the log-odds scale, and how many items would tell on this one where it is not resolved.
    estimate, p, p_holm:
        Difference in differences; the p of its paired t test, and that corrected over all interactions of the scale.
    first, second, both, first_on_top:
        Effects of each alone and of both, and of the first on top of the second.
    retained:
        Share of the first's effect that it keeps on top of the second.
    near_ceiling:
        Whether an arm is so near 0 or 1 that a missing effect may be a full scale.
    """

    pairing: Pairing
    scale: Scale
    verdict: Verdict
    margin: float
    estimate: Estimate
    p: float
    p_holm: float
    first: Estimate
    second: Estimate
    both: Estimate
    first_on_top: Estimate
    retained: Estimate
    near_ceiling: bool
    n_to_resolve: int | None

    def to_json(self) -> dict[str, object]:
        """As results hold it."""
        parts = {name: part.to_json() if isinstance(part, Estimate) else part for name, part in vars(self).items()}
        del parts["pairing"]
        return {**self.pairing.to_json(), **parts}


def _cells(finetunes: Iterable[str]) -> Iterable[tuple[Pairing, tuple[Cell, Cell, Cell, Cell]]]:
    """Every interaction asked for: what it is of, and its cells (neither, first, second, both)."""
    sides: tuple[Level, ...] = ("positive", "negative")
    for side in sides:
        of_vector, of_prompt, both = Cell("none", side), Cell(side, "none"), Cell(side, side)
        yield Pairing(("vector", "prompt"), side), (BARE, of_vector, of_prompt, both)
    few_shot = Cell("few-shot", "none")
    yield Pairing(("vector", "few-shot"), "positive"), (BARE, ALONE, few_shot, Cell("few-shot", "positive"))
    for tune in finetunes:
        tuned = Cell("none", "none", tune)
        for name, level in _CONTEXTS.items():
            yield Pairing((name, tune), "positive"), (BARE, Cell(level, "none"), tuned, Cell(level, "none", tune))
        for origin in ORIGINS:
            on_tuned = Cell("none", "positive", tune, origin)
            yield Pairing(("vector", tune), "positive", origin), (BARE, ALONE, tuned, on_tuned)
            for name, level in _CONTEXTS.items():
                both = Cell(level, "positive", tune, origin)
                on_top = Pairing(("vector", name), "positive", origin, tune)
                yield on_top, (tuned, on_tuned, Cell(level, "none", tune), both)


def quadruples(grid: Grid) -> list[Quadruple]:
    """Every interaction whose arms were measured."""
    finetunes = sorted({cell.finetune for cell in grid} - {"none"})
    combinations = [(about, cells) for about, cells in _cells(finetunes) if all(cell in grid for cell in cells)]
    return [(about, (grid[a], grid[b], grid[c], grid[d])) for about, (a, b, c, d) in combinations]


def interactions(
    asked: Iterable[Quadruple], *, margin: float, groups: Sequence[int] | None = None
) -> list[Interaction]:
    """Every interaction on both scales, with its verdict on the log-odds scale."""
    entries: list[Interaction] = []
    for about, arms in asked:
        verdict: Verdict | None = None
        for scale in SCALES:
            whole = _interaction(about, arms, scale, margin, groups)
            verdict = verdict or whole.verdict
            entries.append(replace(whole, verdict=verdict))
    holm = {
        place: row["p_corrected"]
        for scale in SCALES
        for place, row in corrected({str(at): one.p for at, one in enumerate(entries) if one.scale == scale}).items()
    }
    return [replace(one, p_holm=holm[str(at)]) for at, one in enumerate(entries)]


def _interaction(
    about: Pairing, arms: FourArms, scale: Scale, margin: float, groups: Sequence[int] | None
) -> Interaction:
    neither, first, second, both = (arm.log_odds if scale == "log-odds" else arm.probability for arm in arms)
    result = additivity(neither, first, second, both, margin=margin, groups=groups)
    p = p_value(estimates.contrast(both, first, second, neither), groups=groups)
    return Interaction(
        about, scale, result.verdict, margin,
        estimate=result.interaction, p=p, p_holm=p, first=result.first, second=result.second,
        both=estimates.difference(both, neither, groups=groups),
        first_on_top=estimates.difference(both, second, groups=groups), retained=result.retained,
        near_ceiling=at_limit(*(float(arm.mass.mean()) for arm in arms)), n_to_resolve=result.needed,
    )  # fmt: skip


def item_rows(about: dict[str, str], items: DataSet, values: ArmValues) -> list[dict[str, object]]:
    """One row an item, with what is said of all of them."""
    sides = zip(items, values.log_odds.tolist(), values.probability.tolist(), strict=True)
    return [{**about, "item": item.id, "log_odds": odds, "probability": p} for item, odds, p in sides]
