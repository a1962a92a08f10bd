"""The result of a study that states steps and estimands: all of it without code of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steerstack.contracts.recorder import Effect
from steerstack.data.items import DataSet
from steerstack.measure.form_choice import shown_mass
from steerstack.measure.scoring import scale_name
from steerstack.report.page import Page, Table, interval, provenance
from steerstack.report.plot import VECTOR, Plot, line
from steerstack.run.arms import ArmValues, Request, ScoreArms
from steerstack.study.claims import Claims
from steerstack.study.result import Result
from steerstack.study.session import Session
from steerstack.trace.model import Model

if TYPE_CHECKING:
    from steerstack.study.study import Study


@dataclass(frozen=True, repr=False)
class PlainResult(Result):
    """Every step's values, and the effects that the study makes of them.

    Attributes
    ----------
    study, model:
        What was run.
    scored:
        Requests that scored arms, with each arm's values, by name.
    other:
        The values of all other steps, by name.
    measured:
        The effects.
    """

    study: Study
    model: Model
    data: DataSet
    scored: Mapping[str, tuple[ScoreArms, Sequence[ArmValues]]]
    other: Mapping[str, Any]
    measured: Sequence[Effect]

    @classmethod
    def of(
        cls, study: Study, session: Session, requests: Mapping[str, Request], values: Mapping[str, Any],
        effects: Sequence[Effect],
    ) -> PlainResult:  # fmt: skip
        """From what the steps gave."""
        scored = {name: (one, values[name]) for name, one in requests.items() if isinstance(one, ScoreArms)}
        other = {name: values[name] for name in requests if name not in scored}
        return cls(study, session.model, session.data, scored, other, list(effects))

    @property
    def verdict(self) -> str:
        """One sentence an effect: its size, its interval, and whether the interval leaves out zero."""
        sentences = []
        for effect in self.measured:
            evidence = effect.ci_low > 0 or effect.ci_high < 0
            remark = "" if evidence else ", whose interval includes zero"
            sentences.append(f"{effect.name}: {interval(effect)} (n = {effect.n}){remark}.")
        return " ".join(sentences) or "The study reports no effect."

    @property
    def effects(self) -> Sequence[Effect]:
        """As the study states them."""
        return self.measured

    @property
    def tested(self) -> dict[str, DataSet]:
        """The data of each request that scored arms; the study's own where none did."""
        return {name: request.data for name, (request, _) in self.scored.items()} or {"test": self.data}

    @property
    def digests(self) -> dict[str, dict[str, str]]:
        """Digest of the items of each step that scored arms."""
        return {name: {"test": data.digest} for name, data in self.tested.items()}

    @property
    def claims(self) -> Claims:
        """The data sets: arms of a plan without a recorded vector cannot be measured again."""
        return Claims(self.tested, score=self.study.score)

    def rows(self) -> list[dict[str, object]]:
        """One row an item and arm: step, arm, item, log-odds, probability."""
        return [
            {"step": name, "arm": arm.label, "item": item.id, "log_odds": odds, "probability": p}
            for name, (request, values) in self.scored.items()
            for arm, of in zip(request.arms, values, strict=True)
            for item, odds, p in zip(request.data, of.log_odds.tolist(), of.probability.tolist(), strict=True)
        ]

    def to_json(self) -> dict[str, object]:
        """The file form of ``--json``."""
        tested = self.tested
        return {
            "study": self.study.name,
            "behavior": self.behavior,
            "declared": self.study.to_json(),
            "score": self.study.score,
            "scale": scale_name(self.study.score),
            "n": {name: len(data) for name, data in tested.items()},
            "data": ", ".join(sorted({data.source for data in tested.values()})),
            "data_digests": self.digests,
            "model": self.model.name,
            "model_fingerprint": self.model.fingerprint,
            "paths": self.model.paths_taken,
            "effects": [effect.to_json() for effect in self.measured],
            "steps": dict(self.other),
            "verdict": self.verdict,
        }

    def page(self) -> Page:
        """The effects as a figure and a table."""
        scale, mass = scale_name(self.study.score), shown_mass(self.model, self.study.score)
        lines = [line("effect", list(range(len(self.measured))), self.measured, color=VECTOR)]
        counts = sorted({e.n for e in self.measured})
        n = f"n = {', '.join(map(str, counts))} items" if counts else "Nothing was measured"
        below = f"{n}; bars: 95 % intervals, paired; unit: {scale}. Nulls: those that the study declares."
        rows = [[e.name, interval(e), str(e.n)] for e in self.measured]
        return Page(
            title=f"{self.behavior}: {self.study.name}",
            lead=(type(self.study).__doc__ or "").split("\n\n")[0],
            verdict=self.verdict,
            warnings=[one for one in [mass and mass.warning()] if one],
            plots=[
                Plot(
                    "effects",
                    "Effects",
                    "",
                    f"effect ({scale})",
                    lines,
                    categories=[e.name for e in self.measured],
                    foot=below,
                )
            ],
            tables=[Table("Effects", ["effect", "estimate and 95 % interval", "n"], rows)],
            methods=f"Items were scored by {self.study.score} on {self.model.name}. Effects are paired over items, "
            "with 95 % intervals.",
            references=[self.study.paper] if self.study.paper else [],
            provenance=provenance(self.model, self.digests),
            declaration=self.study.to_yaml(),
        )
