"""What every edit has to do: algebra on plain tensors, and the engine's equality with the naive run."""

from __future__ import annotations

from functools import cache
from typing import ClassVar

import pytest
import torch

from steerstack.contracts import Edit
from steerstack.data.prompts import Prompt
from steerstack.engine.score import score
from steerstack.steering.intervention import Intervention, Plan
from steerstack.steering.tokens import Tokens
from steerstack.steering.vector import SteeringVector
from steerstack.techniques.apply import apply
from steerstack.testing.kit.contract import check, require
from steerstack.testing.kit.method import MethodContract
from steerstack.testing.models import LAYERS, WIDTH, tiny_model, tiny_tokenizer
from steerstack.testing.naive import naive_score
from steerstack.trace.model import Model
from steerstack.trace.open import open_model

SELECTIONS = (Tokens("all"), Tokens("prompt"), Tokens("response"), Tokens("last"), Tokens.at(0, 3, -2))
DTYPES = (torch.float32, torch.bfloat16)


def _noise(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@cache
def _tiny(architecture: str) -> Model:
    return open_model(tiny_model(architecture), tokenizer=tiny_tokenizer())


class EditContract(MethodContract):
    """Checks of an edit: ``class TestMine(EditContract): edit = Mine()``.

    Attributes
    ----------
    edit:
        The edit, with the parameters to check it by.
    parts:
        Names of the further tensors of a vector, each [d_model], that it needs.
    scales:
        Strengths to check; None for the edit's own, or -1.5, 0.5 and 2.
    """

    edit: ClassVar[Edit]
    parts: ClassVar[tuple[str, ...]] = ()
    scales: ClassVar[tuple[float, ...] | None] = None

    @property
    def subject(self) -> Edit:
        """The edit."""
        return self.edit

    @property
    def strengths(self) -> tuple[float, ...]:
        """Strengths to check."""
        return self.scales or self.edit.scales or (-1.5, 0.5, 2.0)

    def vector(self, seed: int = 0) -> SteeringVector:
        """A random vector, with the parts that the edit needs."""
        directions = {layer: _noise(seed * 97 + layer, WIDTH) for layer in range(LAYERS)}
        parts = {
            name: {layer: _noise(seed * 97 + 10 * place + layer, WIDTH) for layer in range(LAYERS)}
            for place, name in enumerate(self.parts, 1)
        }
        return SteeringVector(directions, parts=parts)

    def interventions(self, scale: float, layer: int = 1) -> tuple[Intervention, ...]:
        """What the edit's plan holds at one strength."""
        return self.plan(scale, layer).edits

    def plan(self, scale: float, layer: int = 1, tokens: Tokens | None = None, seed: int = 0) -> Plan:
        """The edit's plan, as the library makes it."""
        return apply(self.vector(seed), layer, scale, tokens=tokens, edit=self.edit)

    @check
    def test_scale_zero_is_the_identity(self) -> None:
        """Scale 0 edits nothing; any other strength edits something."""
        require(len(self.plan(0.0)) == 0, "Scale 0 gives a plan with edits.")
        for scale in self.strengths:
            require(len(self.plan(scale)) > 0, f"Scale {scale:g} gives an empty plan.")

    @check
    def test_inputs_untouched(self) -> None:
        """Activations and vector are left as they were."""
        vector = self.vector()
        before = vector.fingerprint
        for edit in apply(vector, 1, self.strengths[0], edit=self.edit):
            hidden = _noise(5, 2, 3, WIDTH)
            copy = hidden.clone()
            edit.edit(hidden)
            require(torch.equal(hidden, copy), f"{type(edit).__name__}.edit changes its input in place.")
        after = SteeringVector(vector.directions, vector.component, parts=vector.parts).fingerprint
        require(after == before, "The vector was changed in place.")

    @pytest.mark.parametrize("dtype", DTYPES, ids=str)
    @check
    def test_shape_and_dtype_kept(self, dtype: torch.dtype) -> None:
        """What comes out has the shape, dtype and device of what went in, also for no positions at all."""
        for scale in self.strengths:
            for edit in self.interventions(scale):
                for shape in ((WIDTH,), (3, WIDTH), (2, 3, WIDTH), (0, WIDTH)):
                    hidden = _noise(6, *shape).to(dtype)
                    result, want = edit.edit(hidden), (hidden.shape, hidden.dtype, hidden.device)
                    require(
                        (result.shape, result.dtype, result.device) == want,
                        f"Not {want}.",
                        seen=(result.shape, result.dtype),
                    )

    @check
    def test_position_by_position(self) -> None:
        """Each position is edited by itself: batches of any shape give the same."""
        for scale in self.strengths:
            for edit in self.interventions(scale):
                hidden = _noise(7, 2, 4, WIDTH)
                together, alone = edit.edit(hidden), [edit.edit(row) for row in hidden.reshape(-1, WIDTH)]
                gap = float((together.reshape(-1, WIDTH) - torch.stack(alone)).abs().max())
                require(gap < 1e-4, "The result depends on what else is in the batch.", seen=f"difference {gap:.2g}")

    @pytest.mark.parametrize("dtype", DTYPES, ids=str)
    @check
    def test_finite_on_zero(self, dtype: torch.dtype) -> None:
        """Activations that are zero give no NaN."""
        for scale in self.strengths:
            for edit in self.interventions(scale):
                result = edit.edit(torch.zeros(2, WIDTH, dtype=dtype))
                require(bool(result.isfinite().all()), f"Zero activations give NaN or infinity at scale {scale:g}.")

    @check
    def test_fingerprint_tells_scales_apart(self) -> None:
        """Plans of two strengths have two fingerprints, plans of one strength have one."""
        first = self.strengths[0]
        require(self.plan(first).fingerprint == self.plan(first).fingerprint, "The fingerprint is not stable.")
        require(
            self.plan(first).fingerprint != self.plan(first / 2).fingerprint,
            "Two strengths have one and the same fingerprint.",
            fix="Hold the strength in a field of the intervention.",
        )

    @pytest.mark.parametrize("architecture", ["llama", "bloom"])
    @check
    def test_equals_the_naive_run(self, architecture: str) -> None:
        """The engine's scores under random plans are those of plain forward hooks, sequence by sequence."""
        model = _tiny(architecture)
        groups = [
            model.format.answers(Prompt(question), answers)
            for question, answers in (("So?", ["yes it is", "no"]), ("And what of this one?", ["A", "a longer answer"]))
        ]
        plans = [
            self.plan(self.strengths[number % len(self.strengths)], number % LAYERS, selection, number)
            for number, selection in enumerate(SELECTIONS)
        ]
        both = self.plan(self.strengths[0], 0, SELECTIONS[0]) >> self.plan(self.strengths[-1], 2, SELECTIONS[2])
        arms = [Plan(), *plans, both]
        for plan, scores in zip(arms, score(model, groups, arms), strict=True):
            for index, group in enumerate(groups):
                for place, sequence in enumerate(group):
                    expected, values = naive_score(model, sequence, plan), scores.tokens[index][place]
                    gap = max(abs(a - b) for a, b in zip(expected, values, strict=True))
                    require(
                        gap < 1e-3, "The engine and plain hooks disagree.", seen=f"{gap:.2g} nats, {plan.describe()}"
                    )
