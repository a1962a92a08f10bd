"""Every edit of ours against the contract kit."""

from dataclasses import replace
from typing import ClassVar

import torch

from steerstack.catalog.manager import plugins
from steerstack.steering.vector import SteeringVector
from steerstack.testing import EditContract
from steerstack.testing.models import LAYERS, WIDTH
from steerstack_plugins.edits.affine import AffineEdit
from steerstack_plugins.edits.gate import GateEdit
from steerstack_plugins.edits.linear import AblateEdit, AddEdit, ClampEdit, ProjectEdit
from steerstack_plugins.edits.norm_preserving import NormPreservingAddEdit
from steerstack_plugins.edits.rotate import RotateEdit
from steerstack_plugins.extraction.actadd import AlignedAdd
from steerstack_plugins.extraction.leace import LeaceEdit
from steerstack_plugins.extraction.trained.prompt_only import PromptEnds

ONE_STRENGTH = "it has no strength: the scale must be 1"


class TestAdd(EditContract):
    edit = AddEdit()


class TestRelativeAdd(EditContract):
    edit = AddEdit(relative=True)


class TestAblate(EditContract):
    edit = AblateEdit()


class TestProject(EditContract):
    edit = ProjectEdit()
    exempt: ClassVar = {
        "fingerprint_tells_scales_apart": ONE_STRENGTH,
        "source": "a projection, as a control; no paper proposed it",
    }


class TestClamp(EditContract):
    edit = ClampEdit(low=-0.5, high=0.5)
    exempt: ClassVar = {
        "fingerprint_tells_scales_apart": ONE_STRENGTH,
        "source": "the clamp of lm-evaluation-harness, which cites no paper",
    }


class TestLeace(EditContract):
    edit = LeaceEdit()
    parts = ("reader", "mean")

    def vector(self, seed=0):
        """With readers that read the direction as 1."""
        drawn = super().vector(seed)
        readers = {
            n: r + (1 - r @ drawn[n]) * drawn[n] / drawn[n].square().sum() for n, r in drawn.parts["reader"].items()
        }
        return replace(drawn, parts={**drawn.parts, "reader": readers})


class TestAlignedAdd(EditContract):
    edit = AlignedAdd()

    def vector(self, seed=0):
        """With two rows for the first two positions."""
        generator = torch.Generator().manual_seed(seed)
        rows = {layer: torch.randn(2, WIDTH, generator=generator) for layer in range(LAYERS)}
        return SteeringVector({layer: part.mean(0) for layer, part in rows.items()}, parts={"aligned": rows})


class TestPromptEnds(EditContract):
    edit = PromptEnds()

    def vector(self, seed=0):
        """With two positions at the beginning of the prompt, and one at its end."""
        return replace(
            super().vector(seed), parts={"positions": dict.fromkeys(range(LAYERS), torch.tensor([0, 1, -1]))}
        )


class TestNormPreservingAdd(EditContract):
    edit = NormPreservingAddEdit()


class TestAffine(EditContract):
    edit = AffineEdit()
    parts = ("mean",)


class TestRotate(EditContract):
    edit = RotateEdit()


class TestRotateTo(EditContract):
    edit = RotateEdit(kind="to")
    parts = ("axis",)


class TestGate(EditContract):
    edit = GateEdit(threshold=0.1)
    parts = ("condition",)


class TestGateOfAblation(EditContract):
    edit = GateEdit(threshold=0.1, signed=True, above=False, action="ablate")
    parts = ("condition",)


def test_every_edit_of_ours_is_checked():
    ours = {cls for cls in plugins().offers("edit").values() if cls.__module__.startswith("steerstack_plugins.")}
    assert ours == {type(cls.edit) for cls in globals().values() if hasattr(cls, "checks") and hasattr(cls, "edit")}
