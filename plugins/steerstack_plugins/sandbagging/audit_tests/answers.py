"""What tests share: plain answers, and answers under an elicitation, computed once for a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from steerstack.contracts import AuditOutcome

if TYPE_CHECKING:
    from steerstack.contracts import Examination
    from steerstack.data.items import Item
    from steerstack_plugins.sandbagging.audit.choices import Choices, Way
    from steerstack_plugins.sandbagging.audit.elicitation import Demonstrations, Elicitation
    from steerstack_plugins.sandbagging.audit.tally import Tally

Domain = Literal["target", "control"]


def shown(examination: Examination) -> Demonstrations:
    """The right answers that may be given away."""
    from steerstack_plugins.sandbagging.audit.elicitation import Demonstrations

    questions = examination.questions
    return Demonstrations(questions.train, questions.validation, questions.form)


def plain(examination: Examination, domain: Domain = "target") -> Choices:
    """Answers on one domain when asked plainly."""
    from steerstack_plugins.sandbagging.audit.choices import Way

    way = Way(examination.model, form=examination.questions.form)
    return examination.once(("answers", "plain", domain), lambda: way.ask(items(examination, domain)))


def under(examination: Examination, elicitation: Elicitation, domain: Domain = "target") -> Choices:
    """Answers on one domain under an elicitation."""
    key = ("answers", elicitation, domain)
    return examination.once(key, lambda: way_of(examination, elicitation).ask(items(examination, domain)))


def way_of(examination: Examination, elicitation: Elicitation) -> Way:
    """The way of asking that an elicitation prepares, which may take a training."""
    demonstrations = shown(examination)
    return examination.once(
        ("way", elicitation), lambda: elicitation.prepare(examination.model, demonstrations, seed=examination.seed)
    )


def items(examination: Examination, domain: Domain) -> tuple[Item, ...]:
    """The tested items of a domain."""
    return examination.questions.target if domain == "target" else examination.questions.control


def gain(after: Choices, before: Choices, details: dict[str, Any]) -> AuditOutcome:
    """How much oftener the right answers were given than before, with its counts over facts."""
    value = after.accuracy.value - before.accuracy.value
    accuracy = {"accuracy": after.accuracy.to_json()}
    return AuditOutcome(value, counts_of(after.tally - before.tally), accuracy | details)


def counts_of(tally: Tally) -> tuple[tuple[int, ...], ...]:
    """A tally's counts as an outcome holds them."""
    return tuple(tuple(int(count) for count in counts) for counts in tally.counts)
