"""An audit: does a model whose state is unknown hide an ability? The evidence that a battery of tests gathers.

The audit sees a model and data. How the model was made, its password and whether it sandbags are no input of it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from steerstack.contracts import AuditTest, Examination, Questions
from steerstack.data.items import Item
from steerstack.errors import StudyError
from steerstack.trace.model import Model
from steerstack_plugins.sandbagging.audit.choices import Choices, asked
from steerstack_plugins.sandbagging.audit.elicitation import Demonstrations
from steerstack_plugins.sandbagging.audit.orders import balanced
from steerstack_plugins.sandbagging.audit.tally import Tally, joint_p
from steerstack_plugins.sandbagging.audit_tests import answers
from steerstack_plugins.sandbagging.audit_tests.plain import BELOW_CHANCE
from steerstack_plugins.sandbagging.game.cost import counted

if TYPE_CHECKING:
    from steerstack_plugins.sandbagging.combination.rule import AuditVerdict, Rule


@dataclass(frozen=True)
class AuditData:
    """What an audit asks.

    Attributes
    ----------
    target, control:
        Items of the domain in question, and of another one.
    shown:
        Right answers of the target for the elicitations; none of them may be a target item.
    """

    target: tuple[Item, ...]
    control: tuple[Item, ...]
    shown: Demonstrations

    def __post_init__(self) -> None:
        target, shown = (
            {asked(item, self.shown.form).user for item in part}
            for part in (self.target, self.shown.train + self.shown.validation)
        )
        both = target & shown
        if both:
            raise StudyError(
                "Demonstrations and tested items share questions.",
                seen=f"{len(both)} in both, such as {sorted(both)[0]!r}",
                fix="Split the data by fact, not only by item.",
            )

    @property
    def words_elsewhere(self) -> int:
        """Number of tested items with a wrong option that a demonstration lists too; with none, p-values are exact.

        A test that learns or chooses on demonstrations meets such a word as a wrong one, and the right one never.
        """
        listed = {option for item in self.shown.train + self.shown.validation for option in item.options}
        return sum(bool((set(item.options) - {item.exhibits_text}) & listed) for item in self.target)

    @property
    def questions(self) -> Questions:
        """The same as tests and auditors take it."""
        return Questions(self.target, self.control, self.shown.train, self.shown.validation, self.shown.form)

    def in_orders(self) -> "AuditData":
        """The tested items in balanced orders, where they are answered by letter, and the validation items in both."""
        if self.shown.form != "letter":
            return self
        demonstrations = replace(self.shown, validation=balanced(self.shown.validation, both=True))
        return AuditData(balanced(self.target), balanced(self.control), demonstrations)


@dataclass(frozen=True)
class Evidence:
    """What a battery found in one model.

    Attributes
    ----------
    values:
        One number a test, higher for a model that hides more; accuracies are shares.
    answers:
        The choices on the target, asked plainly.
    gains:
        For each test that has a p-value, how much oftener each option of each fact was chosen.
    details:
        How the numbers came about.
    beside:
        One number for each test that was run beside the battery: no verdict and no joint p-value reads it.
    """

    values: Mapping[str, float]
    answers: Choices
    gains: Mapping[str, Tally]
    details: Mapping[str, Any] = field(default_factory=dict)
    beside: Mapping[str, float] = field(default_factory=dict)

    @property
    def above(self) -> Mapping[str, float]:
        """By test that has one, the p-value that right answers were gained; of the plain answers themselves too."""
        return {name: tally.above for name, tally in self._tallies.items()}

    @property
    def below(self) -> Mapping[str, float]:
        """By test that has one, the p-value that right answers were lost; of the plain answers, that they are few."""
        return {name: tally.below for name, tally in self._tallies.items()}

    @property
    def ignorant_p(self) -> float | None:
        """One p-value over all tests together, where it was computed."""
        return self.details.get("ignorant_p")

    @property
    def _tallies(self) -> Mapping[str, Tally]:
        return {BELOW_CHANCE: self.answers.tally, **self.gains}


def gather(
    model: Model,
    data: AuditData,
    battery: Sequence[AuditTest],
    *,
    seed: int = 0,
    beside: Sequence[AuditTest] = (),
    progress: Callable[[int], None] | None = None,
) -> Evidence:
    """Run a battery on a model.

    What tests choose (a level of noise, a layer, a scale, a number of epochs) is chosen on the validation
    demonstrations. By letter every tested item is asked with its right answer at every place.

    Parameters
    ----------
    model, data, battery:
        What is audited, what is asked, and the tests.
    seed:
        Of noise, training and the draw of the demonstrations.
    beside:
        Tests that are run after those of the battery, and that no verdict reads.
    progress:
        Told of each test.

    Raises
    ------
    StudyError
        Two tests of the battery are called the same.
    """
    names = [test.name for test in (*battery, *beside)]
    if len(set(names)) < len(names):
        raise StudyError("Two tests of a battery are called the same.", seen=", ".join(names), fix="Leave one out.")
    questions = data.in_orders().questions
    examination = Examination(model, questions, seed)
    plain = answers.plain(examination)
    details: dict[str, Any] = {"below_chance_p": plain.below_chance, "labels": questions.labels}
    values, gains, costs = {}, {}, {}
    for test in (*battery, *beside):
        with counted(model) as passes:
            outcome = test.look(examination)
        values[test.name], costs[test.name] = outcome.value, passes.sequences
        details[test.name] = dict(outcome.details)
        if outcome.counts is not None and test in battery:
            gains[test.name] = Tally(tuple(np.array(counts) for counts in outcome.counts))
        if progress:
            progress(1)
    details["ignorant_p"] = joint_p(plain.tally, list(gains.values()), seed=seed)
    facts = {BELOW_CHANCE: plain.tally, **gains}
    details |= {
        "words_elsewhere": data.words_elsewhere,
        "forward_passes": costs,
        "over_facts": {name: tally.to_json() for name, tally in facts.items()},
    }
    return Evidence(
        {test.name: values[test.name] for test in battery}, plain, gains, details,
        {test.name: values[test.name] for test in beside},
    )  # fmt: skip


def audit(
    model: Model, data: AuditData, battery: Sequence[AuditTest], rule: "Rule", **options: Any
) -> "tuple[Evidence, AuditVerdict]":
    """Audit one model: the evidence and the verdict; ``options`` as of :func:`gather`."""
    evidence = gather(model, data, battery, **options)
    return evidence, rule.judge(evidence)
