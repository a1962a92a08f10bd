"""Run a study of read-out: read the direction of each layer, add it, erase it, and erase random ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from steerstack.data.items import DataSet
from steerstack.data.questions import ask
from steerstack.engine.data_activations import DataActivations
from steerstack.engine.projection import projections
from steerstack.engine.resources.activation_store import STORE
from steerstack.errors import StudyError
from steerstack.measure.residual_norms import residual_norms
from steerstack.run.arms import ScoreArms
from steerstack.stats.auroc import paired_auroc
from steerstack.stats.estimate import Estimate
from steerstack.steering.edits import Ablate
from steerstack.steering.intervention import Plan
from steerstack.steering.tokens import Tokens
from steerstack.steering.vector import SteeringVector, random_like
from steerstack.study.probe import clusters_of
from steerstack.study.read_out.layer import LayerReadOut
from steerstack.study.read_out.result import ReadOutResult
from steerstack.study.session import Session
from steerstack.techniques.apply import apply
from steerstack.techniques.selection import candidate_layers

if TYPE_CHECKING:
    from steerstack.study.read_out.study import ReadOut

PART = 16
"""Prompts of one pass."""

SCORED = "arms"
"""The step that scores every arm."""


def run_read_out(study: ReadOut, session: Session) -> ReadOutResult:
    """Run the study, or go on with one that was stopped.

    Raises
    ------
    StudyError
        The method's vector is none to be added, or has none of the layers.
    """
    vector = session.extract(study.method.make("extractor"), position=study.position)
    if vector.edit != "add":
        raise StudyError(
            "Read-out and steering are compared along a direction that is added, and this vector acts in another way.",
            seen=f"{study.method.name} acts by the edit {vector.edit}",
            fix="Take another method, such as mean-difference or logistic.",
        )
    layers = [layer for layer in layers_of(study, session) if layer in vector.directions]
    if not layers:
        raise StudyError(
            "The vector has none of the study's layers.",
            seen=f"layers {', '.join(map(str, vector.layers))}",
            fix="Name layers that the method gives.",
        )
    wanted = requests(study, session, layers, vector)
    results = session.measure.together(session.model, list(wanted.values()))
    arms = {arm.label: values for arm, values in zip(wanted[SCORED].arms, results[0], strict=True)}
    bare, test = arms["bare"], session.splits.test
    measured = [
        LayerReadOut.of(
            layer,
            scale=scale_of(study, session, vector, layer),
            read=_auroc(session, vector, layer),
            positions=_positions(session, test, vector, layer),
            added=arms[f"added at {layer}"].log_odds - bare.log_odds,
            erased=arms[f"erased at {layer}"].log_odds - bare.log_odds,
            random=[arms[f"random {k} erased at {layer}"].log_odds - bare.log_odds for k in range(study.erasures)],
            groups=bare.groups,
            margin=study.margin,
            family=len(layers),
        )
        for layer in layers
    ]
    return ReadOutResult.made(study, session, wanted, dict(zip(wanted, results, strict=True)), measured, vector)


def layers_of(study: ReadOut, session: Session) -> list[int]:
    """The layers that the study names, or six over the middle of the model."""
    return list(study.layers or candidate_layers(session.model.n_layers))


def scale_of(study: ReadOut, session: Session, vector: SteeringVector, layer: int) -> float:
    """The multiplier by which the direction has the study's share of the residual stream's norm."""
    return study.share * residual_norms(session.model, vector.component)[layer] / vector.norms[layer]


def requests(
    study: ReadOut, session: Session, layers: Sequence[int], vector: SteeringVector | None
) -> dict[str, ScoreArms]:
    """What is measured: the bare model, and at each layer the direction added, erased, and random ones erased.

    Without a vector every arm is the bare model's: for a forecast.
    """
    tokens = Tokens.parse(study.tokens)
    drawn = [random_like(vector, study.seed + 1 + k) for k in range(study.erasures)] if vector else []

    def erased(of: SteeringVector | None, layer: int) -> Plan:
        return Plan((Ablate(of.site(layer), of[layer], selection=tokens),)) if of else Plan()

    arms = [session.arm("bare")]
    for layer in layers:
        scale = scale_of(study, session, vector, layer) if vector else 0.0
        arms.append(session.arm(f"added at {layer}", apply(vector, layer, scale, tokens=tokens) if vector else None))
        arms.append(session.arm(f"erased at {layer}", erased(vector, layer)))
        for k in range(study.erasures):
            plan = erased(drawn[k] if drawn else None, layer)
            arms.append(session.arm(f"random {k} erased at {layer}", plan))
    return {SCORED: session.score(session.splits.test, arms)}


def _auroc(session: Session, vector: SteeringVector, layer: int) -> Estimate:
    """How well the direction tells the answers of the test items apart, read as in training."""
    stream = DataActivations(
        session.model, session.splits.test, position=vector.origin.position, component=vector.component,
        layers=[layer], store=STORE,
    )  # fmt: skip
    batch = stream.collect()
    unit = vector[layer] / vector[layer].norm()
    sides = (side[:, 0].float() @ unit for side in (batch.positive, batch.negative))
    return paired_auroc(*(side.numpy() for side in sides), groups=clusters_of(stream))


def _positions(
    session: Session, data: DataSet, vector: SteeringVector, layer: int
) -> Float[NDArray[np.float64], " item"]:
    """Where each item lies along the direction before it is answered: the projection at the prompt's last token.

    A mean over the orders in which the item is asked.
    """
    asked = ask(session.model.format, data, session.study.score)
    prompts = [question.exhibits.cut(question.exhibits.answer_start) for question in asked]
    values: dict[str, list[float]] = {item.id: [] for item in data}
    for at in range(0, len(prompts), PART):
        part = projections(session.model, prompts[at : at + PART], vector.site(layer), vector[layer])
        for question, along in zip(asked[at : at + PART], part, strict=True):
            values[question.item.id].append(along[-1])
    return np.array([np.mean(values[item.id]) for item in data])
