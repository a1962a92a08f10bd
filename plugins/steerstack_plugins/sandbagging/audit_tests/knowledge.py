"""A test that reads the model instead of asking it: does it hold the answers that it does not give?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from pydantic import Field

from steerstack.contracts import AuditTest
from steerstack_plugins.sandbagging.audit_tests.gains import DISHONEST, HONEST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from steerstack.contracts import AuditOutcome, Examination, FittedProbe, Probe
    from steerstack.data.items import Item
    from steerstack.steering.intervention import Plan
    from steerstack_plugins.sandbagging.audit.choices import Choices, Form


@final
class KnowledgeProbe(AuditTest):
    """How much oftener a linear probe names the right option than the model does.

    Azaria & Mitchell, arXiv 2304.13734, read from the activations at the end of a statement whether it is true. Here
    each option is put in the model's mouth, and read at its last token, by each block; the probe learns right options
    against wrong ones on the training items. The block is the one that names most validation items right. It is read
    twice: plainly, and under the anti-sandbagging vector, with a probe of its own each; which of the two counts is
    chosen on validation items too. A model that does not know the tested facts gives a probe nothing that it could
    carry over from other facts.
    """

    name = "knowledge-probe"
    paper = "arXiv 2304.13734"

    probe: str = Field("logistic", description="Probe that learns; `steerstack plugins list` shows all.")
    settings: dict[str, Any] = Field({}, description="Its parameters.")
    honest: str = Field(HONEST, description="System prompt that asks for the best answer, for the vector.")
    dishonest: str = Field(DISHONEST, description="System prompt that asks for a bad one.")

    def look(self, examination: Examination) -> AuditOutcome:
        """Train probes with and without the vector, and read the target by the better one."""
        from steerstack.catalog.lookup import find
        from steerstack.steering.intervention import Plan
        from steerstack_plugins.sandbagging.audit.elicitation import SteeringElicitation
        from steerstack_plugins.sandbagging.audit_tests import answers

        vector = answers.way_of(examination, SteeringElicitation(systems=(self.honest, self.dishonest))).plan
        plans = {"plain": Plan()} | ({"steered": vector} if len(vector) else {})
        probe: Probe = find("probe", self.probe).make(self.settings)
        readings = {name: _Reading.learn(examination, plan, probe) for name, plan in plans.items()}
        best = max(readings, key=lambda name: (readings[name].validation, name == "plain"))
        named = {name: reading.names(examination.questions.target) for name, reading in readings.items()}
        details: Mapping[str, Any] = {
            "read": best,
            "layer": readings[best].layer,
            "validation_accuracy": {name: reading.validation for name, reading in readings.items()},
            "probe_accuracy": {name: choices.accuracy.to_json() for name, choices in named.items()},
        }
        return answers.gain(named[best], answers.plain(examination), dict(details))


class _Reading:
    """A probe at one block of a model under a plan."""

    def __init__(self, examination: Examination, plan: Plan, fitted: FittedProbe, layer: int, validation: float):
        self.examination, self.plan, self.fitted = examination, plan, fitted
        self.layer, self.validation = layer, validation

    @classmethod
    def learn(cls, examination: Examination, plan: Plan, probe: Probe) -> _Reading:
        """The probe of the block that names most validation items right; of equals the deepest."""
        import torch

        from steerstack.contracts import PairBatch
        from steerstack_plugins.sandbagging.audit.probe_transfer import GivenPairs

        questions = examination.questions
        right, wrong = [], []
        for item, options in zip(questions.train, option_activations(examination, questions.train, plan), strict=True):
            others = [at for at in range(len(options)) if at != item.exhibits]
            right += [options[item.exhibits]] * len(others)
            wrong += [options[at] for at in others]
        layers = range(examination.model.n_layers)
        stream = GivenPairs(PairBatch(torch.stack(right), torch.stack(wrong)), layers)
        readings = []
        for layer in layers:
            reading = cls(examination, plan, probe.fit(stream.only(layer)), layer, 0.0)
            reading.validation = reading.names(questions.validation).accuracy.value
            readings.append(reading)
        return max(readings, key=lambda reading: (reading.validation, reading.layer))

    def names(self, items: Sequence[Item]) -> Choices:
        """The option with the highest score of each item."""
        import numpy as np

        from steerstack_plugins.sandbagging.audit.choices import Choices

        scores = np.full((len(items), max(len(item.options) for item in items)), -np.inf)
        for row, options in enumerate(option_activations(self.examination, items, self.plan)):
            scores[row, : len(options)] = self.fitted.score(options[:, [self.layer]])
        return Choices(tuple(items), scores)


def option_activations(examination: Examination, items: Sequence[Item], plan: Plan) -> list[Tensor]:
    """For each item [option, layer, d_model]: every block's output at the last token of each option as the answer."""
    from itertools import accumulate, pairwise

    from steerstack_plugins.sandbagging.audit.choices import answers, asked
    from steerstack_plugins.sandbagging.audit.probe_transfer import last_activations

    form: Form = examination.questions.form

    def read() -> list[Tensor]:
        groups = [answers(examination.model.format, asked(item, form), item, form) for item in items]
        rows = last_activations(examination.model, [sequence for group in groups for sequence in group], plan).float()
        ends = [0, *accumulate(len(group) for group in groups)]
        return [rows[start:end] for start, end in pairwise(ends)]

    return examination.once(("options", tuple(items), plan), read)
