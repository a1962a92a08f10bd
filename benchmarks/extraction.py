"""Extraction: mean difference of all layers at the answer's letter."""

from collections.abc import Callable
from functools import partial

import limit
import peers
import peers_nnsight
import peers_transformer_lens
import torch
from stage import Stage
from timing import Runs, Table, timed
from torch import Tensor

from steerstack.engine.activations import PairActivations
from steerstack_plugins.extraction.mean_difference import MeanDifference

PEERS: dict[str, tuple[str, Callable[..., Callable[[], Tensor]]]] = {
    "nnsight {version}, batches": ("nnsight", peers_nnsight.extract),
    "nnsight {version}, one prompt a trace": ("nnsight", partial(peers_nnsight.extract, one_by_one=True)),
    "steering-vectors {version}, train_steering_vector": ("steering_vectors", peers.steering_vectors_extract),
    "repeng {version}, reading (np.float_ put back)": ("repeng", peers.repeng_extract),
    "TransformerLens {version}, run_with_cache": ("transformer_lens", peers_transformer_lens.extract),
}


def extraction(stage: Stage) -> Table:
    """Ours against the limit, plain forward passes that read nothing, and peers."""
    model, pairs, sides = stage.model, stage.pairs, stage.sides
    table = Table("extraction", f"all layers from {len(pairs)} pairs", "largest relative difference from steerstack")
    batch = max(1, stage.tokens // max(len(side) for pair in sides for side in pair))
    limit_seconds, expected = timed(lambda: limit.mean_difference(model.module, sides, batch), stage.repeats)
    seconds, directions = timed(
        lambda: MeanDifference().fit(PairActivations(model, pairs, tokens=stage.tokens)), stage.repeats
    )
    ours = torch.stack([directions[layer] for layer in range(model.n_layers)])

    def apart(other: Tensor, layers: int = model.n_layers) -> float:
        return float(((other - ours).norm(dim=1) / ours.norm(dim=1))[:layers].max())

    @torch.no_grad()
    def plain() -> None:
        for _, ids, mask, _ in peers.batches([side for pair in sides for side in pair], model.device):
            model.module.model(input_ids=ids, attention_mask=mask)  # type: ignore[operator]

    table.add("bare PyTorch that shares by hand", limit_seconds, apart(expected))
    table.add("steerstack", seconds)
    table.add("plain batched forward passes, nothing read", timed(plain, stage.peer_repeats)[0])

    def of_peer(package: str, factory: Callable[..., Callable[[], Tensor]]) -> tuple[Runs, float, str]:
        seconds, got = timed(factory(model, sides), stage.peer_repeats)
        if package == "repeng":  # hidden_states[-1] of transformers
            return (
                seconds,
                apart(got, model.n_layers - 1),
                "but for the last layer, which it reads after the norm",
            )
        return seconds, apart(got), ""

    for name, (package, factory) in PEERS.items():
        table.peer(name, package, partial(of_peer, package, factory))
    return table
