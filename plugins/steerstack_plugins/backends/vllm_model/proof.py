"""The proof on opening: what vLLM gives, unsteered and under edits, is what plain passes of the same weights give.

Plain passes are run first, by transformers alone and with PyTorch's own hooks; then the weights are let go of. vLLM
runs the same texts together, each under an edit of its own, and writes on from a prompt by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from jaxtyping import Float
from torch import Tensor

from steerstack.engine.decode.sampling import Sampling, stop_tokens
from steerstack.engine.trial import jitter
from steerstack.errors import ModelError, SteerstackError, first_line
from steerstack.steering.intervention import Plan
from steerstack.steering.site import COMPONENTS, Component, Site
from steerstack.steering.tokens import Region, Tokens, TokenSequence
from steerstack.trace.check import trial_ids
from steerstack.trace.model import Model
from steerstack.trace.plain import Change, Nudge, plain_logits, planned
from steerstack_plugins.backends.vllm_model.model import VllmModel

FLOOR = 1e-4
"""Nats that always count as rounding."""

NOISE = 5.0
"""How many times what rounding at every block does to the numbers still counts as rounding."""

LENGTH = 19
"""Tokens of the longer text."""

WRITTEN = 4
"""Tokens that are written on."""

REGIONS: tuple[Region, ...] = ("all", "prompt", "response", "last")

Logp = Float[Tensor, "token vocab"]


@dataclass(frozen=True, eq=False)
class Expected:
    """What plain passes give.

    Attributes
    ----------
    texts, plans:
        What was run.
    logp:
        Log-probabilities (nats) at every token of each.
    rounding:
        Differences of this size are rounding.
    prompt, written:
        A prompt, and the log-probabilities of each token that is greedily written on after it under the last plan.
    """

    texts: list[TokenSequence]
    plans: list[Plan]
    logp: list[Logp]
    rounding: float
    prompt: TokenSequence
    written: list[Float[Tensor, " vocab"]]

    @classmethod
    def of(cls, model: Model) -> Expected:
        """Run the plain passes.

        Each component is edited at the first, the middle and the last block, in turn on all tokens, the prompt, the
        response and the last token of the prompt.
        """
        ids = trial_ids(model, LENGTH)
        pair = TokenSequence(tuple(ids), 11, 15), TokenSequence(tuple(ids[3:14]), 5, 7)
        layers = sorted({0, model.n_layers // 2, model.n_layers - 1})
        sites = [Site(component, layer) for component in COMPONENTS for layer in layers]
        sites = [site for site in sites if model.has(site)]
        plans = [Plan()] + [
            Plan((Nudge.drawn(site, model.width(site), seed).on(Tokens(REGIONS[seed % len(REGIONS)])),))
            for seed, site in enumerate(sites)
        ]
        both = [Site("resid_post", layers[0]), Site("resid_pre", layers[-1])]
        plans.append(Plan(tuple(Nudge.drawn(site, model.d_model, seed) for seed, site in enumerate(both))))
        texts = [pair[place % 2] for place in range(len(plans))]
        logp = [_logp(model, text, planned(plan, text)) for text, plan in zip(texts, plans, strict=True)]
        shaken = _logp(model, texts[-1], [*planned(plans[-1], texts[-1]), *jitter(model)])
        rounding = max(FLOOR, NOISE * _far(shaken, logp[-1]))
        prompt = TokenSequence(tuple(ids[:9]), 6, 9)
        return cls(texts, plans, logp, rounding, prompt, _written(model, prompt, plans[-1]))


def prove(opened: VllmModel, expected: Expected) -> None:
    """Hold vLLM against plain passes; what is not the same inside the blocks is noted as absent.

    Raises
    ------
    ModelError
        The model itself, an edit of its residual stream, or what it writes on is not the same, or cannot be run.
    """
    every = zip(expected.texts, expected.plans, expected.logp, strict=True)
    texts, plans, wanted = zip(*(one for one in every if not opened.portable(one[1])), strict=True)
    try:
        results = [logits.log_softmax(-1) for logits in opened.all_logits(texts, plans)]
    except SteerstackError:
        raise
    except Exception as error:  # a block that is not made as those that are known
        raise ModelError(
            f"The blocks of vLLM's {opened.name} cannot be edited.",
            seen=f"{type(error).__name__}: {first_line(error)}",
            fix="Use steerstack's own engine, and tell us about this architecture.",
        ) from error
    off = [_far(one, other) for one, other in zip(results, wanted, strict=True)]
    for plan, by in zip(plans, off, strict=True):
        if by <= expected.rounding:
            continue
        inner = {edit.site.component for edit in plan if not edit.site.component.startswith("resid")}
        if not inner:
            where = " and ".join(map(str, plan.sites))
            raise _refusal(opened, f"under an edit at {where}" if where else "unsteered", by, expected.rounding)
        absent: dict[Component, str] = dict.fromkeys(inner, f"log-probabilities are off by {by:.2g} nats")
        opened.absent.update(absent)
    by = _off_in_writing(opened, expected)
    if by > expected.rounding:
        raise _refusal(opened, "where it writes on", by, expected.rounding)


def _off_in_writing(opened: VllmModel, expected: Expected) -> float:
    """How far off the tokens are that are written on, up to the first one that is another: a tie or not."""
    sampling = Sampling(max_new_tokens=len(expected.written))
    text = opened.written([expected.prompt], [expected.plans[-1]], sampling)[0][0]
    off = 0.0
    for token, value, logp in zip(text.tokens, text.logp, expected.written, strict=False):
        off = max(off, abs(value - float(logp[token])), float(logp.max() - logp[token]))
        if token != int(logp.argmax()):
            break
    return off


def _written(model: Model, prompt: TokenSequence, plan: Plan) -> list[Float[Tensor, " vocab"]]:
    """Log-probabilities of each token that a model greedily writes on, by a plain pass over the whole text for each."""
    stops = stop_tokens(model)
    rows: list[Float[Tensor, " vocab"]] = []
    tokens: list[int] = []
    while len(rows) < WRITTEN and not (tokens and tokens[-1] in stops):
        text = replace(prompt, ids=(*prompt.ids, *tokens))
        rows.append(_logp(model, text, planned(plan, text))[-1])
        tokens.append(int(rows[-1].argmax()))
    return rows


def _logp(model: Model, text: TokenSequence, changes: Sequence[tuple[Site, Change]]) -> Logp:
    return plain_logits(model, text.ids, changes).log_softmax(-1).cpu()


def _far(one: Logp, other: Logp) -> float:
    """The largest difference; infinite where one is no number."""
    by = (one - other).abs()
    return float(by.max()) if bool(by.isfinite().all()) else float("inf")


def _refusal(opened: VllmModel, where: str, by: float, rounding: float) -> ModelError:
    return ModelError(
        f"vLLM's {opened.name} is not the model itself, {where}.",
        seen=f"log-probabilities off by {by:.3g} nats; rounding explains {rounding:.2g}",
        fix="No number from it could be trusted; use steerstack's own engine, and tell us about this architecture.",
    )
