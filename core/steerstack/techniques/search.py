"""Search the candidates of one vector, or of many vectors side by side, by the rule of the selection.

Many vectors share the unsteered work of each measurement, and all are treated alike: the study's vector and its nulls.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from steerstack.errors import StudyError
from steerstack.techniques.selection import FEW, KL_BUDGET, Candidate, Choice, Tried


@dataclass(frozen=True)
class Ask:
    """What a search wants to know of some candidates: their mean log-odds on validation, or their KL."""

    what: Literal["score", "cost"]
    of: tuple[Candidate, ...]


Search = Generator[Ask, Sequence[float], Choice]
"""Yields what it asks, is sent the answers in order, and returns the choice."""


def search(
    candidates: Sequence[Candidate], *, promise: Sequence[float] | None = None, kl: float | None = None
) -> Search:
    """Search the candidates of one vector.

    Parameters
    ----------
    candidates:
        In order: of equals the first is taken.
    promise:
        The effect of each to first order. The best :data:`FEW` are then measured, the next where none of those is
        within the budget, and so on; all of them are measured for None.
    kl:
        The cost at which all of them are held; then none is too dear.

    Raises
    ------
    StudyError
        There is no candidate.
    """
    _check(candidates)
    order = sorted(range(len(candidates)), key=lambda place: -promise[place]) if promise else range(len(candidates))
    step = FEW if promise else len(candidates)
    means: dict[int, float] = {}
    costs: dict[int, float] = {}

    def choice(place: int, *, within_budget: bool) -> Choice:
        tried = [
            Tried(one, means.get(at), costs.get(at), promise[at] if promise else None)
            for at, one in enumerate(candidates)
        ]
        return Choice(candidates[place], tuple(tried), within_budget=within_budget, kl=kl)

    for begun in range(0, len(order), step):
        part = sorted(order[begun : begun + step])
        scores = yield Ask("score", tuple(candidates[place] for place in part))
        means |= {place: float(mean) for place, mean in zip(part, scores, strict=True)}
        for place in sorted(part, key=lambda place: -means[place]):
            if kl is not None:
                return choice(place, within_budget=True)
            (costs[place],) = yield Ask("cost", (candidates[place],))
            if costs[place] <= KL_BUDGET:
                return choice(place, within_budget=True)
    return choice(min(costs, key=lambda place: (costs[place], place)), within_budget=False)


def choose_each(
    searches: Mapping[str, Search],
    score: Callable[[Sequence[tuple[str, Candidate]]], Sequence[float]],
    cost: Callable[[Sequence[tuple[str, Candidate]]], Sequence[float]],
) -> dict[str, Choice]:
    """Run searches side by side: what all of them ask at one time is answered in one go.

    Parameters
    ----------
    searches:
        By the name of the vector.
    score, cost:
        The mean log-odds on validation, and the KL per token on neutral text, of each (name, candidate).
    """
    choices: dict[str, Choice] = {}
    requests: dict[str, Ask] = {}

    def advance(name: str, answers: Sequence[float] | None) -> None:
        try:
            requests[name] = searches[name].send(answers)  # type: ignore[arg-type]
        except StopIteration as end:
            requests.pop(name, None)
            choices[name] = end.value

    for name in searches:
        advance(name, None)
    while requests:
        for what, answer in (("score", score), ("cost", cost)):
            mine = {name: ask for name, ask in requests.items() if ask.what == what}
            places = [(name, candidate) for name, ask in mine.items() for candidate in ask.of]
            answers = iter(answer(places) if places else ())
            for name, ask in mine.items():
                advance(name, [float(next(answers)) for _ in ask.of])
    return {name: choices[name] for name in searches}


def choose(
    candidates: Sequence[Candidate],
    score: Callable[[Sequence[Candidate]], Sequence[float]] | None,
    cost: Callable[[Candidate], float],
    *,
    promise: Sequence[float] | None = None,
    kl: float | None = None,
) -> Choice:
    """Choose among the candidates of one vector: see :func:`search`.

    Parameters
    ----------
    candidates, promise, kl:
        As there.
    score:
        The mean log-odds of each on validation items; None where there are no such items, and then it is the
        middle layer with the first of its strengths.
    cost:
        KL per token of one on neutral text; asked for only as far as the choice needs it.

    Raises
    ------
    StudyError
        There is no candidate.
    """
    _check(candidates)
    if score is None:
        layers = list(dict.fromkeys(candidate.layers for candidate in candidates))
        first = next(c for c in candidates if c.layers == layers[len(layers) // 2])
        return Choice(first, tuple(Tried(c, None) for c in candidates), within_budget=True, kl=kl)
    measure = score
    choices = choose_each(
        {"": search(candidates, promise=promise, kl=kl)},
        lambda places: measure([candidate for _, candidate in places]),
        lambda places: [cost(candidate) for _, candidate in places],
    )
    return choices[""]


def _check(candidates: Sequence[Candidate]) -> None:
    if not candidates:
        raise StudyError(
            "There is no layer and strength to choose from.", fix="Give --layers that the vector has, and strengths."
        )
