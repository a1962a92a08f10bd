"""A step of a study: what each answer form shows, before anything else is scored in the one that is chosen."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from steerstack.data.items import DataSet
from steerstack.data.manner import TriedForm
from steerstack.data.questions import ScoreMode
from steerstack.measure.form_choice import asked_best, forms_of, try_forms
from steerstack.run.ledger import Ledger
from steerstack.run.step import Step
from steerstack.trace.model import Model


@dataclass(frozen=True)
class FormTrial(Step):
    """Try answer forms on items, unsteered; those that the model's manner leaves open."""

    items: DataSet
    mode: ScoreMode
    what: str = "answer forms"

    def key(self, model: Model) -> Any:
        """Model, items and mode."""
        return [model.fingerprint, self.items.digest, self.mode]

    def run(self, model: Model, progress: Callable[[int], None]) -> Any:
        """One entry a form."""
        entries = [asdict(one) for one in try_forms(model, self.items, self.mode, forms_of(model))]
        progress(1)
        return entries


def settle_in(ledger: Ledger, model: Model, items: DataSet, mode: ScoreMode) -> Model:
    """The model, asked in the form that shows best on the items, or in the one given, with what each has shown."""
    (entries,) = ledger.steps([FormTrial(items, mode)], model, what="answer forms")
    return asked_best(model, tuple(TriedForm(**one) for one in entries))
