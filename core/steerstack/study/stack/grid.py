"""The cells of a stacking study, and the interactions between them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from steerstack.run.arms import ArmValues
from steerstack.stats import estimates
from steerstack.stats.combination import Additivity, additivity, at_limit
from steerstack.stats.comparisons import corrected, p_value

Level = Literal["none", "positive", "negative"]
LEVELS: tuple[Level, ...] = ("negative", "none", "positive")

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
    origin: Literal["transferred", "refitted"] = "transferred"

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


def arms_json(grid: Grid, groups: Sequence[int] | None = None) -> list[dict[str, Any]]:
    """Each arm with its estimates; one with a vector also with the share of items that move against its sign."""
    base = grid[BARE]
    return [
        {
            **cell.about,
            "estimate": estimates.mean(values.log_odds, groups=groups).to_json(),
            "probability": estimates.probability(values.probability, groups=groups).to_json(),
            "effect": estimates.difference(values.log_odds, base.log_odds, groups=groups).to_json(),
            "edited_positions": values.edited,
            "against": _against(cell, values, grid, groups),
        }
        for cell, values in grid.items()
    ]


def _against(cell: Cell, values: ArmValues, grid: Grid, groups: Sequence[int] | None) -> dict[str, Any] | None:
    """Share of items that the vector moves against its sign, beside the same arm without it."""
    without = replace(cell, vector="none")
    if cell.vector == "none" or without not in grid:
        return None
    moved = values.log_odds - grid[without].log_odds
    return estimates.share(moved < 0 if cell.vector == "positive" else moved > 0, groups=groups).to_json()


_CONTEXTS: dict[str, PromptLevel] = {"prompt": "positive", "few-shot": "few-shot"}
"""What stands before the question and pushes the behaviour, as interactions name it."""

FourArms = tuple[ArmValues, ArmValues, ArmValues, ArmValues]

Quadruple = tuple[dict[str, Any], FourArms]
"""What an interaction is of, and its arms: neither, first, second, both."""


def _cells(finetunes: Iterable[str]) -> Iterable[tuple[dict[str, Any], tuple[Cell, Cell, Cell, Cell]]]:
    """Every interaction asked for: what it is of, and its cells (neither, first, second, both)."""
    for side in ("positive", "negative"):
        of_vector, of_prompt, both = Cell("none", side), Cell(side, "none"), Cell(side, side)
        yield {"of": ["vector", "prompt"], "direction": side}, (BARE, of_vector, of_prompt, both)
    shown = Cell("few-shot", "none")
    yield {"of": ["vector", "few-shot"], "direction": "positive"}, (BARE, ALONE, shown, Cell("few-shot", "positive"))
    for tune in finetunes:
        tuned = Cell("none", "none", tune)
        for name, level in _CONTEXTS.items():
            about = {"of": [name, tune], "direction": "positive"}
            yield about, (BARE, Cell(level, "none"), tuned, Cell(level, "none", tune))
        for origin in ("transferred", "refitted"):
            on_tuned = Cell("none", "positive", tune, origin)
            about = {"direction": "positive", "vector_origin": origin}
            yield {"of": ["vector", tune], **about}, (BARE, ALONE, tuned, on_tuned)
            for name, level in _CONTEXTS.items():
                on_top = {"of": ["vector", name], **about, "finetune": tune}
                both = Cell(level, "positive", tune, origin)
                yield on_top, (tuned, on_tuned, Cell(level, "none", tune), both)


def quadruples(grid: Grid) -> list[Quadruple]:
    """Every interaction whose arms were measured."""
    finetunes = sorted({cell.finetune for cell in grid} - {"none"})
    asked = [(about, cells) for about, cells in _cells(finetunes) if all(cell in grid for cell in cells)]
    return [(about, (grid[a], grid[b], grid[c], grid[d])) for about, (a, b, c, d) in asked]


def interactions_json(
    asked: Iterable[Quadruple], *, margin: float, groups: Sequence[int] | None = None
) -> list[dict[str, Any]]:
    """Every interaction on both scales, with its verdict on the log-odds scale.

    ``retained`` is the share of the first's effect that it keeps on top of the second; ``p`` that of the paired t
    test, ``p_holm`` corrected over all interactions of the scale.
    """
    found: list[dict[str, Any]] = []
    for about, arms in asked:
        on_log_odds, on_probability = (
            additivity(*(_values(arm, scale) for arm in arms), margin=margin, groups=groups)
            for scale in ("log-odds", "probability")
        )
        verdict = {**about, "verdict": on_log_odds.verdict, "margin": margin}
        found.append(_interaction(arms, "log-odds", verdict, on_log_odds, groups))
        found.append(_interaction(arms, "probability", verdict, on_probability, groups))
    for scale in ("log-odds", "probability"):
        mine = {str(place): entry["p"] for place, entry in enumerate(found) if entry["scale"] == scale}
        for place, row in corrected(mine).items():
            found[int(place)]["p_holm"] = row["p_corrected"]
    return found


def _values(values: ArmValues, scale: str) -> Any:
    return values.log_odds if scale == "log-odds" else values.probability


def _interaction(
    arms: FourArms, scale: str, about: dict[str, Any], found: Additivity, groups: Sequence[int] | None
) -> dict[str, Any]:
    neither, first, second, both = (_values(arm, scale) for arm in arms)
    return {
        **about,
        "scale": scale,
        "estimate": found.interaction.to_json(),
        "p": p_value(estimates.contrast(both, first, second, neither), groups=groups),
        "first": found.first.to_json(),
        "second": found.second.to_json(),
        "both": estimates.difference(both, neither, groups=groups).to_json(),
        "first_on_top": estimates.difference(both, second, groups=groups).to_json(),
        "retained": found.retained.to_json(),
        "near_ceiling": at_limit(*(float(arm.mass.mean()) for arm in arms)),
        "n_to_resolve": found.needed,
    }
