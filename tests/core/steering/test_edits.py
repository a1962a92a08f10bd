"""The edits do what their formulas say, at any width and in both dtypes."""

import math

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from steerstack.errors import DegenerateDirectionError, VectorError
from steerstack.steering.edits import Ablate, Add, Clamp, Project, orthonormal
from steerstack.steering.site import Site

torch.set_num_threads(1)
SITE = Site("resid_post", 1)
BAD = [math.nan, math.inf, -math.inf]
property_test = settings(deadline=None, max_examples=60)
seeds = st.integers(0, 2**31 - 1)
widths = st.integers(2, 8)
dtypes = st.sampled_from([torch.float32, torch.bfloat16])
scales = st.floats(-4, 4, width=32)


def noise(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def close(a, b, dtype=torch.float32):
    tolerance = 1e-5 if dtype == torch.float32 else 0.05
    torch.testing.assert_close(a.float(), b.float(), rtol=tolerance, atol=tolerance * 4)


def some_edits(d, scale):
    """One of each kind along a direction."""
    return [
        Add(SITE, d, scale), Add(SITE, d, scale, relative=True), Ablate(SITE, d), Ablate(SITE, None, "zero"),
        Ablate(SITE, None, "mean", d), Ablate(SITE, d, "mean", d.roll(1)), Project(SITE, torch.stack([d, d.roll(1)])),
        Clamp(SITE, d, -0.5, 0.5),
    ]  # fmt: skip


@property_test
@given(seeds, widths, dtypes, scales)
def test_edits_keep_shape_and_dtype_and_leave_the_input_alone(seed, width, dtype, scale):
    d = noise(seed, width)
    for shape in [(width,), (3, width), (2, 3, width), (0, width)]:
        hidden = noise(seed + 1, *shape).to(dtype)
        before = hidden.clone()
        for edit in some_edits(d, scale):
            edited = edit.edit(hidden)
            assert (edited.shape, edited.dtype) == (hidden.shape, hidden.dtype)
            assert torch.equal(hidden, before)


@property_test
@given(seeds, widths, scales)
def test_edits_leave_their_direction_alone_and_act_position_by_position(seed, width, scale):
    d, hidden = noise(seed, width), noise(seed + 1, 4, width)
    before = d.clone()
    for edit in some_edits(d, scale):
        together = edit.edit(hidden)
        assert torch.equal(d, before)
        for row in range(4):
            close(edit.edit(hidden[row]), together[row])


@property_test
@given(seeds, widths, dtypes, st.booleans())
def test_adding_nothing_is_the_identity(seed, width, dtype, relative):
    hidden = noise(seed, 3, width).to(dtype)
    assert torch.equal(Add(SITE, noise(seed + 1, width), 0.0, relative).edit(hidden), hidden)


@property_test
@given(seeds, widths, scales)
def test_add_follows_its_formula_and_is_undone_by_the_opposite(seed, width, scale):
    d, hidden = noise(seed, width), noise(seed + 1, 3, width)
    close(Add(SITE, d, scale).edit(hidden), hidden + scale * d)
    close(Add(SITE, d, -scale).edit(Add(SITE, d, scale).edit(hidden)), hidden)


@property_test
@given(seeds, widths, dtypes, scales, st.floats(0.01, 100))
def test_relative_add_moves_by_a_share_of_the_norm_along_the_direction(seed, width, dtype, scale, length):
    d, hidden = noise(seed, width) * length, (noise(seed + 1, 3, width) * 5).to(dtype)
    added = Add(SITE, d, scale, relative=True).edit(hidden).float() - hidden.float()
    norms = hidden.float().norm(dim=-1)
    tolerance = 1e-4 if dtype == torch.float32 else 0.03
    for row, norm in zip(added, norms, strict=True):
        reach = tolerance * float(norm) * (1 + abs(scale))
        assert float(row.norm()) == pytest.approx(abs(scale) * float(norm), abs=reach)
        assert torch.allclose(row, scale * norm * d / d.norm(), atol=reach)


def test_relative_add_leaves_a_zero_activation_alone():
    assert torch.equal(Add(SITE, torch.ones(4), 2.0, True).edit(torch.zeros(2, 4)), torch.zeros(2, 4))


@property_test
@given(seeds, widths, dtypes, st.integers(1, 3))
def test_ablation_is_idempotent_and_leaves_nothing_along_the_directions(seed, width, dtype, rank):
    d, hidden = noise(seed, min(rank, width), width), noise(seed + 1, 3, width).to(dtype)
    once = Ablate(SITE, d).edit(hidden)
    close(Ablate(SITE, d).edit(once), once, dtype)
    along = once.float() @ orthonormal(d).T
    assert along.abs().max() < (1e-5 if dtype == torch.float32 else 0.05) * max(1, hidden.float().norm())


@property_test
@given(seeds, widths, dtypes, st.integers(1, 3))
def test_projection_is_idempotent_and_adds_up_with_ablation_to_the_input(seed, width, dtype, rank):
    d, hidden = noise(seed, min(rank, width), width), noise(seed + 1, 3, width).to(dtype)
    projection = Project(SITE, d).edit(hidden)
    close(Project(SITE, d).edit(projection), projection, dtype)
    close(projection.float() + Ablate(SITE, d).edit(hidden).float(), hidden, dtype)


@property_test
@given(seeds, widths, st.floats(0.01, 100))
def test_only_the_way_a_direction_points_counts_for_ablation(seed, width, length):
    d, hidden = noise(seed, width), noise(seed + 1, 3, width)
    for other in (d * length, -d, torch.stack([d, d * length]), d.to(torch.float64)):
        close(Ablate(SITE, other).edit(hidden), Ablate(SITE, d).edit(hidden))
        close(Project(SITE, other).edit(hidden), Project(SITE, d).edit(hidden))


@property_test
@given(seeds, st.integers(3, 8), scales, scales)
def test_dependent_directions_span_what_the_independent_ones_span(seed, width, a, b):
    two, hidden = noise(seed, 2, width), noise(seed + 1, 3, width)
    three = torch.stack([two[0], two[1], a * two[0] + b * two[1]])
    basis = orthonormal(three)
    assert basis.shape == (2, width)
    close(basis @ basis.T, torch.eye(2))
    close(Project(SITE, three).edit(hidden), Project(SITE, two).edit(hidden))
    close(Ablate(SITE, three).edit(hidden), Ablate(SITE, two).edit(hidden))


@property_test
@given(seeds, widths)
def test_the_whole_space_projects_to_the_input_and_ablates_to_zero(seed, width):
    full, hidden = torch.eye(width), noise(seed, 3, width)
    close(Project(SITE, full).edit(hidden), hidden)
    close(Ablate(SITE, full).edit(hidden), torch.zeros_like(hidden))


@property_test
@given(seeds, widths, dtypes)
def test_mean_and_zero_ablation_replace_the_whole_activation(seed, width, dtype):
    mean, hidden = noise(seed, width), noise(seed + 1, 3, width).to(dtype)
    assert torch.equal(Ablate(SITE, None, "zero").edit(hidden), torch.zeros_like(hidden))
    close(Ablate(SITE, None, "mean", mean).edit(hidden), mean.expand(3, width), dtype)


@property_test
@given(seeds, widths)
def test_mean_ablation_along_a_direction_replaces_that_coordinate_only(seed, width):
    d, mean, hidden = noise(seed, width), noise(seed + 2, width), noise(seed + 1, 3, width)
    edited, unit = Ablate(SITE, d, "mean", mean).edit(hidden), d / d.norm()
    close(edited @ unit, (mean @ unit).expand(3))
    close(Ablate(SITE, d).edit(edited), Ablate(SITE, d).edit(hidden))


def test_a_mean_of_zero_is_a_reference_like_any_other():
    hidden = noise(0, 3, 4)
    assert torch.equal(Ablate(SITE, None, "mean", torch.zeros(4)).edit(hidden), torch.zeros(3, 4))


@property_test
@given(seeds, widths, st.floats(0, 1, width=32), st.sampled_from(["directional", "mean", "zero"]))
def test_strength_goes_straight_from_nothing_to_everything(seed, width, strength, kind):
    d, hidden = noise(seed, width), noise(seed + 1, 3, width)
    arguments = {"directional": (d, "directional"), "mean": (None, "mean", d), "zero": (None, "zero")}[kind]
    full = Ablate(SITE, *arguments).edit(hidden)
    close(Ablate(SITE, *arguments, strength=strength).edit(hidden), hidden + strength * (full - hidden))
    assert torch.equal(Ablate(SITE, *arguments, strength=0.0).edit(hidden), hidden)


@property_test
@given(seeds, widths, scales, st.floats(0, 3, width=32))
def test_clamp_keeps_the_coordinate_in_range_and_the_rest_alone(seed, width, low, span):
    d, hidden = noise(seed, width), noise(seed + 1, 5, width) * 3
    unit, high = d / d.norm(), low + span
    edited = Clamp(SITE, d, low, high).edit(hidden)
    before, after = hidden @ unit, edited @ unit
    assert (after >= low - 1e-4).all()
    assert (after <= high + 1e-4).all()
    close(edited - after[:, None] * unit, hidden - before[:, None] * unit)
    inside = (before > low) & (before < high)
    assert torch.equal(edited[inside], hidden[inside])


@property_test
@given(seeds, widths, dtypes, scales)
def test_clamp_to_one_value_sets_the_coordinate(seed, width, dtype, value):
    d, hidden = noise(seed, width), noise(seed + 1, 5, width).to(dtype)
    coordinate = Clamp(SITE, d, value, value).edit(hidden).float() @ (d / d.norm())
    assert torch.allclose(coordinate, torch.tensor(value), atol=1e-4 if dtype == torch.float32 else 0.1)


def with_direction():
    good = torch.ones(4)
    return {
        "add": lambda d: Add(SITE, d), "relative add": lambda d: Add(SITE, d, 0.1, True),
        "ablate": lambda d: Ablate(SITE, d), "mean along": lambda d: Ablate(SITE, d, "mean", good),
        "project": lambda d: Project(SITE, d), "clamp": lambda d: Clamp(SITE, d, 0, 1),
    }  # fmt: skip


@pytest.mark.parametrize("make", with_direction().values(), ids=with_direction())
@pytest.mark.parametrize("entry", [*BAD, 0.0])
def test_degenerate_directions_are_refused(make, entry):
    with pytest.raises(DegenerateDirectionError, match="is zero" if entry == 0 else "is not finite"):
        make(torch.zeros(4) if entry == 0 else torch.tensor([1.0, entry, 0.0, 0.0]))


@pytest.mark.parametrize("value", BAD)
def test_scales_strengths_and_bounds_must_be_finite(value):
    d = torch.ones(4)
    for make, what in [
        (lambda: Add(SITE, d, value), "scale"), (lambda: Ablate(SITE, d, strength=value), "strength"),
        (lambda: Clamp(SITE, d, value, 1.0), "lower bound"), (lambda: Clamp(SITE, d, 0.0, value), "upper bound"),
    ]:  # fmt: skip
        with pytest.raises(DegenerateDirectionError, match=f"The {what} is"):
            make()


@pytest.mark.parametrize("value", BAD)
def test_a_mean_that_is_not_finite_is_refused(value):
    with pytest.raises(DegenerateDirectionError):
        Ablate(SITE, None, "mean", torch.tensor([1.0, value]))


def test_a_subspace_with_a_direction_that_is_not_finite_is_refused():
    with pytest.raises(DegenerateDirectionError):
        Project(SITE, torch.tensor([[1.0, 0.0], [math.nan, 1.0]]))
    close(Project(SITE, torch.tensor([[2.0, 0.0], [0.0, 0.0]])).edit(torch.ones(2)), torch.tensor([1.0, 0.0]))


def test_contradictory_ablations_and_bounds_are_refused():
    d = torch.ones(4)
    for make in (
        lambda: Ablate(SITE), lambda: Ablate(SITE, d, "zero"), lambda: Ablate(SITE, d, "mean"),
        lambda: Ablate(SITE, d, "directional", d), lambda: Clamp(SITE, d, 1.0, 0.0),
    ):  # fmt: skip
        with pytest.raises(VectorError):
            make()


@property_test
@given(seeds, widths, scales)
def test_a_half_precision_direction_edits_a_float_activation_as_its_float_copy_does(seed, width, scale):
    d, hidden = noise(seed, width).bfloat16(), noise(seed + 1, 3, width)
    assume(bool(d.any()))
    for half, full in zip(some_edits(d, scale), some_edits(d.float(), scale), strict=True):
        close(half.edit(hidden), full.edit(hidden))


def test_a_half_precision_direction_too_long_for_its_dtype_still_points_its_way():
    d = torch.full((4,), 40000.0, dtype=torch.float16)
    close(Add(SITE, d, 0.5, relative=True).edit(torch.ones(4)), torch.full((4,), 1.5))
