"""How a model is asked: what its chat template is told, how labels are written, what becomes of reasoning."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from steerstack.errors import DataError, nearest


@dataclass(frozen=True)
class TriedForm:
    """What an answer form showed on validation and training items, unsteered.

    Attributes
    ----------
    form:
        As :attr:`Manner.form`.
    mass:
        Probability that the two labels hold among all next tokens, averaged over items and orders.
    swap_consistency:
        Share of items where the same content is preferred in both orders; None where there is one order.
    n:
        Number of items.
    """

    form: str
    mass: float
    swap_consistency: float | None
    n: int


Reasoning = Literal["closed", "generated"]
"""Whether an answer follows an empty reasoning block, or one that the model writes first."""


@dataclass(frozen=True)
class Manner:
    """How a model is asked. It changes no weight, and decides every number: records and ledgers hold it.

    Attributes
    ----------
    template:
        Arguments of the chat template, such as ``{"enable_thinking": False}``; ``date`` (``2024-07-26``) is the day
        that a template is told which writes today's date.
    form:
        How an answer by label is written, the label at its end as ``A``: ``(A``, ``A``, `` A``, ``Answer: A`` or any
        other beginning; None for the usual one of a scoring mode.
    reasoning:
        Where the model reasons before it answers: ``closed`` puts answers after an empty block, ``generated`` after
        a block that the model writes.
    tried:
        What each form showed among which ``form`` was chosen; empty where it was given.
    """

    template: Mapping[str, Any] = field(default_factory=dict)
    form: str | None = None
    reasoning: Reasoning = "closed"
    tried: tuple[TriedForm, ...] = ()

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Manner":
        """From what :meth:`to_json` gave."""
        return cls(value.get("template", {}), value.get("form"), value.get("reasoning", "closed"))

    def with_form(self, form: str, tried: tuple[TriedForm, ...] = ()) -> "Manner":
        """The same with an answer form."""
        return replace(self, form=form, tried=tried)

    def to_json(self) -> dict[str, object]:
        """What differs from the usual, as records hold it."""
        record: dict[str, Any] = {"template": dict(self.template)} if self.template else {}
        if self.form is not None:
            record["form"] = self.form
        if self.reasoning != "closed":
            record["reasoning"] = self.reasoning
        return record


def check_reasoning(name: str) -> Reasoning:
    """The way of that name.

    Raises
    ------
    DataError
        There is none.
    """
    if name not in get_args(Reasoning):
        raise DataError(f"There is no way {name!r} to deal with reasoning.", fix=nearest(name, get_args(Reasoning)))
    return name  # type: ignore[return-value]


USUAL = Manner()
"""Nothing asked for: no template arguments, the usual answer forms, reasoning left empty."""
