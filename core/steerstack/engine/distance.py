"""How far a condition is from the bare model on the same text: prompts, fine-tunes and edits on one scale."""

from collections import defaultdict
from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from steerstack.engine.answers import run_batch
from steerstack.engine.divergence import Cost, Divergence, tokens_within
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

Distribution = Float[Tensor, "token vocab"]


def _compared_on(
    model: Model, text: TokenSequence, plans: Sequence[Plan], reference: Distribution | None = None
) -> tuple[list[tuple[float, float, float]], Distribution]:
    """KL from the reference, cross-entropy and KL of the reference, under each plan; and the reference.

    Where none is given it is the model's own unsteered pass, which the plans share.
    """
    prove(model)
    check_fits(model, [text], answered=True)
    tokens = tokens_within(model)
    (batch,) = batches(model, [Tree.of([text])], tokens=tokens)
    plain = Readout.of(batch.trees)
    readout = Divergence(plain.places, plain.asked, reference)
    arms = [*plans] if reference is not None else [Plan(), *plans]
    results = run_batch(model, batch, arms, tokens, readout)
    assert readout.reference is not None
    means = [results[at].mean(0).tolist() for at in range(len(arms) - len(plans), len(arms))]
    return [(kl, entropy, reverse) for kl, reverse, entropy in means], readout.reference


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
        values, reference = _compared_on(base, before, [conditions[at][2] for at in mine])
        of_conditions = dict(zip(mine, values, strict=True))
        for (_, text), others in alike.items():
            plans = [conditions[at][2] for at in others]
            values, _ = _compared_on(conditions[others[0]][0], text, plans, reference)
            of_conditions |= zip(others, values, strict=True)
        for at, entries in enumerate(costs):
            entries.append(of_conditions[at])
    return [Cost(*map(tuple, zip(*values, strict=True))) if values else Cost((), (), ()) for values in costs]


def _check_same(answer: Sequence[int], text: TokenSequence) -> None:
    other = text.ids[text.answer_start :]
    if other != answer:
        raise StudyError(
            "The same answer has other tokens in the two conditions.",
            seen=f"{len(answer)} and {len(other)} tokens",
            fix="Use texts whose first token does not merge with what precedes it.",
        )
