"""What a stacking study chooses on validation items, through the ledger: layer and strength, and prompts."""

from collections.abc import Callable, Sequence

from steerstack.contracts import Extractor
from steerstack.run.arms import ScoreArms
from steerstack.steering.vector import SteeringVector
from steerstack.study.session import Session
from steerstack.techniques.selection import Candidate, Candidates, Choice, choose
from steerstack.techniques.strength_at_kl import kl_at

_CODE = ("steerstack.techniques.selection",)


def choose_strength(
    session: Session, vector: SteeringVector, method: Extractor | None, candidates: Candidates, *, called: str = ""
) -> Choice:
    """Layer and strength by the rule of :mod:`steerstack.techniques.selection`.

    Parameters
    ----------
    called:
        Of the vector, in progress messages.
    """
    model, ledger, tokens = session.model, session.ledger, candidates.tokens
    about = [model.fingerprint, vector.fingerprint, vars(tokens)]

    def keep(layer: int, find: Callable[[], float]) -> float:
        return float(ledger.once("calibration", [*about, layer, candidates.kl], find, code=_CODE))

    def score(tried: Sequence[Candidate]) -> list[float]:
        arms = [session.arm("", one.plan(vector, tokens)) for one in tried]
        found = session.measure.arms(f"validation sweep{called}", session.splits.validation, arms)
        return [float(values.log_odds.mean()) for values in found]

    def cost(one: Candidate) -> float:
        plan = one.plan(vector, tokens)
        return float(ledger.once("cost of a candidate", [model.fingerprint, plan.fingerprint],
                                 lambda: kl_at(model, [plan])[0], code=_CODE))  # fmt: skip

    return choose(candidates.of(model, vector, method, keep=keep), score, cost, kl=candidates.kl)


def choose_prompts(session: Session) -> tuple[dict[str, str], int]:
    """The system prompts that raise and lower the behaviour most on validation, and how many were tried."""
    data = session.splits.validation
    chosen: dict[str, str] = {}
    for side, best in (("positive", max), ("negative", min)):
        prompts = getattr(data.prompts, side)
        requests = [
            ScoreArms(f"validation: {side} prompts", data, [session.arm("", system=prompt)]) for prompt in prompts
        ]
        found = session.measure.together(session.model, requests)
        means = {prompt: float(arm.log_odds.mean()) for prompt, (arm,) in zip(prompts, found, strict=True)}
        if means:
            chosen[side] = best(means, key=lambda prompt: means[prompt])
    return chosen, len(data.prompts.positive) + len(data.prompts.negative)
