"""The cells of a stacking study, and the interactions between them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from steerstack.study import stats
from steerstack.study.measure import ArmValues
from steerstack.study.multiplicity import corrected, p_value
from steerstack.study.verdict import at_limit, stacking

Level = Literal["none", "positive", "negative"]
LEVELS: tuple[Level, ...] = ("negative", "none", "positive")


@dataclass(frozen=True)
class Cell:
    """One arm: system prompt x vector x fine-tune, and which model the vector was fitted on.

    ``origin`` is ``transferred`` for a vector from the base model, ``refitted`` for one that was
    extracted again from the fine-tuned model. An arm without a vector is listed under both.
    """

    prompt: Level
    vector: Level
    finetune: str = "none"
    origin: Literal["transferred", "refitted"] = "transferred"


Grid = Mapping[Cell, ArmValues]


def arms_json(grid: Grid) -> list[dict[str, Any]]:
    """Each arm with its estimates."""
    base = grid[Cell("none", "none")]
    return [
        {
            "prompt": cell.prompt,
            "vector": cell.vector,
            "finetune": cell.finetune,
            "vector_origin": cell.origin,
            "estimate": stats.mean(values.log_odds).to_json(),
            "probability": stats.mean(values.probability).to_json(),
            "effect": stats.difference(values.log_odds, base.log_odds).to_json(),
            "edited_positions": values.edited,
        }
        for cell, values in grid.items()
    ]


def _pairs(finetunes: Iterable[str]) -> Iterable[tuple[dict[str, Any], tuple[Cell, Cell, Cell, Cell]]]:
    """Every interaction asked for: what it is of, and its cells (neither, first, second, both)."""
    none = Cell("none", "none")
    for side in ("positive", "negative"):
        vector, prompt, both = Cell("none", side), Cell(side, "none"), Cell(side, side)
        yield {"of": ["vector", "prompt"], "direction": side}, (none, vector, prompt, both)
    for tune in finetunes:
        tuned = Cell("none", "none", tune)
        yield (
            {"of": ["prompt", tune], "direction": "positive"},
            (none, Cell("positive", "none"), tuned, Cell("positive", "none", tune)),
        )
        for origin in ("transferred", "refitted"):
            about = {"of": ["vector", tune], "direction": "positive", "vector_origin": origin}
            yield about, (none, Cell("none", "positive"), tuned, Cell("none", "positive", tune, origin))
            on_top = {"of": ["vector", "prompt"], "direction": "positive", "finetune": tune, "vector_origin": origin}
            yield (
                on_top,
                (
                    tuned,
                    Cell("none", "positive", tune, origin),
                    Cell("positive", "none", tune),
                    Cell("positive", "positive", tune, origin),
                ),
            )


def interactions_json(grid: Grid) -> list[dict[str, Any]]:
    """Every interaction on both scales, with its verdict on the log-odds scale.

    ``p`` is that of the paired t test, ``p_holm`` corrected over all interactions of the scale.
    """
    finetunes = sorted({cell.finetune for cell in grid} - {"none"})
    found: list[dict[str, Any]] = []
    for about, cells in _pairs(finetunes):
        if not all(cell in grid for cell in cells):
            continue
        verdict = _verdict(grid, cells, about["direction"])
        found.extend(
            _interaction(grid, cells, scale, {**about, "verdict": verdict}) for scale in ("log-odds", "probability")
        )
    for scale in ("log-odds", "probability"):
        mine = {str(place): entry["p"] for place, entry in enumerate(found) if entry["scale"] == scale}
        for place, row in corrected(mine).items():
            found[int(place)]["p_holm"] = row["p_corrected"]
    return found


def _values(values: ArmValues, scale: str) -> Any:
    return values.log_odds if scale == "log-odds" else values.probability


def _interaction(grid: Grid, cells: tuple[Cell, ...], scale: str, about: dict[str, Any]) -> dict[str, Any]:
    neither, first, second, both = (_values(grid[cell], scale) for cell in cells)
    contrast = stats.contrast(both, first, second, neither)
    estimate = stats.mean(contrast)
    return {
        **about,
        "scale": scale,
        "estimate": estimate.to_json(),
        "p": p_value(contrast),
        "first": stats.difference(first, neither).to_json(),
        "second": stats.difference(second, neither).to_json(),
        "both": stats.difference(both, neither).to_json(),
        "first_on_top": stats.difference(both, second).to_json(),
        "near_ceiling": at_limit(*(float(grid[cell].probability.mean()) for cell in cells)),
        "n_to_resolve": None if estimate.excludes_zero else stats.needed_n(contrast, estimate.value),
    }


def _verdict(grid: Grid, cells: tuple[Cell, ...], direction: str) -> str:
    neither, first, second, both = (grid[cell].log_odds for cell in cells)
    alone = stats.difference(first, neither), stats.difference(second, neither)
    sign = 1.0 if direction == "positive" else -1.0
    better = first if sign * np.mean(first - second) > 0 else second
    return stacking(*alone, stats.interaction(both, first, second, neither), stats.mean(sign * (both - better)))
