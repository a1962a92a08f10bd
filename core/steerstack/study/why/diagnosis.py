"""Why does my vector have no effect? Looks in turn, and names the cause."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from steerstack.contracts import Edit
from steerstack.data.items import DataSet
from steerstack.data.questions import check_mode
from steerstack.data.splits import as_data
from steerstack.measure.form_choice import settle_form
from steerstack.steering.tokens import Tokens
from steerstack.steering.vector import SteeringVector
from steerstack.study.why.case import Case, EffectBesideNulls, Use
from steerstack.study.why.changes import Change, cost, effect, sign, size
from steerstack.study.why.items import ITEM_LOOKS, count, saturation
from steerstack.study.why.look import CAUSES, Look
from steerstack.study.why.places import PLACES
from steerstack.trace.model import Model
from steerstack.trace.model_argument import as_model
from steerstack.util import show


@dataclass(frozen=True)
class Diagnosis:
    """What was looked at, in turn, and the first cause found.

    Attributes
    ----------
    case:
        The complaint.
    looks:
        Everything that was looked at; the last one has the cause, if there is one.
    measured:
        The vector's effect as it is used; None where a cause was found before it was measured.
    changes:
        What else was tried; empty where it was not needed.
    """

    case: Case
    looks: tuple[Look, ...]
    measured: EffectBesideNulls | None = None
    changes: tuple[Change, ...] = ()

    @property
    def cause(self) -> str | None:
        """The name of the cause, one of :data:`~steerstack.study.why.look.CAUSES`; None where nothing is amiss."""
        return self.looks[-1].cause or None

    def __repr__(self) -> str:
        return show.line(f"<Diagnosis: {self.cause or 'nothing amiss'}, after {len(self.looks)} looks>")

    def _repr_html_(self) -> str:
        return show.table(
            ("looked at", "found", "cause", "do"), [(one.what, one.found, one.cause, one.do) for one in self.looks]
        )

    def to_json(self) -> dict[str, object]:
        """The file form of ``doctor --why --json``."""
        use, last = self.case.use, self.looks[-1]
        return {
            "cause": self.cause,
            "means": CAUSES.get(last.cause),
            "found": last.found,
            "do": last.do or None,
            "looks": [look.to_json() for look in self.looks],
            "effect": self.measured.effect.to_json() if self.measured else None,
            "nulls": list(self.measured.nulls) if self.measured else [],
            "tried": [one.to_json() for one in self.changes],
            "vector": use.vector.fingerprint,
            "layers": list(use.layers),
            "scale": use.scale,
            "tokens": str(use.tokens),
            "score": self.case.mode,
            "data": self.case.data.source,
            "data_digest": self.case.data.digest,
            "model": self.case.model.name,
            "model_fingerprint": self.case.model.fingerprint,
        }


def why(
    model: Model,
    data: DataSet,
    vector: SteeringVector,
    *,
    layer: int | tuple[int, ...],
    scale: float = 1.0,
    tokens: str = "response",
    mode: str = "text",
    system: str | None = None,
    edit: Edit | None = None,
    transfer: bool = False,
    on_step: Callable[[str], None] = lambda _: None,
) -> Diagnosis:
    """Find out why a vector has no effect.

    Looks, in this order, at whether the vector fits and touches anything, whether the items can show an effect, and
    at strength and sign; then changes one thing at a time (strength, tokens, layer, direction) and names the one that
    brings an effect beyond that of random directions of the same norm. It is a hint from a few items, not a result:
    measure what it suggests on items of its own.

    Parameters
    ----------
    model, data, vector:
        What the complaint is about.
    layer, scale, tokens, edit:
        How the vector is used.
    mode, system:
        How items are scored, and a system prompt for all of them.
    transfer:
        Whether a vector from other weights is wanted.
    on_step:
        Told what is being looked at.

    Raises
    ------
    ArgumentError
        No opened model, or no data set.
    DataError
        There is no such mode.
    SiteError
        There is no such token selection.
    """
    layers = (layer,) if isinstance(layer, int) else tuple(layer)
    use = Use(vector, layers, scale, Tokens.parse(tokens), edit)
    case = Case(as_model(model), as_data(data, "test"), use, check_mode(mode), system, transfer)
    on_step("fit and positions")
    looks: list[Look] = []
    for place in PLACES:
        looks.append(place(case))
        if looks[-1].cause:
            return Diagnosis(case, tuple(looks))
    looks.append(count(case))
    if looks[-1].cause:
        return Diagnosis(case, tuple(looks))
    if case.mode != "text" and case.model.format.manner.form is None:
        case = replace(case, model=settle_form(case.model, case.data, case.mode))
    on_step("what the items can show")
    for look in (*ITEM_LOOKS, size, cost, sign):
        looks.append(look(case))
        if looks[-1].cause:
            measurement = case.given if look is sign else None
            return Diagnosis(case, tuple(looks), measurement)
    on_step("one change at a time")
    last, changes = effect(case)
    full = saturation(case)  # log-odds seldom saturate, so that everything else that is amiss is seen all the same
    ends = (full,) if full.cause and last.cause in ("", "nothing acts") else (last,)
    return Diagnosis(case, (*looks, *ends), case.given, tuple(changes))
