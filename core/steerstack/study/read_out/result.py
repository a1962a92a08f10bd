"""What came out of a study of read-out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from steerstack.contracts.recorder import Effect
from steerstack.report.page import Page, Table, interval
from steerstack.report.words import sum_up
from steerstack.steering.vector import SteeringVector
from steerstack.study.claims import Claim, Claims
from steerstack.study.null_test import LEAST
from steerstack.study.plain_result import PlainResult
from steerstack.study.read_out.layer import LayerReadOut
from steerstack.study.session import Session

if TYPE_CHECKING:
    from steerstack.run.arms import Request
    from steerstack.study.read_out.study import ReadOut


@dataclass(frozen=True, repr=False)
class ReadOutResult(PlainResult):
    """Every layer, with what was measured there.

    Attributes
    ----------
    layers:
        In order.
    vector:
        The directions.
    """

    layers: Sequence[LayerReadOut] = ()
    vector: SteeringVector | None = None

    @classmethod
    def made(
        cls, study: ReadOut, session: Session, requests: Mapping[str, Request], values: Mapping[str, Any],
        layers: Sequence[LayerReadOut], vector: SteeringVector,
    ) -> ReadOutResult:  # fmt: skip
        """From what the steps gave."""
        effects = []
        for one in layers:
            effects.append(Effect.of(f"added at {one.layer}", one.added.to_json(), study.method.name))
            effects.append(Effect.of(f"erased at {one.layer}", one.erased.to_json(), study.method.name))
            if np.isfinite(one.tracks.ci_low):
                effects.append(
                    Effect.of(f"read-out and effect at {one.layer}", one.tracks.to_json(), study.method.name)
                )
        plain = PlainResult.of(study, session, requests, values, effects)
        return cls(**vars(plain), layers=layers, vector=vector)

    @property
    def verdict(self) -> str:
        """What holds over all layers, then each in a sentence."""
        reads = [one for one in self.layers if one.reads]
        steers = [one.layer for one in reads if one.outcome == "steers"]
        silent = [one.layer for one in reads if one.outcome == "does not steer"]
        if steers:
            head = f"The direction that reads the behaviour also steers it at layer {_listed(steers)}."
        elif reads and len(silent) == len(reads):
            head = f"The behaviour can be read at layer {_listed(silent)}, and the direction does not steer it there."
        elif reads:
            head = "The behaviour can be read, and the direction is not shown to steer it."
        else:
            head = "The behaviour is not shown to be readable along the direction."
        few = next((len(one.random) for one in self.layers if len(one.random) < LEAST), None)
        short = f"A claim of an erasure at the 5 % level needs {LEAST} random ones, and there are {few}." if few else ""
        sentences = [head, *(one.sentence for one in self.layers), short]
        return sum_up(sentences, len(next(iter(self.tested.values()))))

    @property
    def vectors(self) -> dict[str, SteeringVector]:
        """The vector, by its method."""
        assert self.vector is not None
        return {self.effects[0].role: self.vector}

    @property
    def claims(self) -> Claims:
        """The vector added at each layer."""
        (step,) = self.scored
        arms = [
            Claim({"step": step, "arm": f"added at {one.layer}"}, step, self.vector, (one.layer,), one.scale,
                  self.study.tokens)
            for one in self.layers
        ]  # fmt: skip
        return Claims(self.tested, arms=arms, score=self.study.score)

    def to_json(self) -> dict[str, object]:
        """The file form of ``read-out --json``."""
        return {**super().to_json(), "layers": [one.to_json() for one in self.layers]}

    def page(self) -> Page:
        """The layers as a table, above the effects."""
        rows = [
            [str(one.layer), one.area, interval(one.added), one.outcome, interval(one.tracks),
             interval(one.erased), f"{one.rank} of {len(one.random) + 1}", f"{one.p:.2g}"]
            for one in self.layers
        ]  # fmt: skip
        columns = ["layer", "AUROC", "effect of adding", "outcome", "correlation over items", "effect of erasing",
                   "place", "p"]  # fmt: skip
        table = Table(
            "Read-out and steering", columns, rows,
            "Correlation: Spearman's, of the projection at the prompt's last token and the effect of adding; the "
            "interval is a bootstrap over items. Place: of the erasure among random directions, by absolute size.",
        )  # fmt: skip
        page = super().page()
        methods = (
            f"{page.methods} The direction is from the training items; nothing was chosen. Added, its norm is a share "
            "of the residual stream's median; erased, it is projected out on the same tokens, as are the random ones."
        )
        return replace(page, tables=[table, *page.tables], methods=methods)


def _listed(layers: Sequence[int]) -> str:
    return ", ".join(map(str, layers))
