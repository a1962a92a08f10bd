"""Contrast pairs with a known answer: a direction planted in a tiny model and in its activations."""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import cache, cached_property
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from steerstack.contracts import PairBatch
from steerstack.data.items import DataSet, Item, SystemPrompts
from steerstack.data.questions import ContrastPair
from steerstack.engine.activations import PairActivations
from steerstack.engine.data_activations import DataActivations
from steerstack.steering.site import Component, Site
from steerstack.testing.models import tiny_model, tiny_tokenizer
from steerstack.trace.model import Model
from steerstack.trace.open import open_model
from steerstack.util import digest

PAIRS = 64
"""Pairs of a planted data set: more than the tiny models are wide."""

_QUESTIONS = ("Is it so in case {n}?", "Would you say so of number {n} as well?")
_NOISE = 0.05  # of each side, as a share of the norm of the activations
_SAYS = 2.0  # how much Yes and No point along the planted direction, where a random token's embedding has norm 0.85
_SHARED = 0.3  # what else Yes and No hold, as a share of the mean of what they held
_QUIET = 0.05  # what the blocks write is this much weaker, so that the direction goes through them as it is


def planted_data(pairs: int = PAIRS, *, first: int = 0) -> DataSet:
    """Yes-or-no questions whose exhibiting answer is Yes.

    Parameters
    ----------
    pairs, first:
        How many, and the number of the first one: other numbers are other questions.
    """
    items = []
    for number in range(first, first + pairs):
        question, yes = _QUESTIONS[number % 2].format(n=f"{number:03d}"), number // 2 % 2
        options = ("No", "Yes") if yes else ("Yes", "No")
        items.append(Item(f"case-{number:03d}", question, options, yes, 1 - yes, form="yes-no"))
    prompts = SystemPrompts(("Always say Yes.",), ("Always say No.",))
    return DataSet("agreeing", tuple(items), "says Yes", "steerstack.testing", prompts)


def swapped(data: DataSet) -> DataSet:
    """The same data set with the two sides exchanged, in its items and in its system prompts."""
    prompts = SystemPrompts(data.prompts.negative, data.prompts.positive)
    return replace(data, items=tuple(item.inverted() for item in data), prompts=prompts)


def _of_equal_sides(data: DataSet) -> DataSet:
    items = tuple(copy(item) for item in data)
    for item in items:  # an item of equal answers is refused when it is made; a method is to refuse such pairs itself
        object.__setattr__(item, "options", (item.exhibits_text,) * 2)
    return replace(data, items=items, prompts=SystemPrompts(data.prompts.positive, data.prompts.positive))


