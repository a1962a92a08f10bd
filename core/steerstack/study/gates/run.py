"""Run a study of gates: choose, freeze, and measure under every condition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from steerstack.run.arms import Request
from steerstack.stats.estimate import Estimate
from steerstack.stats.estimates import mean
from steerstack.stats.ratio import ratio_interval
from steerstack.steering.intervention import Plan
from steerstack.steering.tokens import Tokens
from steerstack.study.gates.conditions import PLAIN, conditions
from steerstack.study.gates.gate import GateTest
from steerstack.study.gates.result import GatesResult
from steerstack.study.session import Session
from steerstack.study.stack.choice import choose_strengths
from steerstack.techniques.selection import Candidates

if TYPE_CHECKING:
    from steerstack.study.gates.study import Gates

COST = "cost"
"""The step that measures what the vector costs on neutral text."""


def run_gates(study: Gates, session: Session) -> GatesResult:
    """Run the study, or go on with one that was stopped."""
    method = study.method.make("extractor")
    vector = session.extract(method, position=study.position)
    candidates = Candidates(study.layers, study.shares, None, Tokens.parse(study.tokens))
    choice = choose_strengths(session, {"vector": vector}, method, candidates)["vector"]
    plan = choice.candidate.plan(vector, candidates.tokens)
    asked_for = requests(study, session, plan)
    results = session.measure.together(session.model, list(asked_for.values()))
    values = dict(zip(asked_for, results, strict=True))
    samples = session.samples({"unsteered": Plan(), "steered": plan})
    return GatesResult.made(
        study, session, asked_for, values, gates_of(study, session, values), vector, choice, samples
    )


def requests(study: Gates, session: Session, plan: Plan | None = None) -> dict[str, Request]:
    """What is measured, by name: every condition with and without the vector, and its cost."""
    scored: dict[str, Request] = {
        name: session.score(data, [session.arm("bare", shots=shots), session.arm("steered", plan, shots=shots)], name)
        for name, (data, shots) in conditions(study, session.splits.test).items()
    }
    return {**scored, COST: session.cost([plan or Plan()])}


def gates_of(study: Gates, session: Session, values: Mapping[str, Any]) -> list[GateTest]:
    """Control, utility, and what is kept under each condition."""
    effects = {name: arms[1].log_odds - arms[0].log_odds for name, arms in values.items() if name != COST}
    groups = values[PLAIN][0].groups
    plain = effects.pop(PLAIN)
    kl = Estimate.from_json(values[COST][0]["kl_estimate"])
    return [
        GateTest("control", "effect on plain items", mean(plain, groups=groups), study.control),
        GateTest("utility", "KL per token on neutral text", kl, study.kl, above=False),
        *(
            GateTest(name, "share of the effect that is kept", ratio_interval(of, plain, groups=groups), study.retained)
            for name, of in effects.items()
        ),
    ]
