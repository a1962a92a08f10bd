"""How much of the next-token probability the labels hold: what a choice between them is worth."""

from dataclasses import dataclass

import numpy as np

from steerstack.data.answer_form import shown_form
from steerstack.measure.scoring import ArmScores

LEAST = 0.5
"""Mass below which a result by label is reported with a warning."""


@dataclass(frozen=True)
class LabelMass:
    """The probability that the two labels together hold among all next tokens, and the answer form scored.

    Attributes
    ----------
    mean:
        Over items and orders.
    form:
        As results name it.
    mode:
        ``letter`` or ``yes-no``.
    """

    mean: float
    form: str
    mode: str

    def warning(self) -> str | None:
        """What to tell the reader where the labels hold less than half of the probability."""
        if self.mean >= LEAST:
            return None
        return (
            f"The two labels hold only {self.mean:.0%} of the probability where the answer is written ({self.form!r}): "
            "mostly the model would write something else there, and what it prefers between the labels need not be "
            "what it would answer. Try another --form, or --score text."
        )

    def to_json(self) -> dict[str, object]:
        """As results hold it."""
        return {"mean": self.mean, "form": self.form}


def label_mass(scores: ArmScores, form: str | None) -> LabelMass | None:
    """The label mass of scored items; None where they were scored by text."""
    if scores.mode == "text":
        return None
    of_items = [np.mean(np.exp([(a.logp_exhibits, a.logp_not) for a in item.asked]).sum(1)) for item in scores.items]
    return LabelMass(float(np.mean(of_items)), shown_form(form, scores.mode), scores.mode)
