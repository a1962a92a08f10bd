"""The check on opening: names and shapes are what they promise, passes are plain passes, and an edit takes effect."""

import re
from collections import Counter
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from steerstack.data.prompts import Prompt
from steerstack.errors import ModelError, first_line
from steerstack.steering.intervention import Plan
from steerstack.steering.site import COMPONENTS, Component, Site
from steerstack.steering.tokens import TokenSequence
from steerstack.trace.anatomy import entry_with_every_kind
from steerstack.trace.forward import Pass, run
from steerstack.trace.model import Model
from steerstack.trace.plain import Nudge, Reference, answer_of, plain_logits, planned

PARTS = (4, 6, 9)
"""Where the response and its answer begin in the text of a trial, and where it ends."""

LAST = 4
"""Blocks at the end that are no kind of their own and yet are run, of a model that has twice as many."""

_MEDIA = re.compile("image|audio|video|vision|speech|img", re.IGNORECASE)


def check_model(model: Model) -> None:
    """Try the model on a few tokens.

    The number of blocks agrees with the config, and each runs once a pass; a token reads none
    that come later; the traced pass gives what a plain one gives, as it is and with the residual
    stream edited in the middle. A component that is not what its name promises is noted as
    absent, and refused where it is used.

    Raises
    ------
    ModelError
        Something is not as the names promise.
    """
    declared = int(getattr(model.config, "num_hidden_layers", model.n_layers))
    if declared != model.n_layers:
        raise ModelError(
            f"{model.name} declares {declared} layers.",
            seen=f"{model.n_layers} blocks",
            fix="Tell us about this model.",
        )
    response, answer, end = PARTS
    text = TokenSequence(tuple(trial_ids(model, end)), response, answer)
    ids = list(text.ids)
    plain = _plain(model, ids)
    _check_order(model, ids, plain)
    plan = every_kind(model)
    steered = _check_traced(model, text, plan, plain)
    model.reference = Reference(text, plan, answer_of(plain, text), answer_of(steered, text))
    model.absent.update(_absent(model, ids))


def trial_ids(model: Model, n: int, seed: int = 0) -> list[int]:
    """Token ids that stand for text: drawn from the vocabulary, without any to which the config gives a meaning."""
    named = [value for name, value in _named_values(model) if name.endswith(("token_id", "token_index"))]
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(0, model.n_ids, (4 * n + 16,), generator=generator)
    plain = [i for i in ids.tolist() if i not in named] or ids.tolist()
    return plain[:n]


def _named_values(model: Model) -> list[tuple[str, object]]:
    configs = {id(config): config for config in (model.config, model.module.config)}  # that of a wrapper too
    return [entry for config in configs.values() for entry in vars(config).items()]


def _plain(model: Model, ids: list[int]) -> Float[Tensor, "token vocab"]:
    """The plain pass, with a look at how often each block runs."""
    ran: Counter[int] = Counter()
    shapes: dict[int, tuple[int, ...]] = {}

    def watch(layer: int) -> Any:
        def seen(_module: Any, _args: Any, output: Any) -> None:
            hidden = output[0] if isinstance(output, tuple | list) else output
            ran.update([layer])
            if layer == 0:
                model.tuple_output = isinstance(output, tuple)  # seen, so that no pass need be run for it
            shapes[layer] = tuple(hidden.shape)

        return model.module_at(Site("resid_post", layer)).register_forward_hook(seen)

    hooks = [watch(layer) for layer in range(model.n_layers)]
    try:
        logits = plain_logits(model, ids)
    except (RuntimeError, ValueError, IndexError, KeyError, TypeError, AttributeError, AssertionError) as error:
        raise ModelError(
            f"{model.name} cannot run a short text by itself.",
            seen=f"{type(error).__name__}: {first_line(error)}",
            fix="Only decoder-only language models that read nothing but tokens can be opened.",
        ) from error
    finally:
        for hook in hooks:
            hook.remove()
    if any(ran[layer] != 1 for layer in range(model.n_layers)):
        raise ModelError(
            f"The blocks of {model.name} do not run once each.",
            seen=", ".join(f"block {layer} {ran[layer]} times" for layer in range(model.n_layers)),
            fix="An edit at a layer would have no one meaning; use a model whose blocks run once.",
        )
    right_shape = (1, len(ids), model.d_model)
    for layer, shape in shapes.items():
        if shape != right_shape:
            raise ModelError(
                f"{Site('resid_post', layer)} of {model.name} is not [batch, token, d_model].",
                seen=f"shape {shape}, expected {right_shape}",
                fix="A model whose residual stream is several streams has no one place to steer; use another.",
            )
    return logits


def _check_order(model: Model, ids: list[int], plain: Float[Tensor, "token vocab"]) -> None:
    """Refuse a model whose tokens read later ones."""
    half = len(ids) // 2
    off = _off(plain_logits(model, ids[:half]), plain[:half])
    if off > _rounding(model, plain):
        raise ModelError(
            f"{model.name} is not a causal language model: its tokens read those that come later.",
            seen=f"logits change by {off:.3g} when text is added after them",
            fix="Use a decoder-only model (for BERT and its kin: one trained with is_decoder).",
        )


