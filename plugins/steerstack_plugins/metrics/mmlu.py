"""MMLU: knowledge by questions with four options, as a measure of what steering costs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, ClassVar, Literal, final

from pydantic import Field

from steerstack.contracts import Measured, Metric
from steerstack.data.items import LETTERS, Item
from steerstack.data.table_files import Row, cell, rows
from steerstack.errors import DataError
from steerstack.util import digest
from steerstack_plugins.metrics.common import sources

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from jaxtyping import Float
    from numpy import ndarray

    from steerstack.data.prompts import ChatFormat
    from steerstack.steering.intervention import Plan
    from steerstack.steering.tokens import TokenSequence
    from steerstack.trace.model import Model

_SCORED = {
    "letter": "log-probability of each option's letter",
    "text": "log-probability per token of each option's own words, without a list of options",
}


@final
class MMLU(Metric):
    """Four-way accuracy and probability of the right option (Hendrycks et al., arXiv 2009.03300).

    By letter in the model's chat format, with the assistant's turn begun by ``(``, or in the
    authors' text form (``A. ...``, ``Answer:``) without examples. A model that answers by
    letter and not by content is at chance: the shares of its letters say so, and ``score=text``
    needs none.
    """

    name = "mmlu"
    paper = "arXiv 2009.03300"
    headline: ClassVar[str] = "accuracy"
    higher: ClassVar[str] = "knows more"
    role: ClassVar[Literal["target", "side-effect", "other"]] = "side-effect"

    data: str = Field(
        "",
        description="A CSV file with columns question, choice0 .. choice3, answer (0-based, or a letter), or a folder "
        "of them; empty for mmlu/test below STEERSTACK_DATA where it is there, else the shipped questions.",
    )
    limit: int | None = Field(None, ge=1, description="Number of questions, taken from all files of a folder in turn.")
    system: str | None = Field(None, description="A system prompt; without a chat template it goes in front.")
    score: Literal["letter", "text"] = Field("letter", description="Score the letters, or the options' own words.")
    chat: bool = Field(True, description="Ask in the model's chat format; else in the authors' text form.")

    def items(self) -> tuple[list[Item], str]:
        """The questions, the right option exhibiting, and where they are from."""
        path = sources.locate(self.data, "mmlu/test", "general-knowledge.csv")
        return read_questions(path)[: self.limit], sources.origin(path)

    def ask(self, format: ChatFormat, item: Item) -> list[TokenSequence]:
        """The question with each option, or each letter."""
        from steerstack.data.prompts import Prompt

        letters = LETTERS[: len(item.options)]
        if self.chat and self.score == "letter":
            return format.labels(Prompt(item.listed(), self.system, "("), letters)
        if self.chat:
            return format.answers(Prompt(item.question, self.system), item.options)
        head = f"{self.system}\n\n" if self.system else ""
        subject = f" about {item.topic}" if item.topic else ""
        if self.score == "text":
            return format.completions(
                f"{head}Question: {item.question}", "\nAnswer:", [f" {option}" for option in item.options]
            )
        options = "".join(f"\n{letter}. {text}" for letter, text in zip(letters, item.options, strict=True))
        turn = f"{head}The following are multiple choice questions (with answers){subject}.\n\n{item.question}{options}"
        return format.completions(turn, "\nAnswer:", [f" {letter}" for letter in letters])

    def measure(
        self, model: Model, plans: Sequence[Plan], *, progress: Callable[[int], None] | None = None
    ) -> list[Measured]:
        """Every question under every plan, by one call of the engine."""
        import numpy as np

        from steerstack.engine.score import score
        from steerstack.stats.item_clusters import groups_of

        items, origin = self.items()
        groups = [self.ask(model.format, item) for item in items]
        arms = score(model, groups, plans, progress=progress)
        about = self._about(items, origin)
        right, clusters = np.array([item.exhibits for item in items]), groups_of(items)
        per = np.mean if self.score == "text" else np.sum
        return [
            Measured(
                ids=tuple(item.id for item in items),
                values=_values(logp := np.array([[per(t) for t in group] for group in arm.tokens]), right),
                about=about,
                confounds=_confounds(logp, right, letters=self.score == "letter"),
                edited=arm.edited.positions,
                groups=clusters,
            )
            for arm in arms
        ]

    def _about(self, items: Sequence[Item], origin: str) -> dict[str, object]:
        return {
            "metric": self.name,
            "definition": {
                "accuracy": "1 where the right option is more probable than each of the others",
                "p_correct": "probability of the right option among the options",
                "log_odds": "log p_correct - log(1 - p_correct), nats",
            },
            "score": self.score,
            "scored": _SCORED[self.score],
            "format": "the model's chat format" if self.chat else "text, no examples",
            "system": self.system,
            "data": origin,
            "data_digest": digest.of_json([[i.id, i.topic, i.question, i.options, i.exhibits] for i in items]),
            "subjects": sorted({item.topic for item in items}),
            "n": len(items),
        }


def read_questions(path: Path) -> list[Item]:
    """Questions of one CSV file, or of all in a folder, row by row in turn.

    Raises
    ------
    DataError
        A row is not of the form, or the folder holds none.
    """
    files = sorted(path.glob("*.csv")) if os.path.isdir(path) else [path]
    if not files:
        raise DataError(f"{path} holds no CSV files.", fix="Give a CSV file, or a folder of them.")
    entries = [(n, at, _item(file, n, row)) for at, file in enumerate(files) for n, row in enumerate(rows(file), 1)]
    return [item for *_, item in sorted(entries, key=lambda entry: entry[:2])]


def _item(path: Path, number: int, row: Row) -> Item:
    options = tuple(cell(path, number, row, f"choice{i}").strip() for i in range(4))
    answer = cell(path, number, row, "answer").strip()
    place = "0123".find(answer) if answer.isdigit() else "ABCD".find(answer)
    if len(answer) != 1 or place < 0:
        raise DataError(f"Row {number} of {path} has the answer {answer!r}.", fix="Write 0 to 3, or A to D.")
    question = cell(path, number, row, "question").strip()
    subject = path.stem.removesuffix("_test").removesuffix("_dev").replace("_", " ").replace("-", " ")
    return Item(f"{path.stem}-{number}", question, options, place, int(place == 0), topic=subject)


def _values(
    logp: Float[ndarray, "item option"], right: Float[ndarray, " item"]
) -> Mapping[str, Float[ndarray, " item"]]:
    import numpy as np
    from scipy.special import logsumexp

    rest = logp.copy()
    of_right = logp[np.arange(len(right)), right]
    rest[np.arange(len(right)), right] = -np.inf
    return {
        "accuracy": (of_right > rest.max(1)).astype(float),
        "p_correct": np.exp(of_right - logsumexp(logp, axis=1)),
        "log_odds": of_right - logsumexp(rest, axis=1),
    }


def _confounds(
    logp: Float[ndarray, "item option"], right: Float[ndarray, " item"], *, letters: bool
) -> dict[str, float]:
    """Chance; by letter also how often each letter is chosen, and is right, and the mass of all four."""
    import numpy as np

    confounds = {"chance": 1 / logp.shape[1]}
    if not letters:
        return confounds
    choices = logp.argmax(1)
    for place in range(logp.shape[1]):
        confounds[f"chosen_{LETTERS[place]}"] = float((choices == place).mean())
        confounds[f"right_{LETTERS[place]}"] = float((right == place).mean())
    return confounds | {"option_mass": float(np.exp(logp).sum(1).mean())}
