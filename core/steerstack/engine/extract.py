"""Activations of contrast pairs, streamed: all layers in one pass, shared prefixes run once."""

from collections.abc import Callable, Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from steerstack.asking import ContrastPair, Read
from steerstack.contracts import PairBatch, PairStream
from steerstack.engine.batches import TOKENS, Batch
from steerstack.engine.tree import Tree
from steerstack.site import Component, Site
from steerstack.tokens import TokenSequence
from steerstack.trace.forward import Pass, run
from steerstack.trace.model import Model

PART = 4096
"""Pairs laid out at a time, so that their trees need not all be held."""


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
        Bound on the tokens of one forward pass.
    progress:
        Told how many pairs are done.
    """

    def __init__(
        self,
        model: Model,
        pairs: Sequence[ContrastPair],
        *,
        component: Component = "resid_post",
        layers: Sequence[int] | None = None,
        tokens: int = TOKENS,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        self._model, self._pairs, self._tokens, self._progress = model, pairs, tokens, progress
        self._layers = tuple(layers) if layers is not None else tuple(range(model.n_layers))
        self._sites = [Site(component, layer) for layer in self._layers]
        for site in self._sites:
            model.check_site(site)

    @property
    def layers(self) -> Sequence[int]:
        """The 0-based layers along the ``layer`` axis."""
        return self._layers

    def __len__(self) -> int:
        return len(self._pairs)

    def __iter__(self) -> Iterator[PairBatch]:
        for at in range(0, len(self._pairs), PART):
            part = self._pairs[at : at + PART]
            shared = self._model.runs_trees(max(len(_cut(side)) for pair in part for side in _sides(pair)))
            laid_out = sorted((_lay_out(pair, shared) for pair in part), key=lambda of_pair: -_width(of_pair))
            yield from self._chunks(laid_out)

    def _chunks(self, pairs: Sequence[list["_Laid"]]) -> Iterator[PairBatch]:
        at = 0
        while at < len(pairs):
            size = max(1, self._tokens // (_width(pairs[at]) * len(pairs[at])))
            chunk = [laid for of_pair in pairs[at : at + size] for laid in of_pair]
            # one tree of two sides or two of one: either way pairs come out in order
            values = self._run(chunk)
            sides = values.reshape(-1, 2, *values.shape[1:])
            yield PairBatch(sides[:, 0], sides[:, 1])
            if self._progress:
                self._progress(len(sides))
            at += size

    def _run(self, laid: Sequence["_Laid"]) -> Float[Tensor, "side layer d_model"]:
        batch = Batch(tuple(range(len(laid))), tuple(tree for tree, _ in laid))
        reads = [(row, nodes) for row, (_, sides) in enumerate(laid) for nodes in sides]
        row = torch.tensor([row for row, nodes in reads for _ in nodes])
        node = torch.tensor([node for _, nodes in reads for node in nodes])
        side = torch.tensor([index for index, (_, nodes) in enumerate(reads) for _ in nodes])
        counts = torch.tensor([float(len(nodes)) for _, nodes in reads])

        def mean(hidden: Tensor) -> Tensor:
            total = torch.zeros(len(reads), hidden.shape[-1], device=hidden.device)
            total.index_add_(0, side.to(hidden.device), hidden[row, node].float())
            return total.cpu() / counts[:, None]

        outcome = run(
            self._model,
            Pass(
                batch.ids,
                batch.sees if batch.branched else batch.exists,
                positions=batch.positions,
                read=dict.fromkeys(self._sites, mean),
            ),
        )
        return torch.stack([outcome.read[site] for site in self._sites], 1)


_Laid = tuple[Tree, list[Sequence[int]]]
"""A tree, and for each side laid out in it the nodes that are averaged."""


def _sides(pair: ContrastPair) -> tuple[Read, Read]:
    return pair.positive, pair.negative


def _cut(read: Read) -> TokenSequence:
    """The sequence up to the last position that is read: later tokens cannot change it."""
    end, sequence = read.positions[-1] + 1, read.sequence
    return TokenSequence(sequence.ids[:end], min(sequence.response_start, end), min(sequence.answer_start, end))


def _lay_out(pair: ContrastPair, shared: bool) -> list[_Laid]:
    """Both sides on one tree, or on one each."""
    if not shared:
        return [(Tree.of([_cut(side)], whole=True), [side.positions]) for side in _sides(pair)]
    tree = Tree.of([_cut(side) for side in _sides(pair)], whole=True)
    return [(tree, [tree.nodes(index, side.positions) for index, side in enumerate(_sides(pair))])]


def _width(of_pair: list[_Laid]) -> int:
    return max(len(tree) for tree, _ in of_pair)
