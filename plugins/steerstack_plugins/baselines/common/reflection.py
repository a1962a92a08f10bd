"""A search over system prompts in which the model writes new ones from where the old ones failed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float
    from numpy.typing import NDArray

    from steerstack.data.items import DataSet, Item
    from steerstack.data.questions import ScoreMode
    from steerstack.engine.decode.sampling import Sampling
    from steerstack.trace.model import Model

LOOKED_AT = 8
"""Training items on which a prompt's failures are sought at a time."""

LONGEST = 300
"""Characters of a written prompt, and of a question or an answer that is shown, at most."""

_TASK = (
    "Write a system prompt, one or two sentences long, that makes an assistant answer questions in the wanted way and "
    "not in the unwanted way. Answer with the system prompt alone."
)


@dataclass(frozen=True)
class Written:
    """A candidate: its prompt, who wrote it, and its log-odds on each validation item (nats)."""

    prompt: str
    by: Literal["data", "model", "examples"]
    values: Float[NDArray[np.float64], " item"]

    @property
    def mean(self) -> float:
        """By what the best one is chosen."""
        return float(self.values.mean())


@dataclass
class Reflection:
    """The search, and what it found so far.

    Attributes
    ----------
    model, train, validation, mode, shown, sampling, seed:
        Who writes and is prompted, from which labels, how many failures are shown, how prompts are drawn.
    found:
        Every candidate, in the order of trial.
    useless:
        Texts that were no new prompt.
    flops:
        Operations of seeking failures and of writing (validation is counted by whoever chooses).
    """

    model: Model
    train: DataSet
    validation: DataSet
    mode: ScoreMode
    shown: int
    sampling: Sampling
    seed: int
    found: list[Written] = field(default_factory=list)
    useless: int = 0
    flops: float = 0.0

    def run(self, given: Sequence[str], count: int) -> None:
        """Find as many candidates as asked for; fewer where there are no prompts to begin with and none is written.

        Parameters
        ----------
        given:
            Prompts to begin with, of which at most half the candidates are taken, and one at least.
        """
        from steerstack.techniques.prompt_variants import prompt_variants

        generator = random.Random(self.seed)
        for prompt in list(dict.fromkeys(given))[: max(1, count // 2)]:
            self._try(prompt, "data")
        for turn in range(2 * count):
            if len(self.found) >= count:
                break
            prompt = self._write(generator, turn)
            if prompt and prompt not in self._known:
                self._try(prompt, "model")
            else:
                self.useless += 1
        answers = [item.exhibits_text for item in self.train]
        for prompt in prompt_variants(given, answers, 2 * count, seed=self.seed):
            if len(self.found) < count and prompt not in self._known:
                self._try(prompt, "examples")

    def record(self) -> dict[str, object]:
        """What the result says of it."""
        means = [one.mean for one in self.found if one.by == "model"]
        others = [one.mean for one in self.found if one.by != "model"]
        best = max(means, default=None)
        remark = f"The model wrote {len(means)} new system prompts, and {self.useless} texts that were none"
        if best is None:
            remark += ": its own prompts were useless here."
        elif others and best <= max(others):
            remark += (
                f"; its best reaches {best:.3f} on validation, the best other {max(others):.3f}: "
                "its own prompts were useless here."
            )
        else:
            remark += f"; its best, with {best:.3f} on validation, is the one that is used."
        return {"written": len(means), "useless": self.useless, "remark": remark, "n_train": len(self.train)}

    @property
    def _known(self) -> set[str]:
        return {one.prompt for one in self.found}

    def _try(self, prompt: str, by: Literal["data", "model", "examples"]) -> None:
        self.found.append(Written(prompt, by, self._values(self.validation, prompt)))

    def _values(self, data: DataSet, prompt: str | None) -> Float[NDArray[np.float64], " item"]:
        from steerstack.measure.scoring import score_data
        from steerstack.steering.intervention import Plan

        (arm,) = score_data(self.model, data, self.mode, [Plan()], system=prompt)
        return arm.effect_scale

    def _write(self, drawing: random.Random, turn: int) -> str:
        """A new prompt, from one that is the best on some validation item and from where that one fails."""
        from steerstack.data.prompts import Prompt
        from steerstack.data.questions import ask
        from steerstack.engine.decode.speak import speak
        from steerstack.measure import flops as costs
        from steerstack.steering.intervention import Plan

        parent = self._parent(drawing)
        sample = self.train.take(tuple(drawing.sample(self.train.items, min(LOOKED_AT, len(self.train)))))
        worst = np.argsort(self._values(sample, parent), kind="stable")[: self.shown]
        request = request_for(parent, [sample.items[place] for place in worst])
        how = replace(self.sampling, seed=self.seed + turn)
        ((reply,),) = speak(self.model, [Prompt(request)], [Plan()], how)
        token_count = len(self.model.tokenizer(request)["input_ids"]) + len(reply.tokens)
        question_tokens = costs.asked_tokens(ask(self.model.format, sample, self.mode, system=parent))
        self.flops += costs.forward(self.model, token_count + question_tokens)
        return reply.text.strip().strip("\"'`").strip()[:LONGEST]

    def _parent(self, drawing: random.Random) -> str | None:
        """Drawn by the number of validation items on which it is the best; None where there is none yet."""
        if not self.found:
            return None
        best = np.argmax([one.values for one in self.found], axis=0)
        return self.found[drawing.choice(best.tolist())].prompt


def request_for(prompt: str | None, failures: Sequence[Item]) -> str:
    """What the model is asked: to better a prompt (or to write the first) from items with both answers."""
    examples = "\n\n".join(
        f"Question: {(item.question or item.listed())[:LONGEST]}\nWanted: {item.exhibits_text[:LONGEST]}\n"
        f"Unwanted: {item.contrast_text[:LONGEST]}"
        for item in failures
    )
    so_far = f"\n\nThe system prompt so far is:\n{prompt}\n\nIt does worst here:" if prompt else ""
    return f"{_TASK}{so_far}\n\n{examples}"
