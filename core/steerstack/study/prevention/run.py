"""Run a study of prevention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from steerstack.catalog.data import load_data
from steerstack.contracts import (
    AblateInTraining,
    AddInTraining,
    FineTune,
    PromptInTraining,
    SteerAfterTraining,
    TrainWith,
)
from steerstack.contracts.offline.train_with import read_texts
from steerstack.data.items import DataSet
from steerstack.data.splits import Splits, split
from steerstack.errors import StudyError
from steerstack.measure.competence import check_competence
from steerstack.steering.tokens import Tokens
from steerstack.steering.vector import SteeringVector
from steerstack.study.prevention.mix import along, mix
from steerstack.study.prevention.result import AFTERWARDS, LATER, PLAIN, PreventionResult
from steerstack.study.prevention.step import HeldOut, MeasureSteered, TrainAndHoldOut
from steerstack.study.session import Session
from steerstack.study.stack.choice import choose_strengths
from steerstack.techniques.apply import apply_all
from steerstack.techniques.labels.subsets import drawn
from steerstack.techniques.selection import Candidate, Candidates
from steerstack.trace.trainable import check_trainable

if TYPE_CHECKING:
    from steerstack.study.prevention.study import Kind, Prevention


Region = Literal["all", "prompt", "response"]
"""Tokens that may be edited in training."""


def run_prevention(study: Prevention, session: Session) -> PreventionResult:
    """Run the study, or go on with one that was stopped.

    Raises
    ------
    StudyError
        There are too few items, the fine-tune is none, or no system prompt asks for the trait.
    RemoteError, ModelError
        The weights cannot be trained, or training edited other activations than its tokens ask for.
    """
    model, ledger, trait = session.model, session.ledger, session.splits
    check_trainable(model)
    plain = plain_finetune(study)
    prompt, benign = inoculation_prompt(study, session.data), benign_texts(study)
    skill = split(load_data(study.skill).limit(study.limit), seed=study.seed)
    count = min(drawn(study.items, of) for of in (trait, skill))
    competence = check_competence(model, trait.validation, study.score)
    method = study.method.make("extractor")
    vector = session.extract(method, position=study.position)
    candidates = Candidates(study.layers, study.shares, None, Tokens.parse(study.tokens))
    choice = choose_strengths(session, {"vector": vector}, method, candidates)["vector"]
    chosen = choice.candidate
    against = apply_all(vector, chosen.layers, -chosen.scale, tokens=candidates.tokens)
    held_out = HeldOut({"trait": trait.test, "skill": skill.test}, study.score)
    (bare,) = ledger.steps([MeasureSteered(held_out, against)], model)

    def step(finetune: FineTune, share: float, seed: int, *, last: bool = False) -> TrainAndHoldOut:
        data = mix(trait, skill, share, count, seed=seed)
        what = f"{finetune.label}, {share:.0%} bad, seed {seed}"
        return TrainAndHoldOut(what, finetune, data.train, data.validation, seed, held_out, against if last else None)

    todo: dict[tuple[str, float, int], TrainAndHoldOut] = {}
    for seed in range(study.seeds):
        todo[PLAIN, study.bad, seed] = step(plain, study.bad, seed, last=True)
        for kind in study.arms:
            given = in_place(kind, vector, chosen, prompt, benign, study.tokens)
            finetune = plain.model_copy(update={"train_with": given})
            todo[kind, study.bad, seed] = step(finetune, study.bad, seed, last=kind == LATER)
        for share in study.mixes:
            if share != study.bad:
                todo[PLAIN, share, seed] = step(plain, share, seed)
    fits = ledger.each(todo, model, what="fine-tunes", progress=session.progress)
    for seed in range(study.seeds):
        fits[AFTERWARDS, study.bad, seed] = _as_steered(fits[PLAIN, study.bad, seed])
        if LATER in study.arms:
            fits[LATER, study.bad, seed] = _as_steered(fits[LATER, study.bad, seed])
    pushed = _projections(study, session, skill, count, vector, chosen)
    return PreventionResult(
        study, model, {"trait": trait, "skill": skill}, plain.label, vector, choice, prompt, count, bare, fits, pushed,
        competence,
    )  # fmt: skip


def plain_finetune(study: Prevention) -> FineTune:
    """The fine-tune, with nothing in place.

    Raises
    ------
    StudyError
        It does not learn from given answers, or was given something of its own.
    """
    finetune = study.finetune.make("baseline")
    if not isinstance(finetune, FineTune):
        raise StudyError(
            f"Nothing can be in place while {finetune.name} is made: it does not train weights on given answers.",
            fix="Take lora-sft, full-sft or dpo.",
        )
    if finetune.train_with is not None:
        raise StudyError(
            f"The fine-tune {finetune.name} was given train_with of its own.",
            seen=finetune.variant,
            fix="Name it among arms: the study finds the vector, its layer and its strength.",
        )
    return finetune


def _as_steered(fit: Mapping[str, Any]) -> dict[str, Any]:
    """What was measured under the vector, in the place of what was measured without."""
    return {**fit, "plain": fit["steered"]}


def benign_texts(study: Prevention) -> tuple[str, ...]:
    """The texts of kl-then-steer; none where it is not among the arms.

    Raises
    ------
    StudyError
        None were given, or the fine-tune or the tokens are not such as it takes.
    ParameterError
        The file cannot be read.
    """
    if LATER not in study.arms:
        return ()
    if study.benign is None:
        raise StudyError(
            "kl-then-steer needs benign texts, and none are given.",
            fix="Name a text file as benign, or leave kl-then-steer out of arms.",
        )
    if LATER in plain_finetune(study).unfit:
        raise StudyError(
            f"The fine-tune {study.finetune.name} does not take kl-then-steer.",
            fix="Take lora-sft or full-sft, or leave kl-then-steer out of arms.",
        )
    if study.tokens not in get_args(Region):
        raise StudyError(
            "kl-then-steer edits all tokens of the benign texts, or those of the prompt or the response.",
            seen=f"tokens {study.tokens}",
            fix=f"Use one of {', '.join(get_args(Region))}.",
        )
    return read_texts(study.benign)


def inoculation_prompt(study: Prevention, data: DataSet) -> str | None:
    """The system prompt of inoculation; None where it is not among the arms.

    Raises
    ------
    StudyError
        None was given, and none comes with the data.
    """
    if "inoculation" not in study.arms:
        return None
    prompt = study.prompt or next(iter(data.prompts.positive), None)
    if prompt is None:
        raise StudyError(
            f"No system prompt asks for {data.behavior}, so training cannot be inoculated.",
            seen=f"{data.source} comes without prompts",
            fix="Give one as prompt, or leave inoculation out of arms.",
        )
    return prompt


def in_place(
    kind: Kind, vector: SteeringVector, chosen: Candidate, prompt: str | None, benign: Sequence[str], tokens: str
) -> TrainWith:
    """What an arm is trained with."""
    if kind == "inoculation":
        assert prompt is not None
        return PromptInTraining(system=prompt)
    kept = vector.keeping(chosen.layers)
    if kind == LATER:
        return SteerAfterTraining(
            vector=kept, layers=chosen.layers, scale=-chosen.scale, benign=tuple(benign), tokens=cast("Region", tokens)
        )
    if kind == "ablate":
        return AblateInTraining(vector=kept, layers=chosen.layers)
    return AddInTraining(vector=kept, layers=chosen.layers, scale=chosen.scale)


def _projections(
    study: Prevention, session: Session, skill: Splits, count: int, vector: SteeringVector, chosen: Candidate
) -> dict[float, list[float]]:
    """By share of bad answers, for each seed, the mean of :func:`~steerstack.study.prevention.mix.along`."""
    if not study.mixes:
        return {}
    layer, means = chosen.layers[0], dict[float, list[float]]()
    for seed in range(study.seeds):
        data = mix(session.splits, skill, 1.0, count, seed=seed).train
        about = [session.model.fingerprint, data.digest, vector.fingerprint, layer]
        sides = session.ledger.once(
            "projections of the training answers",
            about,
            partial(along, session.model, data, vector, layer),
            code=(along.__module__,),
        )
        for share in study.mixes:
            mixed = mix(session.splits, skill, share, count, seed=seed).train
            values = [
                sides[all_bad.id][0 if item.exhibits == all_bad.exhibits else 1]
                for item, all_bad in zip(mixed, data, strict=True)
                if all_bad.id in sides
            ]
            means.setdefault(share, []).append(sum(values) / len(values))
    return means
