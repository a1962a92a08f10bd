"""Activations of contrast pairs, streamed: all layers in one pass, shared prefixes run once."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from steerstack.contracts import PairBatch, PairStream
from steerstack.data.questions import ContrastPair
from steerstack.engine.layout.batches import Batch, batches
from steerstack.engine.layout.pairs import Chunk, Laid, chunks, content_digest, order, total_tokens
from steerstack.engine.layout.prefix import Prefix, run_tokens
from steerstack.engine.limits import check_fits
from steerstack.engine.proof import prove
from steerstack.engine.resources.activation_set import NOWHERE
from steerstack.engine.resources.activation_store import ActivationStore
from steerstack.engine.resources.batch_size import batch_tokens, config_digest
from steerstack.engine.resources.memory import halved, unless_out_of_memory
from steerstack.steering.site import Component, Site
from steerstack.trace.forward import run
from steerstack.trace.model import Model
from steerstack.trace.remote.call import remotely
from steerstack.util import digest

PART = 512
"""Pairs laid out at a time, so that their trees need not all be held."""

ANSWER = 1 << 28
"""Bytes of the largest answer of a server: fewer pairs are laid out at a time where theirs would be larger."""

FORMAT = 3
"""Of the activations on disk: to be raised with any change of layout that changes a number or its place."""


class PairActivations(PairStream):
    """Runs a model over contrast pairs and averages each side over its positions.

    Parameters
    ----------
    model:
        The model.
    pairs:
        The two sides of each pair.
    component:
        Where to read.
    layers:
        Which layers; None for all.
    tokens:
        Bound on the tokens of one forward pass; None for what was measured to be fast. It is
        halved where the device runs out of memory.
    progress:
        Told how many pairs are done.
    store:
        Where activations are kept from one stream to the next; None for nowhere.
    """

    def __init__(
        self,
        model: Model,
        pairs: Sequence[ContrastPair],
        *,
        component: Component = "resid_post",
        layers: Sequence[int] | None = None,
        tokens: int | None = None,
        progress: Callable[[int], None] | None = None,
        store: ActivationStore | None = None,
    ) -> None:
        self._model, self._pairs, self._given, self._progress = model, pairs, tokens, progress
        self._store = store
        self._fits: int | None = None  # the bound after the device ran out of memory
        self._layers = tuple(layers) if layers is not None else tuple(range(model.n_layers))
        self._component = component
        self._sites = [Site(component, layer) for layer in self._layers]
        for site in self._sites:
            model.check_site(site)

    @property
    def layers(self) -> Sequence[int]:
        """The 0-based layers along the ``layer`` axis."""
        return self._layers

    @property
    def component(self) -> Component:
        """Where the activations are read."""
        return self._component

    def __len__(self) -> int:
        return len(self._pairs)

    def __iter__(self) -> Iterator[PairBatch]:
        shape = self._shape
        size = 4 * 2 * len(self._pairs) * shape[0] * shape[1]
        store = self._store if self._store is not None and self._store.limit else None
        number = 0
        prove(self._model)
        sides = [(pair.id, side.sequence) for pair in self._pairs for side in (pair.positive, pair.negative)]
        check_fits(self._model, [sequence for _, sequence in sides], lambda index: f"Item {sides[index][0]!r}")
        with store.open(self.key, size) if store else NOWHERE as activations:
            part = self._part
            for at in range(0, len(self._pairs), part):
                prefix: Prefix | None = None
                pairs, there = self._pairs[at : at + part], list[PairBatch]()
                for index, chunk in enumerate(chunks(self._model, pairs, tokens=self.tokens)):
                    batch = activations.read(number, (len(chunk.pairs), *shape))
                    if batch is None:
                        if self._model.remote is not None:
                            there = there or _there(self._model, pairs, self._component, self._layers, self.tokens)
                            batch = chunk.turned(there[index])
                        else:
                            prefix = prefix or run_tokens(self._model, chunk.trees[0][0], chunk.prefix)
                            batch = self._within_memory(chunk, prefix)
                        activations.write(number, batch)
                    number += 1
                    yield chunk.turned(batch)
                    if self._progress:
                        self._progress(len(chunk.pairs))
            if activations.finish(number) and store:
                store.make_room()

    @property
    def stored(self) -> bool:
        """Whether all of it was read before and is in the store, so that the model is not run."""
        return self._store is not None and self._store.holds(self.key)

    @cached_property
    def order(self) -> Sequence[int]:
        """Numbers of the pairs in the order in which they come: the longest of each part first."""
        part = self._part
        starts = range(0, len(self._pairs), part)
        return [at + number for at in starts for number in order(self._model, self._pairs[at : at + part])]

    @property
    def _shape(self) -> tuple[int, int]:
        """Layers, and the width of what is read."""
        return (len(self._sites), self._model.width(self._sites[0]) if self._sites else 0)

    @property
    def _part(self) -> int:
        """Pairs laid out at a time."""
        if self._model.remote is None:
            return PART
        shape = self._shape
        return min(PART, max(1, ANSWER // (4 * 2 * max(1, shape[0] * shape[1]))))

    @cached_property
    def tokens(self) -> int:
        """Bound on the tokens of one forward pass."""
        return self._given or batch_tokens(self._model, total_tokens(self._pairs))

    @cached_property
    def key(self) -> str:
        """Digest of all that decides the activations, batch by batch."""
        model = self._model
        device = model.device.type if model.remote is None else f"of {model.remote}"
        how = [str(model.dtype), device, self.tokens, prove(model).to_json()]
        what = [self._component, list(self._layers), content_digest(self._pairs)]
        return digest.of_json([FORMAT, model.fingerprint, config_digest(model), *how, *what])

    def _within_memory(self, chunk: Chunk, prefix: Prefix) -> PairBatch:
        """Run a chunk, in smaller parts where the device runs out of memory."""
        results: list[PairBatch] | None = None
        while results is None:
            parts = list(chunk.cut(self._fits or self.tokens))
            results = unless_out_of_memory(partial(self._run_all, parts, prefix))
            if results is None:
                self._fits = halved(self._fits or self.tokens)
        if len(results) == 1:
            return results[0]
        return PairBatch(torch.cat([part.positive for part in results]), torch.cat([part.negative for part in results]))

    def _run_all(self, parts: Sequence[Chunk], prefix: Prefix) -> list[PairBatch]:
        return [self._run(part, prefix) for part in parts]

    def _run(self, chunk: Chunk, prefix: Prefix) -> PairBatch:
        laid = chunk.trees
        widest = max(len(tree) for tree, _ in laid)
        if len(laid) == 1 or all(self._model.may(shortcut, widest) for shortcut in ("rows", "padding")):
            values = self._run_trees(laid, prefix)
        else:
            means: dict[int, Tensor] = {}
            for batch in batches(self._model, [tree for tree, _ in laid], tokens=self.tokens):
                part = self._run_trees([laid[index] for index in batch.index], prefix)
                sides = [len(laid[index][1]) for index in batch.index]
                means.update(zip(batch.index, torch.split(part, sides), strict=True))
            values = torch.cat([means[index] for index in range(len(laid))])
        return PairBatch(values[0::2], values[1::2])

    def _run_trees(self, laid: Sequence[Laid], prefix: Prefix) -> Float[Tensor, "side layer d_model"]:
        """Run some trees in one pass; the mean of each side."""
        batch = Batch(tuple(range(len(laid))), tuple(tree for tree, _ in laid))
        mean = _Means(
            [(row, [node - prefix.length for node in nodes]) for row, (_, sides) in enumerate(laid) for nodes in sides]
        )
        outcome = run(self._model, replace(prefix.then(batch), read=dict.fromkeys(self._sites, mean)))
        return torch.stack([outcome.read[site] for site in self._sites], 1)


@remotely()
def read_pairs(
    model: Model, pairs: Sequence[ContrastPair], component: Component, layers: Sequence[int], tokens: int
) -> list[tuple[Tensor, Tensor]]:
    """Both sides of all pairs, chunk by chunk, where the model's weights are."""
    stream = PairActivations(model, pairs, component=component, layers=layers, tokens=tokens)
    return [(batch.positive, batch.negative) for batch in stream]


def _there(model: Model, *what: Any) -> list[PairBatch]:
    return [PairBatch(*sides) for sides in read_pairs(model, *what)]


class _Means:
    """The mean over the nodes of each side, in float32 on the CPU."""

    def __init__(self, reads: Sequence[tuple[int, Sequence[int]]]) -> None:
        self._row = torch.tensor([row for row, nodes in reads for _ in nodes])
        self._node = torch.tensor([node for _, nodes in reads for node in nodes])
        self._side = torch.tensor([index for index, (_, nodes) in enumerate(reads) for _ in nodes])
        self._counts = torch.tensor([float(len(nodes)) for _, nodes in reads])

    def __call__(self, hidden: Float[Tensor, "tree node d_model"]) -> Float[Tensor, "side d_model"]:
        total = torch.zeros(len(self._counts), hidden.shape[-1], device=hidden.device)
        total.index_add_(0, self._side.to(hidden.device), hidden[self._row, self._node].float())
        return total.cpu() / self._counts[:, None]
