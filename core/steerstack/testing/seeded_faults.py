"""Vectors that have no effect for a known reason: what ``steerstack doctor --why`` must name.

Each fault is put into one and the same healthy use of a vector on :func:`~steerstack.testing.planted.planted_model`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch

from steerstack.catalog.lookup import find
from steerstack.measure.residual_norms import residual_norms
from steerstack.steering.origin import Origin
from steerstack.steering.vector import SteeringVector, random_like
from steerstack.testing.planted import planted_data, planted_direction, planted_model, swapped
from steerstack.trace.model import Model
from steerstack.trace.open import open_model

SHARE = 0.2
"""Norm of the planted vector, as a share of the residual stream's."""

_DROPS = (
    "{% for m in messages %}{% if m['role'] != 'system' %}<|im_start|>{{ m['role'] }}\n"
    "{{ m['content'].split('\n\n') | last }}<|im_end|>\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_THINKS = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}"
)


@dataclass(frozen=True)
class SeededFault:
    """A fault, and the cause that is to be named for it.

    Attributes
    ----------
    what:
        What was done wrong.
    cause:
        One of :data:`steerstack.study.why.look.CAUSES`.
    seed:
        From the arguments of :func:`steerstack.study.why.diagnosis.why` for the healthy use, those that differ.
    """

    what: str
    cause: str
    seed: Callable[[dict[str, Any]], dict[str, Any]]

    def arguments(self) -> dict[str, object]:
        """The arguments of the faulty use."""
        arguments = healthy()
        return {**arguments, **self.seed(arguments)}


def healthy(architecture: str = "llama") -> dict[str, object]:
    """A use of the planted vector in which nothing is amiss, as arguments of ``why``; see :func:`planted_model`."""
    model = planted_model(architecture)
    norms = residual_norms(model)
    directions = {at: SHARE * norms[at] * planted_direction("resid_post", at, model.d_model) for at in norms}
    origin = Origin(
        method="planted", behavior="agreeing", model_name=model.name, model_fingerprint=model.fingerprint, n_pairs=64
    )
    return {
        "model": model,
        "data": planted_data(48),
        "vector": SteeringVector(directions, origin=origin),
        "layer": 1,
        "scale": 1.0,
        "tokens": "response",
        "mode": "text",
    }


def _differently(**parts: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda _: parts


def _of(change: Callable[[SteeringVector], SteeringVector], **parts: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda use: {"vector": change(use["vector"]), **parts}


def _from(vector: SteeringVector, **origin: Any) -> SteeringVector:
    return replace(vector, origin=replace(vector.origin, **origin))


def _wider(vector: SteeringVector) -> SteeringVector:
    return replace(vector, directions={at: torch.cat([of, of]) for at, of in vector.directions.items()})


def _aside(vector: SteeringVector, layers: tuple[int, ...]) -> SteeringVector:
    """The vector with a random direction at some layers, without its part along the planted one."""
    drawn = random_like(vector, 7)

    def cleaned(at: int) -> torch.Tensor:
        unit = vector[at] / vector[at].norm()
        return drawn[at] - (drawn[at] @ unit) * unit

    return replace(vector, directions={at: cleaned(at) if at in layers else vector[at] for at in vector.layers})


def _templated(template: str, **more: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """The model with another chat template."""

    def seed(given: dict[str, Any]) -> dict[str, object]:
        model: Model = given["model"]
        tokenizer = copy.deepcopy(model.tokenizer)
        tokenizer.chat_template = template
        return {"model": open_model(model.module, tokenizer=tokenizer), **more}

    return seed


def _willing(_: dict[str, Any]) -> dict[str, object]:
    """The healthy use on a model that says Yes anyway: the planted GPT-2, whose embeddings are tied."""
    return healthy("gpt2")


def _gated(given: dict[str, Any]) -> dict[str, object]:
    vector: SteeringVector = given["vector"]
    edit = find("edit", "gate").make({"threshold": 1.0})
    return {"vector": replace(vector, parts={"condition": dict(vector.directions)}), "edit": edit}


FAULTS: dict[str, SeededFault] = {
    "another model's vector": SeededFault("The vector is twice as wide as the model.", "another model", _of(_wider)),
    "another model's weights": SeededFault(
        "The vector was made from other weights of the same shape.",
        "other weights",
        _of(lambda v: _from(v, model_fingerprint="0" * 64)),
    ),
    "a layer the vector lacks": SeededFault(
        "The vector has layers 2 and 3, and is used at layer 1.", "no such layer", _of(lambda v: v.keeping([2, 3]))
    ),
    "a layer beyond the model": SeededFault(
        "It is used at layer 4 of a model with layers 0 to 3.", "no such layer", _differently(layer=4)
    ),
    "scale 0": SeededFault("The scale is 0.", "scale 0", _differently(scale=0.0)),
    "an empty selection": SeededFault(
        "The reasoning block is edited, and the template opens none.", "nothing edited", _differently(tokens="think")
    ),
    "a position beyond the prompt": SeededFault(
        "Position 5000 is edited, and prompts are shorter.", "nothing edited", _differently(tokens="5000")
    ),
    "after the last layer": SeededFault(
        "The prompt is edited after the last layer.", "never read", _differently(layer=3, tokens="prompt")
    ),
    "a gate that stays shut": SeededFault("The edit's gate opens at a cosine above 1.", "no change", _gated),
    "a dropped system prompt": SeededFault(
        "The chat template leaves out the system prompt.", "template", _templated(_DROPS, system="Be frank.")
    ),
    "an empty reasoning block": SeededFault(
        "Reasoning is edited, and answers are scored after an empty block.",
        "reasoning",
        _templated(_THINKS, tokens="think"),
    ),
    "five items": SeededFault("The data holds five items.", "too few items", lambda g: {"data": g["data"].limit(5)}),
    "answers by position": SeededFault(
        "Scored by letter, and the model always takes the first.", "by position", _differently(mode="letter")
    ),
    "labels nobody would write": SeededFault(
        "Scored by Yes and No, which the model would hardly write there.", "label mass", _differently(mode="yes-no")
    ),
    "nothing left to move": SeededFault("The unsteered model behaves so on every item.", "saturation", _willing),
    "a vanishing direction": SeededFault(
        "The direction is a hundred-thousandth as long as the activations.", "near zero", _of(lambda v: v * 1e-4)
    ),
    "far too strong": SeededFault("The scale is 50 where 1 would do.", "too strong", _differently(scale=50.0)),
    "a negative scale": SeededFault("The scale is -1.", "sign", _differently(scale=-1.0)),
    "a reversed vector": SeededFault("The vector's two sides were exchanged.", "reversed", _of(lambda v: -v)),
    "reversed data": SeededFault(
        "The data's two sides were exchanged.", "reversed", lambda g: {"data": swapped(g["data"])}
    ),
    "far too weak": SeededFault("The scale is 0.01 where 1 would do.", "too weak", _differently(scale=0.01)),
    "only the prompt": SeededFault("Only the prompt is edited.", "prompt only", _differently(tokens="prompt")),
    "only the last token": SeededFault(
        "Only the last token of the prompt is edited.", "not decoded", _differently(tokens="last")
    ),
    "another layer's vector": SeededFault(
        "The vector holds the direction at layers 2 and 3, and is used at layer 1.",
        "wrong layer",
        _of(lambda v: _aside(v, (0, 1))),
    ),
    "another behaviour's vector": SeededFault(
        "The vector is of a behaviour that the items do not ask about.",
        "another direction",
        _of(lambda v: _from(_aside(v, v.layers), behavior="humour")),
    ),
}  # fmt: skip
"""Every fault by its name."""
