"""Persona vectors: the model's own answers under opposite system prompts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, final

from pydantic import Field

from steerstack.contracts import Extractor, Fitted
from steerstack.errors import ExtractionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steerstack.contracts import PairStream
    from steerstack.data.items import DataSet, Item
    from steerstack.steering.tokens import TokenSequence
    from steerstack.trace.model import Model


@final
class PersonaVector(Extractor):
    """Mean activation over answers written under a system prompt for the behaviour, minus against it.

    Source: Chen et al., arXiv 2507.21509. The model answers the data's questions under system
    prompts that ask for the behaviour and under ones that ask against it; each answer is averaged
    over its tokens, and ``v_L`` is the mean over answers of the one kind minus that of the other.
    The data's own answers are not used.

    The authors cross 5 pairs of system prompts with 20 questions, 10 answers each, sampled, and
    keep an answer where a judge finds that it does as it was asked. Here each question is asked
    under one pair of system prompts after the other, ``rollouts`` times; there is no judge.
    Answers of no tokens are dropped, with their partner. ``filter="likelihood"`` also drops a
    pair of answers unless each is more likely under its own system prompt than under the other:
    it shows that the system prompt was heard, not that the behaviour is there.
    """

    name = "persona"
    paper = "arXiv 2507.21509"
    position = "response"

    positive: str | tuple[str, ...] = Field((), description="System prompts for the behaviour; the data's by default.")
    negative: str | tuple[str, ...] = Field((), description="System prompts against it; the data's by default.")
    rollouts: int = Field(1, ge=1, description="Answers to each question and side.")
    max_new_tokens: int = Field(48, ge=1, description="Longest answer, in tokens.")
    temperature: float = Field(1.0, ge=0, description="0 takes the most likely token.")
    top_p: float = Field(1.0, gt=0, le=1, description="Nucleus from which is drawn.")
    filter: Literal["none", "likelihood"] = Field("none", description="Which pairs of answers are dropped.")
    seed: int = Field(0, description="Of the draws.")

    def fit(self, pairs: PairStream) -> Fitted:
        """Write the answers, then read them."""
        from steerstack.data.questions import ContrastPair, Read
        from steerstack.engine.activations import PairActivations
        from steerstack_plugins.extraction.mean_difference import MeanDifference

        model = pairs.model
        questions = self._asked(pairs.data)
        answers = [self._write(model, [one.prompt(model, side) for one in questions], side) for side in (0, 1)]
        both_sides = [
            (one, positive, negative)
            for one, positive, negative in zip(questions, *answers, strict=True)
            if _answer(positive) and _answer(negative)
        ]
        selection = both_sides
        if self.filter == "likelihood" and both_sides:
            agrees = _agrees(model, both_sides)
            selection = [one for one, keep in zip(both_sides, agrees, strict=True) if keep]
        if not selection:
            raise ExtractionError(
                "No pair of answers is left.",
                seen=f"{len(questions)} asked, {len(both_sides)} answered on both sides, filter {self.filter!r}",
                fix="Use filter=none, more rollouts, or system prompts that the model follows.",
            )
        reads = [
            ContrastPair(one.id, *(Read(s, tuple(range(s.answer_start, len(s)))) for s in sides))
            for one, *sides in selection
        ]
        stream = PairActivations(model, reads, component=pairs.component, layers=pairs.layers)
        directions = MeanDifference().fit(stream)
        pairs.advance(len(pairs))
        record = {
            "asked": len(questions),
            "answered": len(both_sides),
            "kept": len(selection),
            "examples": [[model.tokenizer.decode(_answer(side)) for side in sides] for _, *sides in selection[:3]],
        }
        return Fitted(directions, record=record)

    def _asked(self, data: DataSet) -> list[_Asked]:
        """Each question under one pair of system prompts after the other."""
        prompts = (self.positive, self.negative)
        of_data = (data.prompts.positive, data.prompts.negative)
        sides = [((g,) if isinstance(g, str) else g) or d for g, d in zip(prompts, of_data, strict=True)]
        if not all(sides):
            raise ExtractionError(
                f"There are no system prompts for and against {data.behavior}.",
                seen=f"{len(sides[0])} for, {len(sides[1])} against, in {data.source}",
                fix="Use a data set that has them (`steerstack extract sycophancy`), or give them: "
                "--set positive='Always agree ...' --set negative='Never ...'.",
            )
        most = max(map(len, sides))
        if self.temperature == 0 and self.rollouts > most:
            raise ExtractionError(
                "Without sampling, further answers would repeat earlier ones.",
                seen=f"rollouts {self.rollouts}, temperature 0, {most} system prompts a side",
                fix="Use temperature=1, or fewer rollouts.",
            )
        return [
            _Asked(item, (sides[0][(index + turn) % len(sides[0])], sides[1][(index + turn) % len(sides[1])]), turn)
            for turn in range(self.rollouts)
            for index, item in enumerate(data)
        ]

    def _write(self, model: Model, prompts: Sequence[TokenSequence], side: int) -> list[TokenSequence]:
        """The prompts with the model's answers to them, up to where these end."""
        from steerstack.engine.decode.generate import generate
        from steerstack.engine.decode.sampling import Sampling, stop_tokens
        from steerstack.steering.intervention import Plan
        from steerstack.steering.tokens import TokenSequence

        sampling = Sampling(self.max_new_tokens, self.temperature, self.top_p, 2 * self.seed + side)
        (answers,) = generate(model, prompts, [Plan()], sampling)
        stops = stop_tokens(model)
        words = [tuple(token for token in answer if token not in stops) for answer in answers.tokens]
        return [
            TokenSequence(prompt.ids + answer, prompt.response_start, len(prompt))
            for prompt, answer in zip(prompts, words, strict=True)
        ]


@dataclass(frozen=True)
class _Asked:
    """A question and the two system prompts under which it is asked."""

    item: Item
    systems: tuple[str, str]
    turn: int

    @property
    def id(self) -> str:
        return f"{self.item.id}/{self.turn}"

    def prompt(self, model: Model, side: int) -> TokenSequence:
        from steerstack.data.prompts import Prompt

        system = "\n\n".join(part for part in (self.item.system, self.systems[side]) if part)
        return model.format.sequence(Prompt(self.item.question, system))


def _answer(sequence: TokenSequence) -> tuple[int, ...]:
    return sequence.ids[sequence.answer_start :]


MARGIN = 0.01
"""Nats by which an answer has to be more likely under its own system prompt: beyond rounding."""


def _agrees(model: Model, answered: Sequence[tuple[_Asked, TokenSequence, TokenSequence]]) -> list[bool]:
    """Whether both answers are more likely under their own system prompt than under the other."""
    from steerstack.engine.score import score
    from steerstack.steering.intervention import Plan
    from steerstack.steering.tokens import TokenSequence

    def under(one: _Asked, side: int, answer: tuple[int, ...]) -> TokenSequence:
        prompt = one.prompt(model, side)
        return TokenSequence(prompt.ids + answer, prompt.response_start, len(prompt))

    groups = [
        [
            under(one, prompt_side, _answer((positive, negative)[answer_side]))
            for answer_side in (0, 1)
            for prompt_side in (0, 1)
        ]
        for one, positive, negative in answered
    ]
    (scores,) = score(model, groups, [Plan()])
    return [
        min(scores.total(index, 0) - scores.total(index, 1), scores.total(index, 3) - scores.total(index, 2)) > MARGIN
        for index in range(len(groups))
    ]