def unit_signs(width: int, *seed: object) -> Float[Tensor, " width"]:
    """A random unit vector whose coordinates are all of one size, half of them negative.

    So a layer norm takes nothing away, and an optimiser that moves every coordinate alike can find it.
    """
    generator = torch.Generator().manual_seed(int(digest.of_json([str(part) for part in seed])[:8], 16))
    signs = torch.ones(width)
    signs[torch.randperm(width, generator=generator)[: width // 2]] = -1
    return signs / width**0.5


def planted_direction(component: Component, layer: int, width: int) -> Float[Tensor, " width"]:
    """The unit vector planted at a site; one and the same all along the residual stream."""
    where = ("residual",) if component.startswith("resid") else (component, layer)
    return unit_signs(width, *where)


@cache
def planted_model(architecture: str = "llama") -> Model:
    """A tiny model that says Yes where its residual stream points along the planted direction.

    The embeddings of Yes and No are the same but for that direction, with opposite signs, and so
    are their rows of the output matrix. Shared by all callers, who must leave it as it is.
    """
    module: Any = tiny_model(architecture)
    direction = planted_direction("resid_post", 0, module.config.get_text_config().hidden_size)
    return saying(module, {("Yes", "No"): direction, (" Yes", " No"): direction})


def saying(module: Any, says: Mapping[tuple[str, str], Float[Tensor, " width"]]) -> Model:
    """A tiny model, changed in place, that says one of two tokens where its residual stream points along a vector.

    Parameters
    ----------
    says:
        Unit vectors by the two tokens, the first of which is said along it, and the second against it.
    """
    tokenizer = tiny_tokenizer()
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if parameter.ndim > 1 and name.endswith(_WRITERS):
                parameter.mul_(_QUIET)
        tables = {id(table): table for table in (module.get_input_embeddings(), module.get_output_embeddings())}
        for table in (table.weight for table in tables.values()):
            for (first, second), direction in says.items():
                ids = [tokenizer.convert_tokens_to_ids(text) for text in (first, second)]
                base = _SHARED * table[ids].mean(0)
                base -= (base @ direction) * direction
                table[ids[0]], table[ids[1]] = base + _SAYS * direction, base - _SAYS * direction
    return open_model(module, tokenizer=tokenizer)


_WRITERS = (
    "o_proj.weight", "down_proj.weight", "dense.weight", "c_proj.weight", "out_proj.weight", "fc2.weight",
    "dense_4h_to_h.weight",
)  # fmt: skip


_common: dict[tuple[str, ...], Float[Tensor, "layer d_model"]] = {}


class PlantedPairs(DataActivations):
    """Activations of a planted data set, with the planted direction between the two sides.

    At each layer the side that says Yes is the other one plus ``shift`` times the mean norm of the
    activations, along :func:`planted_direction`. Nothing else tells the sides apart: what the
    pairs have in common is the model's own activations at that site, without their part along the
    direction, and each side has small noise of its own that depends on the item alone.

    Parameters
    ----------
    model, data:
        As made by :func:`planted_model` and :func:`planted_data`; the data may be a part, in another
        order, or inverted, in whole or item by item.
    shift:
        Length of the planted difference, as a share of the mean norm of the activations.
    batch:
        Pairs in each batch.
    equal:
        Make the two sides the same, in their activations and in the texts of :attr:`data`.
    position, component, layers:
        As of :class:`DataActivations`.
    """

    def __init__(
        self,
        model: Model | None = None,
        data: DataSet | None = None,
        *,
        shift: float = 1.0,
        batch: int = 16,
        equal: bool = False,
        position: str = "answer",
        component: Component = "resid_post",
        layers: Sequence[int] | None = None,
    ) -> None:
        items = data or planted_data()
        super().__init__(model or planted_model(), items, position=position, component=component, layers=layers)
        self._asked, self._data = items, _of_equal_sides(items) if equal else items
        self._how: dict[str, Any] = {"shift": shift, "batch": batch, "equal": equal, "layers": layers}
        self.given: list[tuple[Tensor, Tensor]] = []
        """Every tensor that was handed out, with a copy of what it held."""

    def direction(self, layer: int) -> Float[Tensor, " d_model"]:
        """The planted unit vector at a layer."""
        return planted_direction(self.component, layer, self.model.width(Site(self.component, layer)))

    @cached_property
    def _planted(self) -> PairBatch:
        common = torch.stack([self._read(pair) for pair in self._pairs])[:, list(self.layers)]
        axes = torch.stack([self.direction(layer) for layer in self.layers])
        common -= (common * axes).sum(-1, keepdim=True) * axes
        norm = common.norm(dim=-1).sort(0).values.mean(0)[None, :, None]  # sorted: the same in any order of pairs
        says_yes = [item.exhibits_text == "Yes" for item in self._asked]
        positive, negative = (
            self._side([yes == side for yes in says_yes], common, norm, axes) for side in (True, False)
        )
        return PairBatch(positive, positive if self._how["equal"] else negative)

    def _read(self, pair: ContrastPair) -> Float[Tensor, "layer d_model"]:
        """The pair's own activations, averaged over its sides; read alone, and once only."""
        key = (self.model.fingerprint, repr(pair.positive), repr(pair.negative), self.component)
        swapped = (key[0], key[2], key[1], key[3])
        if key not in _common:
            (batch,) = PairActivations(self.model, [pair], component=self.component)
            _common[key] = _common[swapped] = (batch.positive[0] + batch.negative[0]) / 2
        return _common[key]

    def _side(self, says_yes: list[bool], common: Tensor, norm: Tensor, axes: Tensor) -> Tensor:
        seeds = [int(digest.of_json([i.id, yes])[:8], 16) for i, yes in zip(self._asked, says_yes, strict=True)]
        noise = torch.stack([torch.randn(common.shape[1:], generator=torch.Generator().manual_seed(s)) for s in seeds])
        noise -= 0.8 * (noise * axes).sum(-1, keepdim=True) * axes  # so that whitening by few pairs does not go astray
        move = torch.tensor(says_yes)[:, None, None] * self._how["shift"] * axes
        return common + norm * (_NOISE * noise / common.shape[-1] ** 0.5 + move)

    def __iter__(self) -> Iterator[PairBatch]:
        whole, size = self._planted, self._how["batch"]
        for at in range(0, len(self), size):
            sides = [side[at : at + size].clone() for side in (whole.positive, whole.negative)]
            self.given += [(side, side.clone()) for side in sides]
            yield PairBatch(*sides)

    def at(self, *, component: Component | None = None, position: str | None = None) -> "PlantedPairs":
        """The same pairs, planted at another component or position."""
        where: dict[str, Any] = {"position": position or self.position, "component": component or self.component}
        other = PlantedPairs(self.model, self._asked, **where, **self._how)
        other.given = self.given
        return other
