"""A backend that generates and scores, without another package: the engine itself, on weights that only it has."""

from steerstack.engine.decode.generate import generate
from steerstack.engine.score import score
from steerstack.testing.naive import naive_logits


class NaiveBackend:
    """A model that is open here, as a backend would hand it out."""

    engine = "naive 1"

    def __init__(self, model):
        self.known = model

    def check_plan(self, plan):
        self.known.check_plan(plan)

    def logits(self, sequence, plan):
        return naive_logits(self.known, sequence, plan)

    def generate(self, prompts, arms, sampling):
        return generate(self.known, prompts, arms, sampling)

    def generate_each(self, prompts, plans, samplings):
        every = zip(prompts, plans, samplings, strict=True)
        return [generate(self.known, [prompt], [plan], sampling)[0].tokens[0] for prompt, plan, sampling in every]

    def score(self, groups, arms, *, names=()):
        return score(self.known, groups, arms, names=names)
