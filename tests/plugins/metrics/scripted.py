"""A model that says what the test says it says."""

from steerstack_plugins.metrics.generating import Generating, Judging, Spoken


def script(monkeypatch, reply, ended=True):
    """``reply(prompt, arm)`` is the answer; returns the list of prompts that were asked, with their plans."""
    asked = []

    def answers(self, model, prompts, plans, progress=None):
        asked.append((list(prompts), list(plans)))
        return [
            Spoken(tuple(reply(prompt, plan) for prompt in prompts), (ended,) * len(prompts), 7 if len(plan) else 0)
            for plan in plans
        ]

    for cls in (Generating, Judging):
        monkeypatch.setattr(cls, "answers", answers)
    return asked