def every_kind(model: Model) -> Plan:
    """Edits of what enters a block and of what leaves one, so far down that every kind of block comes after them."""
    blocks = [model.module_at(Site("resid_post", layer)) for layer in range(model.n_layers)]
    entry = entry_with_every_kind(blocks, min(LAST, model.n_layers // 2))
    sites = Site("resid_pre", entry), Site("resid_post", max(entry - 1, 0))
    return Plan(tuple(Nudge.drawn(site, model.d_model, seed) for seed, site in enumerate(sites)))


def _check_traced(
    model: Model, text: TokenSequence, plan: Plan, plain: Float[Tensor, "token vocab"]
) -> Float[Tensor, "token vocab"]:
    """Refuse a model of which a traced pass, plain or edited, gives something else than the model itself.

    What it gives by itself under the plan comes back.
    """
    batch = torch.tensor([text.ids])
    mask = torch.ones_like(batch, dtype=torch.bool)
    edits = planned(plan, text)
    try:
        traced = run(model, Pass(batch, mask, head=lambda h: h[0])).logits
        edited = run(model, Pass(batch, mask, edits=dict(edits), head=lambda h: h[0])).logits
    except (RuntimeError, ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(
            f"The blocks of {model.name} cannot be traced.",
            seen=f"{type(error).__name__}: {first_line(error)}",
            fix="Tell us about this model.",
        ) from error
    wanted = plain_logits(model, text.ids, edits)
    for what, logits, expected in (("A pass", traced, plain), ("An edited pass", edited, wanted)):
        off = _off(logits.float(), expected)
        if not off <= _rounding(model, expected):
            raise ModelError(
                f"{what} over {model.name} is not what the model itself gives.",
                seen=f"logits off by {off:.3g}",
                fix="No number from it could be trusted; tell us about this architecture.",
            )
    if _off(wanted, plain) == 0:
        raise ModelError(
            f"An edit at {plan.sites[-1]} of {model.name} had no effect.",
            seen=f"module {model.path(plan.sites[-1])}",
            fix="The site names do not fit this architecture; tell us about it.",
        )
    return wanted


def _absent(model: Model, ids: list[int]) -> dict[Component, str]:
    """Components inside the blocks where an edit has no effect or cannot be made, tried in rows of one pass each."""
    reasons: dict[Component, str] = {}
    batch = torch.tensor([ids, ids])
    mask = torch.ones_like(batch, dtype=torch.bool)

    def second(hidden: Tensor) -> Tensor:
        return torch.stack([hidden[0], _shift(hidden[1:])[0]])

    for component in COMPONENTS:
        order = sorted(range(model.n_layers), key=lambda layer: abs(layer - model.n_layers // 2))
        site = next((site for site in (Site(component, layer) for layer in order) if model.has(site)), None)
        if component.startswith("resid") or site is None:
            continue
        try:
            rows = run(model, Pass(batch, mask, edits={site: second}, head=lambda h: h[:, -1])).logits.float()
        except (RuntimeError, ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
            reasons[component] = f"{model.path(site)} is no such place: {first_line(error)}"
            continue
        if _off(rows[0], rows[1]) <= 1e-6 * float(rows.abs().max()):
            reasons[component] = f"an edit at {model.path(site)} has no effect"
    return reasons


def _shift(hidden: Tensor) -> Tensor:
    return hidden + 1.0 + hidden.roll(1, -1)


def _off(one: Tensor, other: Tensor) -> float:
    return float((one.cpu() - other.cpu()).abs().max())


def _rounding(model: Model, logits: Tensor) -> float:
    """What rounding may do to logits of this size."""
    return max(1e-3, 16 * torch.finfo(model.dtype).eps * float(logits.abs().max()))


def check_vocabulary(model: Model) -> None:
    """Refuse a tokenizer with ids beyond the embedding.

    Placeholders of images and sounds may lie beyond it (Gemma 3's text models have one), as no text
    becomes them, unless the chat template writes them.

    Raises
    ------
    ModelError
        There are such tokens.
    """
    vocabulary: dict[str, int] = model.tokenizer.get_vocab()
    beyond = {index: token for token, index in vocabulary.items() if index >= model.n_ids}
    if not beyond:
        return
    special = {str(token) for token in getattr(model.tokenizer, "all_special_tokens", [])} | {
        str(token)
        for token in getattr(model.tokenizer, "added_tokens_decoder", {}).values()
        if getattr(token, "special", False)
    }
    media = {index for index, token in beyond.items() if token in special and _MEDIA.search(token)}
    if media and media == set(beyond):
        beyond = {index: beyond[index] for index in media & _written(model)}
    if beyond:
        some = ", ".join(f"{token!r} = {index}" for index, token in sorted(beyond.items())[:4])
        raise ModelError(
            f"The tokenizer of {model.name} has {len(beyond)} tokens that its embedding lacks.",
            seen=f"{some}{', ...' if len(beyond) > 4 else ''}; an embedding of {model.n_ids} rows",
            fix="Use the tokenizer that belongs to these weights, or call model.resize_token_embeddings("
            f"{max(beyond) + 1}) and train the new rows before the model is saved.",
        )


def _written(model: Model) -> set[int]:
    """Ids that a conversation of one turn becomes."""
    return set(model.format.sequence(Prompt("a")).ids)
