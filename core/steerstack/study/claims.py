"""What of a study anyone can measure again: its arms, each from a recorded vector, the model and a few kept items."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import TypeAdapter

from steerstack.catalog.data import load_data
from steerstack.catalog.lookup import find
from steerstack.data.items import DataSet, Item
from steerstack.errors import PolarityError
from steerstack.measure.scoring import score_data
from steerstack.steering.intervention import Plan
from steerstack.steering.tokens import Tokens
from steerstack.techniques.apply import apply_all
from steerstack.techniques.technique import Steering, Technique
from steerstack.util import digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from steerstack.contracts import Edit
    from steerstack.data.questions import ScoreMode
    from steerstack.data.splits import Splits
    from steerstack.steering.vector import SteeringVector
    from steerstack.trace.model import Model

KEPT = 8
"""Items of each data set that are kept whole: they can be asked again wherever the data has gone."""
_ITEMS = TypeAdapter(tuple[Item, ...])


@dataclass(frozen=True)
class Claim:
    """One arm.

    Attributes
    ----------
    where:
        The columns of the study's frame that single its rows out.
    data:
        On which of the data sets it was measured.
    vector, layers, scale, tokens, edit:
        What is applied; None for the bare model, and for the edit that the vector's method asks for.
    system:
        The system prompt before every question.
    """

    where: Mapping[str, Any]
    data: str = "test"
    vector: SteeringVector | None = None
    layers: Sequence[int] = ()
    scale: float = 0.0
    tokens: str = "response"
    edit: Edit | None = None
    system: str | None = None

    def plan(self) -> Plan:
        """What is applied; raises SiteError or VectorError where the vector lacks the layer or a part."""
        if self.vector is None:
            return Plan()
        return apply_all(self.vector, self.layers, self.scale, tokens=Tokens.parse(self.tokens), edit=self.edit)

    def to_json(self) -> dict[str, object]:
        """As runs keep it, the vector by its fingerprint."""
        vector = self.vector.fingerprint if self.vector else None
        edit = {"name": self.edit.name, "parameters": self.edit.parameters()} if self.edit else None
        return {**vars(self), "where": dict(self.where), "layers": list(self.layers), "vector": vector, "edit": edit}


@dataclass(frozen=True)
class Claims:
    """All arms of a study that can be measured again, and the data sets it stands on.

    Attributes
    ----------
    tested, trained, chosen:
        Data sets by name: those that arms were measured on, those that vectors are from, and those that layers
        and strengths were chosen on.
    arms:
        Each arm.
    score:
        How items were scored.
    """

    tested: Mapping[str, DataSet]
    trained: Mapping[str, DataSet] = field(default_factory=dict)
    chosen: Mapping[str, DataSet] = field(default_factory=dict)
    arms: Sequence[Claim] = ()
    score: ScoreMode = "text"

    @classmethod
    def of_splits(cls, splits: Mapping[str, Splits], arms: Sequence[Claim], score: ScoreMode) -> Claims:
        """Those of a study that trains, chooses and tests on parts of each data set."""
        tested = {name: of.test for name, of in splits.items()}
        trained = {name: of.train for name, of in splits.items()}
        return cls(tested, trained, {name: of.validation for name, of in splits.items()}, arms, score)

    def to_json(self) -> dict[str, object]:
        """As runs keep it."""
        return {
            "score": self.score,
            "arms": [arm.to_json() for arm in self.arms],
            "tested": {name: _kept(data, KEPT) for name, data in self.tested.items()},
            "trained": {name: _kept(data, 0) for name, data in self.trained.items()},
            "chosen": {name: _kept(data, 0) for name, data in self.chosen.items()},
        }


def of_technique(
    name: str, techniques: Sequence[Technique], vector: SteeringVector, record: Mapping[str, Any], **of: Any
) -> Claim:
    """The claim of a technique that is a vector.

    Parameters
    ----------
    name, techniques:
        Which of them.
    vector, record:
        What it found, and how that was chosen (``layers``, ``scale``).
    of:
        Fields of :class:`Claim`.
    """
    tokens = next(one.tokens for one in techniques if one.name == name and isinstance(one, Steering))
    return Claim(vector=vector, layers=record["layers"], scale=record["scale"], tokens=tokens, **of)


def _kept(data: DataSet, count: int) -> dict[str, object]:
    items = [asdict(item) for item in data.items[:count]]
    ids = [item.id for item in data]
    return {"source": data.source, "behavior": data.behavior, "digest": data.digest, "ids": ids, "items": items}


def items_of(kept: Mapping[str, Any]) -> tuple[Item, ...]:
    """The items of a data set that are kept whole."""
    return _ITEMS.validate_python(kept["items"])


def digest_now(kept: Mapping[str, Any]) -> str:
    """The digest of the same items as their source has them today, without those that are gone.

    Raises
    ------
    DataError
        The source is not there.
    """
    now = ""
    for matching in (None, "exhibits", "declines"):  # what somebody said, where the file does not say
        try:
            source = load_data(kept["source"], behavior=kept["behavior"], matching=matching)
        except PolarityError:
            continue
        by_id = {item.id: item for item in source}
        items = tuple(by_id[item] for item in kept["ids"] if item in by_id)
        now = source.take(items).digest if items else digest.of_json([])
        if now == kept["digest"]:
            break
    return now


def again(
    claims: Mapping[str, Any], frame: pd.DataFrame, vector: SteeringVector, model: Model, count: int
) -> tuple[int, float] | None:
    """Measure every arm that is the vector's, and the bare model's, again on the first ``count`` kept items.

    Parameters
    ----------
    claims, frame:
        As a run keeps them: :meth:`Claims.to_json`, and one row an item and arm.

    Returns
    -------
    How many results were measured again, and by how many nats they differ at most; None where no arm is the vector's.
    """
    mine = [arm for arm in claims["arms"] if arm["vector"] in (None, vector.fingerprint)]
    if not any(arm["vector"] for arm in mine):
        return None
    together = defaultdict(list)
    for arm in mine:
        together[arm["data"], arm["system"]].append(arm)
    gaps: list[float] = []
    for (on, system), arms in together.items():
        record = claims["tested"][on]
        items = items_of(record)[:count]
        data = DataSet(record["behavior"], items, "", record["source"])
        plans = [Plan(), *(_plan(vector, arm) for arm in arms)]
        bare, *results = score_data(model, data, claims["score"], plans, system=system)
        for arm, scores in zip(arms, results, strict=True):
            recorded = _rows(frame, arm["where"]).set_index("item").loc[[item.id for item in items]]
            gaps += np.abs(recorded.log_odds - scores.effect_scale).tolist()
            if "effect" in recorded:  # against the bare model on the same items
                gaps += np.abs(recorded.effect - (scores.effect_scale - bare.effect_scale)).tolist()
    return len(gaps), max(gaps)


def _plan(vector: SteeringVector, arm: Mapping[str, Any]) -> Plan:
    edit = find("edit", arm["edit"]["name"]).make(arm["edit"]["parameters"]) if arm["edit"] else None
    return Claim(**{**arm, "vector": vector if arm["vector"] else None, "edit": edit}).plan()


def _rows(frame: pd.DataFrame, where: Mapping[str, Any]) -> pd.DataFrame:
    for column, value in where.items():
        frame = frame[frame[column].isna() if value is None else frame[column] == value]
    return frame
