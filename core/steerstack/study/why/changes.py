"""One change at a time: which of them brings the effect? What is changed then is the cause."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from steerstack.errors import DegenerateDirectionError, ExtractionError
from steerstack.steering.origin import UNKNOWN
from steerstack.steering.tokens import Tokens
from steerstack.steering.vector import cosine
from steerstack.study.why.case import Case, EffectBesideNulls, Use
from steerstack.study.why.look import Look
from steerstack.techniques.extract import extract
from steerstack.techniques.selection import candidate_layers
from steerstack.techniques.strength_at_kl import kl_at

NEAR_ZERO = 1e-3
"""Norm of a direction, as a share of the residual stream's, below which it is next to nothing."""

BREAKS = 1.0
"""KL per token (nats) on neutral text beyond which text breaks; a study's choice may cost 0.3."""

STRONGER = (0.1, 0.2)
"""Strengths that are tried, as shares of the residual stream's norm; a study's choice tries twice that too."""

MORE = 10
"""An effect that is there counts as missing where one change makes it so many times larger."""


@dataclass(frozen=True)
class Change:
    """One thing changed: its kind, the way of use after it, and what that does."""

    kind: str
    words: str
    use: Use
    measured: EffectBesideNulls

    def to_json(self) -> dict[str, object]:
        """As ``doctor --why --json`` has it."""
        effect, nulls = self.measured.effect.to_json(), list(self.measured.nulls)
        return {"change": self.kind, "to": self.words, "effect": effect, "nulls": nulls}


def size(case: Case) -> Look:
    """Whether the direction is next to nothing."""
    layer = case.use.layers[0]
    share = case.use.vector.norms[layer] / case.norms[layer]
    sentence = f"At layer {layer} the direction has {share:.2g} of the norm of the residual stream"
    if case.share is not None and max(share, case.share) < NEAR_ZERO:
        do = "Extract it again from pairs whose two sides differ, or check how it was imported."
        return Look("direction", f"{sentence}.", "near zero", do)
    return Look("direction", sentence + (f", and {case.share:.2g} of it is added." if case.share is not None else "."))


def cost(case: Case) -> Look:
    """Whether the text breaks."""
    if not case.use.tokens.includes_generated:
        return Look("cost", "Not measured: generated tokens are not edited.")
    (kl,) = kl_at(case.model, [case.use.plan()])
    sentence = f"On neutral text the edit costs {kl:.2g} nats of KL per token"
    if kl > BREAKS:
        return Look(
            "cost",
            f"{sentence}; beyond {BREAKS:g} text breaks.",
            "too strong",
            "Lower the scale until it costs 0.3 or less, such as to a tenth of the residual stream's norm.",
        )
    return Look("cost", f"{sentence}.")


def sign(case: Case) -> Look:
    """Whether it acts the wrong way round."""
    measurement = case.given
    if not (measurement.beyond_nulls and measurement.effect.value < 0):
        return Look("sign", f"It does not act against the behaviour: {measurement}.")
    if case.use.scale < 0:
        do = "Give a positive scale, unless less of the behaviour is what you want."
        return Look("sign", f"At a negative scale it lowers the behaviour: {measurement}.", "sign", do)
    do = "Check what the data's exhibiting answer is and which side the vector was made from; negate one of them."
    return Look("sign", f"At a positive scale it lowers the behaviour: {measurement}.", "reversed", do)


def effect(case: Case) -> tuple[Look, list[Change]]:
    """What brings the effect, or that it is there; with every change that was tried on the way."""
    measurement = case.given
    if measurement.acts and not case.use.tokens.includes_generated:
        sentence = f"It moves scores ({measurement}), but not the tokens that are generated after the first."
        do = "Use --tokens response, which goes on while text is generated."
        return Look("decoding", sentence, "not decoded", do), []
    kinds = (_by_strength,) if measurement.acts else (_by_tokens, _by_strength, _by_layer, _by_direction)
    attempts = []
    for kind in kinds:
        if (change := _best(case, list(kind(case)))) is None:
            continue
        attempts.append(change)
        if _brings(change.measured, measurement):
            return _named(case, change), attempts
    if measurement.acts:
        return Look("effect", f"It acts as it is used: {measurement}."), attempts
    sentence = (
        f"As it is used its effect is {measurement}; nothing that was changed brings one that "
        f"{len(case.scored)} items show."
    )
    do = "Give more items, look at how the model answers them, or try a larger model."
    return Look("effect", sentence, "nothing acts", do), attempts


