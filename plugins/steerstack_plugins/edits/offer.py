"""The edits that come with steerstack."""

from collections.abc import Sequence

from steerstack import hookimpl
from steerstack.contracts import Edit
from steerstack_plugins.edits.affine import AffineEdit
from steerstack_plugins.edits.gate import GateEdit
from steerstack_plugins.edits.linear import AblateEdit, AddEdit, ClampEdit, ProjectEdit
from steerstack_plugins.edits.norm_preserving import NormPreservingAddEdit
from steerstack_plugins.edits.rotate import RotateEdit


@hookimpl
def steerstack_edits() -> Sequence[type[Edit]]:
    """Each of them."""
    return [AffineEdit, GateEdit, AblateEdit, AddEdit, ClampEdit, ProjectEdit, NormPreservingAddEdit, RotateEdit]
