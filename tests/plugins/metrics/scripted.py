"""Metrics of generated answers whose model says what the test says, and whose judge is the test's own."""

from steerstack_plugins.metrics.common.generated_metric import Spoken


def scripted(metric, reply, *, judge=None):
    """The metric, where ``reply(prompt, plan)`` is the model's answer.

    Its ``asked`` are the prompts that were asked, with their plans, call by call.
    """
    calls = []

    class Scripted(judged_by(metric, judge) if judge else metric):
        def answers(self, model, prompts, plans, progress=None):
            calls.append((list(prompts), list(plans)))
            return [
                Spoken(tuple(reply(prompt, plan) for prompt in prompts), (True,) * len(prompts), 7 if len(plan) else 0)
                for plan in plans
            ]

    Scripted.asked = calls
    return Scripted


def judged_by(metric, judge):
    """The metric with a judge of one's own."""

    class Judged(metric):
        def the_judge(self, model):
            return judge

    return Judged
