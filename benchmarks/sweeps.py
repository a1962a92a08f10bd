"""The sweep: items x scales x layers, scored by the log-odds of the two letters."""

from collections.abc import Callable
from functools import partial

import limit
import peers
import peers_nnsight
import peers_transformer_lens
import torch
from stage import SCALES, Stage
from timing import Runs, Table, timed
from torch import Tensor

from steerstack import Add, Plan, Site, Tokens
from steerstack.data.questions import Question
from steerstack.engine.score import score

PEERS: dict[str, tuple[str, Callable[..., peers.Forward]]] = {
    "nnsight {version}": ("nnsight", peers_nnsight.arm),
    "steering-vectors {version}": ("steering_vectors", peers.steering_vectors_arm),
    "TransformerLens {version}": ("transformer_lens", peers_transformer_lens.arm),
    "repeng {version} (with np.float_ put back)": ("repeng", peers.repeng_arm),
}


def sweep(stage: Stage, everywhere: bool) -> Table:
    """Ours against the limit, the loop of forward hooks, and peers; what edits one arm at a time is scaled."""
    model, questions, vector = stage.model, stage.questions, stage.vector
    tokens = Tokens("all" if everywhere else "response")
    arms = [Plan((Add(Site("resid_post", x), vector[x], s, selection=tokens),)) for x in stage.layers for s in SCALES]
    table = Table(
        "sweep, every token edited" if everywhere else "sweep, edited from the end of the instruction on",
        f"{len(questions)} items x {len(SCALES)} scales x {len(stage.layers)} layers",
        "largest difference in log-odds from steerstack",
    )
    prompts = [list(q.exhibits.ids[:-1]) for q in questions]
    options = [(q.exhibits.ids[-1], q.contrast.ids[-1]) for q in questions]
    starts = [q.exhibits.response_start for q in questions]
    vectors = {x: vector[x] for x in stage.layers}
    batch = max(1, stage.tokens // max(map(len, prompts)))

    def by_hand() -> Tensor:
        if everywhere:
            return limit.sweep_all(model.module, prompts, options, vectors, list(SCALES), batch)
        return limit.sweep_from(model.module, prompts, starts, options, vectors, list(SCALES), batch)

    repeats = stage.peer_repeats if everywhere else stage.repeats
    limit_seconds, expected = timed(by_hand, repeats)
    seconds, scores = timed(lambda: score(model, [q.pair for q in questions], arms, tokens=stage.tokens), repeats)
    odds = torch.tensor([[s.total(i, 0) - s.total(i, 1) for i in range(len(questions))] for s in scores])
    table.add("bare PyTorch that shares by hand", limit_seconds, worst(expected.reshape(len(arms), -1), odds))
    table.add("steerstack", seconds)

    def one_arm(factory: Callable[..., peers.Forward], arm: int) -> tuple[Runs, float, str]:
        layer, scale = stage.layers[arm // len(SCALES)], SCALES[arm % len(SCALES)]
        forward = factory(model, layer, scale * vector[layer])
        seconds, got = timed(lambda: each_option(stage, forward, everywhere), stage.peer_repeats, len(arms))
        return seconds, worst(got, odds[arm]), f"1 of {len(arms)} arms, times {len(arms)}"

    first, last = one_arm(peers.hook_arm, 0), one_arm(peers.hook_arm, len(arms) - 1)
    table.add("loop of forward hooks", first[0] + last[0], max(first[1], last[1]), "2 arms, scaled likewise")
    for name, (package, factory) in PEERS.items():
        if package != "repeng" or everywhere:  # repeng edits every token
            table.peer(name, package, partial(one_arm, factory, len(arms) // 2))
    return table


def worst(found: Tensor, ours: Tensor) -> float:
    return float((found - ours).abs().max())


@torch.no_grad()
def each_option(stage: Stage, forward: peers.Forward, everywhere: bool) -> Tensor:
    """Log-odds of each item under one arm, both of its options run whole."""
    questions: list[Question] = stage.questions
    sequences = [s for q in questions for s in q.pair]
    begin = [0 if everywhere else q.exhibits.response_start for q in questions for _ in q.pair]
    log_probabilities = torch.empty(len(sequences))
    for index, ids, mask, last in peers.batches([list(s.ids) for s in sequences], stage.model.device):
        start = torch.tensor([begin[i] for i in index], device=ids.device)
        where = (torch.arange(ids.shape[1], device=ids.device)[None] >= start[:, None]).float()
        rows = torch.arange(len(ids), device=ids.device)
        logp = forward(ids, mask, where)[rows, last - 1].float().log_softmax(-1)
        log_probabilities[index] = logp[rows, ids[rows, last]].cpu()
    return log_probabilities[::2] - log_probabilities[1::2]
