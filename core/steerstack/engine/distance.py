"""How far a condition is from the bare model on the same text: prompts, fine-tunes and edits on one scale."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from steerstack.engine.answers import run_batch
from steerstack.engine.divergence import TOKENS, Cost
from steerstack.engine.layout.batches import batches
from steerstack.engine.layout.readout import Readout
from steerstack.engine.layout.tree import Tree
from steerstack.engine.limits import check_fits
from steerstack.engine.proof import prove
from steerstack.errors import StudyError
from steerstack.steering.intervention import Plan
from steerstack.steering.tokens import TokenSequence
from steerstack.trace.model import Model
from steerstack.trace.remote.call import remotely


class _Distributions(Readout):
    """Keeps the whole next-token distribution."""

    def look_up(self, logits: Float[Tensor, "place vocab"]) -> Float[Tensor, "asked vocab"]:
        """Log-probabilities (nats) at each answer token."""
        place = torch.tensor([entry[2] for entry in self.asked], device=logits.device)
        return logits.float().log_softmax(-1)[place].cpu()


def _next_tokens(
    model: Model, text: TokenSequence, plans: Sequence[Plan]
) -> Mapping[int, Float[Tensor, "token vocab"]]:
    """Under each plan, all of which share the unsteered work."""
    prove(model)
    check_fits(model, [text], answered=True)
    (batch,) = batches(model, [Tree.of([text])], tokens=TOKENS)
    plain = Readout.of(batch.trees)
    return run_batch(model, batch, plans, TOKENS, _Distributions(plain.places, plain.asked))


Condition = tuple[Model, Sequence[TokenSequence], Plan]
"""Perhaps other weights, other words before the answers, an edit."""


def distances(base: Model, bare: Sequence[TokenSequence], conditions: Sequence[Condition]) -> list[Cost]:
    """KL between each condition and the bare model, both ways, and the condition's cross-entropy, per answer token.

    The bare model reads its texts once for all conditions. One on a server is compared there, with itself alone.

    Parameters
    ----------
    base, bare:
        The bare model and its texts.
    conditions:
        What is compared with it: the same answers, perhaps after other words.

    Raises
    ------
    StudyError
        The answers differ, so that their tokens cannot be compared one by one; or a condition has other weights than
        a model on a server.
    """
    if base.remote is None:
        return _compared(base, bare, conditions)
    if any(model is not base for model, _, _ in conditions):
        raise StudyError(
            "A model on a server cannot be compared with other weights.", fix="Compare it with prompts and edits alone."
        )
    return _compared_there(base, bare, [(texts, plan) for _, texts, plan in conditions])


@remotely(Cost)
def _compared_there(
    model: Model, bare: Sequence[TokenSequence], conditions: Sequence[tuple[Sequence[TokenSequence], Plan]]
) -> list[Cost]:
    return _compared(model, bare, [(model, texts, plan) for texts, plan in conditions])


def _compared(base: Model, bare: Sequence[TokenSequence], conditions: Sequence[Condition]) -> list[Cost]:
    costs: list[list[tuple[float, float, float]]] = [[] for _ in conditions]
    for place, before in enumerate(bare):
        answer = before.ids[before.answer_start :]
        for _, texts, _ in conditions:
            _check_same(answer, texts[place])
        alike: dict[tuple[int, TokenSequence], list[int]] = defaultdict(list)  # the same text in the same model
        for at, (model, texts, _) in enumerate(conditions):
            alike[id(model), texts[place]].append(at)
        mine = alike.pop((id(base), before), [])
        distributions = _next_tokens(base, before, [Plan(), *(conditions[at][2] for at in mine)])
        reference = distributions[0]
        of_conditions = {at: distributions[index] for index, at in enumerate(mine, 1)}
        for (_, text), others in alike.items():
            distributions = _next_tokens(conditions[others[0]][0], text, [conditions[at][2] for at in others])
            of_conditions |= {at: distributions[index] for index, at in enumerate(others)}
        for at, values in enumerate(costs):
            logp = of_conditions[at]
            kl = float((logp.exp() * (logp - reference)).sum(-1).mean())
            reverse = float((reference.exp() * (reference - logp)).sum(-1).mean())
            entropy = -float(logp[torch.arange(len(answer)), torch.tensor(answer)].mean())
            values.append((kl, entropy, reverse))
    return [Cost(*map(tuple, zip(*values, strict=True))) if values else Cost((), (), ()) for values in costs]


def _check_same(answer: Sequence[int], text: TokenSequence) -> None:
    other = text.ids[text.answer_start :]
    if other != answer:
        raise StudyError(
            "The same answer has other tokens in the two conditions.",
            seen=f"{len(answer)} and {len(other)} tokens",
            fix="Use texts whose first token does not merge with what precedes it.",
        )
