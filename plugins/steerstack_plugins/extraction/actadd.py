"""ActAdd: the difference of two prompts' activations, added position by position."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, final

from pydantic import Field

from steerstack.contracts import Edit, Extractor, Fitted
from steerstack.errors import DegenerateDirectionError
from steerstack.steering.intervention import Plan
from steerstack.steering.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steerstack.contracts import PairStream
    from steerstack.steering.site import Component
    from steerstack.steering.vector import SteeringVector
    from steerstack.trace.model import Model


def _aligned_ids(model: Model, texts: Sequence[str]) -> list[list[int]]:
    """Token ids of each text, with the model's opening token, padded on the right with the space token."""
    from steerstack.data.prompts import Prompt

    def ids(text: str) -> list[int]:
        return list(model.tokenizer(text, add_special_tokens=False)["input_ids"])

    bos = model.tokenizer.bos_token_id
    opens = bos is not None and model.format.sequence(Prompt("Hi")).ids[0] == bos
    rows = [[bos] * opens + ids(text) for text in texts]
    longest = max(map(len, rows))
    return [row + ids(" ")[-1:] * (longest - len(row)) for row in rows]


@final
class ActAdd(Extractor):
    """Activation addition from one pair of prompts.

    Source: Turner et al., arXiv 2308.10248, algorithm 1. ``h_A = h(p+) - h(p-)`` at every
    position of the two prompts, the shorter of which is padded on the right with the token of a
    space. Site ``resid_pre``: the residual stream that enters each layer. Not normalised; the
    paper's strengths are 1 to 15. Sign: towards ``positive``. The contrast pairs of the data set
    are not used.

    It acts by the edit ``aligned-add``: row i is added at position i of the prompt, not
    everywhere. The prompts are written without a chat template. Where the model's own prompts
    begin with a beginning-of-sequence token, so do these: then position 0 is that token, whose
    difference is zero, and the words begin at position 1. Elsewhere position 0 is the first
    token of the words. In a chat model the first positions of a conversation are those of the
    template's opening; ``aligned-add`` has an ``offset``.

    The direction is the sum of the rows, for comparison with other vectors; the rows are the
    part ``aligned``: [position, d_model].
    """

    name = "actadd"
    paper = "arXiv 2308.10248"
    scales = (1.0, 5.0, 15.0)
    component: ClassVar[Component] = "resid_pre"

    positive: str = Field(description="The prompt that is added, such as 'Love'.")
    negative: str = Field(description="The prompt that is subtracted, such as 'Hate'.")

    def fit(self, pairs: PairStream) -> Fitted:
        """Run both prompts once, and subtract."""
        from steerstack.engine.hidden import hidden_states
        from steerstack.steering.site import Site
        from steerstack.steering.tokens import TokenSequence

        model = pairs.model
        rows = _aligned_ids(model, (self.positive, self.negative))
        if rows[0] == rows[1]:
            raise DegenerateDirectionError(
                "The two prompts are the same.",
                seen=f"{self.positive!r} and {self.negative!r}, both {len(rows[0])} tokens after padding",
                fix="Give two different prompts.",
            )
        sequences = [TokenSequence(tuple(row), len(row), len(row)) for row in rows]
        states = hidden_states(model, sequences, [Site(pairs.component, layer) for layer in pairs.layers])
        aligned = {site.layer: hidden[0].float().cpu() - hidden[1].float().cpu() for site, hidden in states.items()}
        directions = {layer: rows.sum(0) for layer, rows in aligned.items()}
        record = {"tokens": [model.tokenizer.convert_ids_to_tokens(row) for row in rows]}
        return Fitted(directions, edit="aligned-add", parts={"aligned": aligned}, record=record)


@final
class AlignedAdd(Edit):
    """Add row i of a vector at position i of the prompt: ``h_i + scale * a_i``.

    Source: Turner et al., arXiv 2308.10248, algorithm 1, with their alignment position 1
    for ``offset`` 0. The positions are the method's own: the selection of tokens is not
    used. Rows of zeros (a shared opening token) are left out. Prompts shorter than the rows
    are refused when they are run.
    """

    name = "aligned-add"
    paper = "arXiv 2308.10248"

    offset: int = Field(0, ge=0, description="Position of the prompt at which row 0 is added.")

    def plan(self, vector: SteeringVector, layer: int, scale: float, tokens: Tokens) -> Plan:
        """One addition for each row."""
        from steerstack.steering.edits import Add

        rows = vector.part("aligned", layer)
        return Plan(
            tuple(
                Add(vector.site(layer), row, scale, selection=Tokens.at(position + self.offset))
                for position, row in enumerate(rows)
                if bool(row.any())
            )
        )