Option = tuple[str, str, Use]
"""The kind of a change, what is used after it in words, and the use."""


def _by_tokens(case: Case) -> Iterator[Option]:
    if not case.use.tokens.includes_generated:
        yield "tokens", "--tokens response", replace(case.use, tokens=Tokens("response"))


def _by_strength(case: Case) -> Iterator[Option]:
    share = case.share
    for share_of_norm in STRONGER if share is not None else ():
        if share is not None and share < share_of_norm:
            scale = abs(case.use.scale) * share_of_norm / share
            yield "strength", f"scale {scale:.3g}", replace(case.use, scale=scale)


def _by_layer(case: Case) -> Iterator[Option]:
    use = case.use
    for layer in _layers(case, use.vector.layers):
        if layer not in use.layers:
            unit = case.unit(use.vector, layer)
            yield (
                "layer",
                f"layer {layer}",
                replace(use, layers=(layer,), scale=_usual(case) / unit if unit else use.scale),
            )


def _by_direction(case: Case) -> Iterator[Option]:
    position = "response" if case.mode == "text" else "answer"
    try:
        own = extract(case.model, case.others, "mean-difference", position=position)
    except (ExtractionError, DegenerateDirectionError):
        return
    for layer in sorted({*case.use.layers, *_layers(case, own.layers)}):
        scale = _usual(case) * case.norms[layer] / own.norms[layer]
        yield "direction", f"layer {layer}", Use(own, (layer,), scale, Tokens("response"))


def _usual(case: Case) -> float:
    """The given strength as a share of the residual stream's norm, or a usual one where that is extreme."""
    share = case.share
    return share if share is not None and 0.5 * STRONGER[0] <= share <= 2 * STRONGER[-1] else STRONGER[-1]


def _layers(case: Case, of: Sequence[int]) -> list[int]:
    return [layer for layer in candidate_layers(case.model.n_layers) if layer in of]


def _best(case: Case, options: Sequence[Option]) -> Change | None:
    """The option with the largest effect."""
    if not options:
        return None
    pairs = zip(case.effects([use for _, _, use in options]), options, strict=True)
    effect, (kind, words, use) = max(pairs, key=lambda one: one[0].value)
    return Change(kind, words, use, case.beside_nulls(use, effect))


def _brings(one: EffectBesideNulls, given: EffectBesideNulls) -> bool:
    return one.acts and one.effect.value >= (MORE if given.acts else 2) * max(given.effect.value, 0.0)


def _named(case: Case, change: Change) -> Look:
    cause, do = _cause(case, change)
    own = "a direction from other items of this data acts at " if change.kind == "direction" else "it acts with "
    sentence = f"As it is used its effect is {case.given}; {own}{change.words}: {change.measured}."
    return Look(change.kind, sentence, cause, do)


def _cause(case: Case, change: Change) -> tuple[str, str]:
    """The cause that a change which brings an effect shows, and what to do."""
    match change.kind:
        case "tokens":
            return "prompt only" if case.use.tokens.region == "prompt" else "not decoded", "Use --tokens response."
        case "strength":
            return "too weak", f"Raise it to about {change.words}; choose it on validation items (steerstack sweep)."
        case "layer":
            return "wrong layer", f"Use {change.words}; choose it on validation items (steerstack sweep)."
        case _:
            return "another direction", _which(case, change.use)


def _which(case: Case, own: Use) -> str:
    origin, data = case.use.vector.origin, case.data
    at = case.use.layers[0]
    alike = f"Their cosine at layer {at} is {cosine(case.use.vector[at], own.vector[at]):.2f}."
    if origin.behavior not in (UNKNOWN, data.behavior):
        return f"The vector is of {origin.behavior}, the items are of {data.behavior}. {alike}"
    return f"Extract the vector again from training items of this data, and look at layer {own.layers[0]}. {alike}"
