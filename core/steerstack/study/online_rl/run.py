"""Run a study of online reinforcement learning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steerstack.data.items import DataSet
from steerstack.data.splits import Splits, split
from steerstack.engine.decode.sampling import Sampling
from steerstack.errors import StudyError
from steerstack.measure.competence import check_competence
from steerstack.steering.tokens import Tokens
from steerstack.steering.vector import SteeringVector
from steerstack.study.generalize.domains import by_hardness
from steerstack.study.online_rl.learner import learner
from steerstack.study.online_rl.result import OnlineRLResult
from steerstack.study.online_rl.step import MeasureBare, Outcomes, Rider, TrainAndMeasure
from steerstack.study.session import Session
from steerstack.techniques.apply import apply_all
from steerstack.techniques.labels.subsets import drawn, subset
from steerstack.techniques.null_techniques import is_reference
from steerstack.techniques.technique import Steering, Technique, check_techniques
from steerstack.trace.trainable import check_trainable

if TYPE_CHECKING:
    from steerstack.study.online_rl.study import OnlineRL


def run_online_rl(study: OnlineRL, session: Session) -> OnlineRLResult:
    """Run the study, or go on with one that was stopped.

    Raises
    ------
    StudyError
        There are too few labelled items, or a learner is none.
    DataError
        The reward cannot reward answers to these items.
    RemoteError, ModelError
        The weights cannot be trained.
    """
    model, ledger = session.model, session.ledger
    check_trainable(model)
    reward = study.reward.make("reward")
    reward.check_data(session.data)
    if reward.labelled and study.score == "text":
        raise StudyError(
            f"The reward {reward.name} goes by labels, and items scored by text have none.",
            fix="Score by letter or yes-no, or take another reward.",
        )
    splits, tests = parts_of(study, session)
    arms = arms_of(study, session)
    check_techniques(model, arms, [session.data])
    count = drawn(study.items, splits)
    parts = [subset(splits, count, seed=seed) for seed in range(study.seeds)]
    sampling = Sampling(study.answer_tokens, study.temperature, seed=study.seed)
    outcomes = Outcomes(tests, study.score, reward, sampling, study.samples)
    competence = check_competence(model, splits.validation, study.score)
    (bare,) = ledger.steps([MeasureBare(outcomes)], model)

    def run(techniques: list[Technique], riders: list[Rider | None]) -> dict[tuple[str, int], Any]:
        todo = {
            (technique.name, seed): TrainAndMeasure(
                f"{technique.name}, seed {seed}", technique, part.train, part.validation, seed, outcomes, riders[seed]
            )
            for technique in techniques
            for seed, part in enumerate(parts)
        }
        return ledger.each(todo, model, what="fits", progress=session.progress)

    learners, others = arms[: len(study.learners)], arms[len(study.learners) :]
    fits = run(others, [None] * study.seeds)
    rider = next((arm for arm in others if isinstance(arm, Steering) and not is_reference(arm.name)), None)
    riders = [rider_of(rider, fits[rider.name, seed]) if rider else None for seed in range(study.seeds)]
    fits |= run(learners, riders if study.stacked else [None] * study.seeds)
    return OnlineRLResult(
        study, model, splits, tests, arms, count, bare, fits, competence, rider.name if rider else None
    )


def parts_of(study: OnlineRL, session: Session) -> tuple[Splits, dict[str, DataSet]]:
    """What is learnt and chosen from, and the test items by name: those alike, and harder ones where they are asked."""
    if study.harder is None:
        return session.splits, {"test": session.splits.test}
    halves = by_hardness(session.model, session.data, study.harder, study.score)
    splits = split(halves["easy"], seed=study.seed)
    return splits, {"test": splits.test, "harder": halves["hard"]}


def learners_of(study: OnlineRL, **options: Any) -> list[Technique]:
    """The learners, each with the study's budget."""
    return [learner(one, study, **options) for one in study.learners]


def arms_of(study: OnlineRL, session: Session) -> list[Technique]:
    """Learners first, then techniques and nulls.

    Raises
    ------
    StudyError
        Two have one name.
    """
    learners = learners_of(study, layers=study.layers, shares=study.shares, kl=study.held_at)
    arms = [*learners, *study.treated(session.data.behavior)]
    names = [one.name for one in arms]
    if len(set(names)) < len(names):
        raise StudyError("Two arms have one name.", seen=", ".join(names), fix="Name each learner and technique once.")
    return arms


def rider_of(technique: Steering, fit: Any) -> Rider | None:
    """The vector of a fit, with the layer and strength that were chosen on the bare model; None where there is none."""
    if fit["failed"] or not fit["vector"]:
        return None
    vector, record = SteeringVector.from_json(fit["vector"], technique.name), fit["record"]
    tokens = Tokens.parse(technique.tokens)
    return Rider(technique, apply_all(vector, record["layers"], record["scale"], tokens=tokens))
