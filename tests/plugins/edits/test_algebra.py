"""The edits of plugins follow their equations, and compose with the core's."""

import math

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from steerstack.errors import DegenerateDirectionError, ParameterError, VectorError
from steerstack.steering.edits import Ablate, Add
from steerstack.steering.site import Site
from steerstack.steering.vector import SteeringVector, random_like
from steerstack.techniques.apply import apply
from steerstack_plugins.edits.affine import Affine, AffineEdit
from steerstack_plugins.edits.gate import Gate, GateEdit
from steerstack_plugins.edits.norm_preserving import NormPreservingAdd
from steerstack_plugins.edits.rotate import Rotate, RotateEdit

torch.set_num_threads(1)
SITE = Site("resid_post", 1)
property_test = settings(deadline=None, max_examples=60)
seeds, widths, scales = st.integers(0, 2**31 - 1), st.integers(3, 8), st.floats(-4, 4, width=32)
angles = st.floats(-400, 400, width=32)
dtypes = st.sampled_from([torch.float32, torch.bfloat16])


def noise(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def close(a, b, tolerance=1e-4):
    torch.testing.assert_close(a.float(), b.float(), rtol=tolerance, atol=tolerance)


def cosines(rows, direction):
    return torch.nn.functional.cosine_similarity(rows.float(), direction.expand_as(rows).float(), dim=-1)


@property_test
@given(seeds, widths, scales, dtypes)
def test_norm_preserving_add_turns_towards_the_direction_and_keeps_the_norm(seed, width, scale, dtype):
    v, h = noise(seed, width), noise(seed + 1, 4, width).to(dtype)
    output = NormPreservingAdd(SITE, v, scale).edit(h)
    close(output.norm(dim=-1), h.norm(dim=-1), 1e-4 if dtype == torch.float32 else 0.03)
    moved = Add(SITE, v, scale).edit(h.float())
    close(
        output,
        moved / moved.norm(dim=-1, keepdim=True) * h.float().norm(dim=-1, keepdim=True),
        0.001 if dtype == torch.float32 else 0.05,
    )
    gain = (cosines(output, v) - cosines(h, v)) * math.copysign(1, scale)
    assert float(gain.min()) > -0.02


def test_norm_preserving_add_that_meets_zero_leaves_the_activation():
    h = torch.tensor([1.0, -2.0, 4.0])
    assert torch.equal(NormPreservingAdd(SITE, h, -1.0).edit(h), h)


@property_test
@given(seeds, widths, scales)
def test_norm_preserving_adds_of_opposite_scales_are_not_inverse_but_zero_is_the_identity(seed, width, scale):
    v, h = noise(seed, width), noise(seed + 1, 4, width)
    assert torch.equal(NormPreservingAdd(SITE, v, 0.0).edit(h), h)
    # a longer activation turns less: only the way it points counts for the result's way
    near, far = (NormPreservingAdd(SITE, v, scale).edit(h * k) / k for k in (1.0, 1e4))
    assert float((far - h).norm()) <= float((near - h).norm()) + 1e-3


@property_test
@given(seeds, widths, scales)
def test_affine_sets_the_coordinate_that_the_equation_says(seed, width, scale):
    v, m, h = noise(seed, width), noise(seed + 1, width), noise(seed + 2, 4, width)
    output = Affine(SITE, v, m, scale).edit(h)
    projector = torch.outer(v, v) / (v @ v)
    close(output, h - h @ projector + m @ projector + scale * v, 1e-3)
    close(output @ v / v.norm(), ((m @ v) / v.norm() + scale * v.norm()).expand(4), 1e-3)


@property_test
@given(seeds, widths, scales, scales)
def test_affine_is_idempotent_and_the_last_scale_wins(seed, width, one, other):
    v, m, h = noise(seed, width), noise(seed + 1, width), noise(seed + 2, 4, width)
    first, last = Affine(SITE, v, m, one), Affine(SITE, v, m, other)
    close(first.edit(first.edit(h)), first.edit(h), 1e-3)
    close(last.edit(first.edit(h)), last.edit(h), 1e-3)


@property_test
@given(seeds, widths, scales)
def test_affine_is_a_mean_ablation_and_then_an_addition(seed, width, scale):
    v, m, h = noise(seed, width), noise(seed + 1, width), noise(seed + 2, 4, width)
    steps = Add(SITE, v, scale).edit(Ablate(SITE, v, "mean", m).edit(h))
    close(Affine(SITE, v, m, scale).edit(h), steps, 1e-3)
    close(Affine(SITE, v, torch.zeros(width), 0.0).edit(h), Ablate(SITE, v).edit(h), 1e-3)


def test_affine_between_the_class_means_moves_one_to_the_other():
    low, high = noise(1, 6), noise(2, 6)
    for of, scale, to in ((low, 1.0, high), (high, 0.0, low), (low, 0.0, low), (high, 1.0, high)):
        along = Affine(SITE, high - low, low, scale).edit(of) @ (high - low)
        assert float(along) == pytest.approx(float(to @ (high - low)), abs=1e-4)


def test_affine_needs_a_reference_mean(tmp_path):
    plain = SteeringVector({1: noise(1, 6)})
    with pytest.raises(VectorError, match="no mean at layer 1"):
        apply(plain, 1, 1.0, edit=AffineEdit())
    SteeringVector({1: noise(2, 6)}).save(tmp_path / "mean.safetensors")
    (edit,) = apply(plain, 1, 1.0, edit=AffineEdit(reference=tmp_path / "mean.safetensors"))
    assert torch.equal(edit.reference, noise(2, 6))
    (edit,) = apply(SteeringVector({1: noise(1, 6)}, parts={"mean": {1: noise(3, 6)}}), 1, 1.0, edit=AffineEdit())
    assert torch.equal(edit.reference, noise(3, 6))


@property_test
@given(seeds, widths, angles, dtypes, st.sampled_from(["by", "to"]))
def test_rotation_keeps_the_norm_and_what_is_outside_the_plane(seed, width, degrees, dtype, kind):
    d, axis, h = noise(seed, width), noise(seed + 1, width), noise(seed + 2, 4, width).to(dtype)
    output = Rotate(SITE, d, axis, degrees, kind).edit(h)
    tolerance = 1e-4 if dtype == torch.float32 else 0.05
    close(output.norm(dim=-1), h.norm(dim=-1), tolerance)
    outside = Ablate(SITE, torch.stack([d, axis]))
    close(outside.edit(output.float()), outside.edit(h.float()), tolerance)


@property_test
@given(seeds, widths, angles, angles)
def test_rotations_add_up_and_undo_each_other(seed, width, one, other):
    d, axis, h = noise(seed, width), noise(seed + 1, width), noise(seed + 2, 4, width)

    def turn(degrees, x):
        return Rotate(SITE, d, axis, degrees).edit(x)

    close(turn(other, turn(one, h)), turn(one + other, h), 1e-3)
    close(turn(-one, turn(one, h)), h, 1e-3)
    assert torch.equal(turn(0.0, h), h)
    assert torch.equal(turn(360.0, h), h)


@property_test
@given(seeds, widths, angles)
def test_rotation_to_an_angle_is_the_papers_equation_and_idempotent(seed, width, degrees):
    d, axis, h = noise(seed, width), noise(seed + 1, width), noise(seed + 2, 4, width)
    edit = Rotate(SITE, d, axis, degrees, "to")
    output = edit.edit(h)
    b1 = d / d.norm()
    b2 = axis - (axis @ b1) * b1
    b2 = b2 / b2.norm()
    inside = (h @ b1)[:, None] * b1 + (h @ b2)[:, None] * b2
    angle = math.radians(degrees)
    target = math.cos(angle) * b1 + math.sin(angle) * b2
    close(output, h - inside + inside.norm(dim=-1, keepdim=True) * target, 1e-3)
    close(edit.edit(output), output, 1e-3)


@property_test
@given(seeds, widths)
def test_a_quarter_turn_takes_the_second_axis_to_the_direction(seed, width):
    d, axis = noise(seed, width), noise(seed + 1, width)
    across = Ablate(SITE, d).edit(axis)
    assume(float(across.norm()) > 0.1)
    output = Rotate(SITE, d, axis, 90.0).edit(across)
    close(output, across.norm() * d / d.norm(), 1e-3)


def test_an_axis_along_the_direction_is_refused_and_the_random_one_never_is():
    with pytest.raises(DegenerateDirectionError, match="no plane"):
        Rotate(SITE, noise(1, 6), -2 * noise(1, 6), 10.0)
    vector = SteeringVector({layer: noise(layer, 6) for layer in range(3)})
    for seed in range(5):  # nulls are drawn with small seeds too
        for layer in range(3):
            apply(random_like(vector, seed), layer, 10.0, edit=RotateEdit(seed=seed))
    assert (
        apply(vector, 1, 10.0, edit=RotateEdit()).fingerprint
        != apply(vector, 1, 10.0, edit=RotateEdit(seed=1)).fingerprint
    )


def test_the_second_axis_may_come_from_a_file_or_from_the_vector(tmp_path):
    vector = SteeringVector({1: noise(1, 6)}, parts={"axis": {1: noise(2, 6)}})
    (edit,) = apply(vector, 1, 10.0, edit=RotateEdit())
    assert torch.equal(edit.axis, noise(2, 6))
    SteeringVector({1: noise(3, 6)}).save(tmp_path / "axis.safetensors")
    (edit,) = apply(vector, 1, 10.0, edit=RotateEdit(axis=tmp_path / "axis.safetensors"))
    assert torch.equal(edit.axis, noise(3, 6))


@property_test
@given(seeds, widths, scales, st.floats(-1, 1), st.booleans(), st.booleans(), st.sampled_from(["add", "ablate"]))
def test_the_gate_acts_where_the_cosine_says_and_nowhere_else(seed, width, scale, threshold, above, signed, action):
    v, c, h = noise(seed, width), noise(seed + 1, width), noise(seed + 2, 16, width)
    edit = Gate(SITE, v, c, scale, threshold, above, signed, action)
    similarity = cosines(h, c) if signed else cosines(h, (h @ c)[:, None] * c / (c @ c))  # the paper's sim(h, proj_c h)
    assume(float((similarity - threshold).abs().min()) > 1e-4)
    inside = Add(SITE, v, scale) if action == "add" else Ablate(SITE, v, strength=scale)
    open_at = similarity > threshold if above else similarity < threshold
    output = edit.edit(h)
    close(output[open_at], inside.edit(h)[open_at])
    assert torch.equal(output[~open_at], h[~open_at])


@property_test
@given(seeds, widths, st.floats(0, 1), st.booleans())
def test_a_gated_ablation_is_idempotent_and_a_gated_addition_of_zero_the_identity(seed, width, threshold, above):
    v, c, h = noise(seed, width), noise(seed + 1, width), noise(seed + 2, 8, width)
    edit = Gate(SITE, v, c, 1.0, threshold, above, action="ablate")
    once = edit.edit(h)
    close(edit.edit(once), once)
    assert torch.equal(Gate(SITE, v, c, 0.0, threshold, above).edit(h), h)


@property_test
@given(seeds, widths, scales)
def test_gates_above_and_below_make_up_the_whole_edit(seed, width, scale):
    v, c, h = noise(seed, width), noise(seed + 1, width), noise(seed + 2, 8, width)
    both = [Gate(SITE, v, c, scale, 0.4, above).edit(h) - h for above in (True, False)]
    close(h + both[0] + both[1], Add(SITE, v, scale).edit(h))


def test_the_gate_is_blind_to_sign_unless_told_otherwise_and_needs_a_condition():
    c = noise(1, 6)
    assert Gate(SITE, c, c, 1.0, 0.9).opens(torch.stack([c, -c, torch.zeros(6)])).tolist() == [True, True, False]
    assert Gate(SITE, c, c, 1.0, 0.9, signed=True).opens(torch.stack([c, -c])).tolist() == [True, False]
    with pytest.raises(VectorError, match="no condition"):
        apply(SteeringVector({1: c}), 1, 1.0, edit=GateEdit(threshold=0.1))
    with pytest.raises(ParameterError, match="needs the parameter 'threshold'"):
        GateEdit.make({})


@pytest.mark.parametrize("scale", [math.nan, math.inf])
def test_scales_that_are_not_finite_are_refused(scale):
    v, c = noise(1, 4), noise(2, 4)
    for make in (
        lambda: NormPreservingAdd(SITE, v, scale),
        lambda: Affine(SITE, v, c, scale),
        lambda: Rotate(SITE, v, c, scale),
        lambda: Gate(SITE, v, c, scale, 0.1),
    ):
        with pytest.raises(DegenerateDirectionError, match="finite"):
            make()
