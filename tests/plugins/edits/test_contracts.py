"""Every edit of ours against the contract kit."""

from typing import ClassVar

from steerstack.testing import EditContract
from steerstack_plugins.edits.affine import AffineEdit
from steerstack_plugins.edits.gate import GateEdit
from steerstack_plugins.edits.linear import AblateEdit, AddEdit, ClampEdit, ProjectEdit
from steerstack_plugins.edits.norm_preserving import NormPreservingAddEdit
from steerstack_plugins.edits.rotate import RotateEdit

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
