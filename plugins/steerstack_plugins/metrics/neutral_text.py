"""What a plan costs on text of no behaviour: divergence from the unsteered model, and perplexity."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, final

from pydantic import Field

from steerstack.contracts import Measured, Metric
from steerstack.errors import DataError
from steerstack.util import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from steerstack.steering.intervention import Plan
    from steerstack.trace.model import Model


@final
class NeutralText(Metric):
    """KL(steered || unsteered) per token, and cross-entropy, on running text outside any conversation.

    Every token but the first is read, and the whole text counts as response, so that a plan for
    the response acts on all of it. The measure of cost in ITI (arXiv 2306.03341, section 5.2).
    """

    name = "neutral-text"
    paper = "arXiv 2306.03341"
    headline: ClassVar[str] = "kl"
    higher: ClassVar[str] = "departs further from the unsteered model"
    role: ClassVar[Literal["target", "side-effect", "other"]] = "side-effect"

    data: str = Field("", description="A text file, its texts parted by blank lines; empty for the shipped ones.")
    limit: int | None = Field(None, ge=1, description="Number of texts, from the first on.")

    def texts(self) -> tuple[list[str], str]:
        """The texts, and where they are from.

        Raises
        ------
        DataError
            The file is missing or holds no text.
        """
        from steerstack.data.table_files import read_text
        from steerstack.measure.neutral_text import paragraphs

        if not self.data:
            return list(paragraphs()[: self.limit]), "steerstack:neutral"
        parts = read_text(Path(self.data)).split("\n\n")
        texts = [" ".join(part.split()) for part in parts if part.strip()][: self.limit]
        if not texts:
            raise DataError(f"{self.data} holds no text.", fix="Write texts parted by blank lines.")
        return texts, self.data

    def measure(
        self, model: Model, plans: Sequence[Plan], *, progress: Callable[[int], None] | None = None
    ) -> list[Measured]:
        """Every text under every plan; the perplexity over all texts weighs each text alike."""
        import numpy as np

        from steerstack.engine.divergence import divergence
        from steerstack.engine.layout.edited_nodes import count_edited

        texts, origin = self.texts()
        sequences = [model.format.plain(text) for text in texts]
        short = next((text for text, sequence in zip(texts, sequences, strict=True) if len(sequence) < 2), None)
        if short is not None:
            raise DataError(f"The text {short!r} is a single token, which nothing precedes.", fix="Use longer texts.")
        for plan in plans:
            model.check_plan(plan)
        counts = [count_edited(plan, [[s] for s in sequences]).require(plan) for plan in plans]
        costs = divergence(model, sequences, plans)
        if progress:
            progress(len(sequences) * len(plans))
        return [
            Measured(
                ids=tuple(f"neutral-{number}" for number in range(1, len(texts) + 1)),
                values={
                    "kl": np.array(cost.kl),
                    "cross_entropy": np.array(cost.cross_entropy),
                    "perplexity": np.exp(cost.cross_entropy),
                },
                about={
                    "metric": self.name,
                    "definition": {
                        "kl": "mean over a text's tokens of KL(steered || unsteered) of the next token, nats",
                        "cross_entropy": "mean over a text's tokens of -log P(token | before), nats",
                        "perplexity": "exp of cross_entropy",
                    },
                    "perplexity": float(np.exp(np.mean(cost.cross_entropy))),
                    "data": origin,
                    "data_digest": digest.of_json(texts),
                    "n": len(texts),
                    "tokens": sum(len(sequence) - 1 for sequence in sequences),
                },
                edited=count.positions,
            )
            for cost, count in zip(costs, counts, strict=True)
        ]
