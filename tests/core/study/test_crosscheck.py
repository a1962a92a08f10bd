"""The cross-check against an engine written out here: it agrees, and it notices a wrong one."""

import json

import pytest
import torch
from typer.testing import CliRunner

from steerstack.cli import app
from steerstack.contracts import Opened
from steerstack.errors import ModelError, ParameterError, SiteError
from steerstack.steering.intervention import Plan
from steerstack.steering.tokens import TokenSequence
from steerstack.steering.vector import Origin, SteeringVector
from steerstack.study.crosscheck import ComparisonArm, arms_of, crosscheck, steered_logits
from steerstack.testing.models import WIDTH, tiny_model, tiny_tokenizer
from steerstack.testing.naive import naive_logits
from steerstack.trace.open import open_model

SEQUENCES = [TokenSequence((5, 9, 2, 77, 130, 8, 61), 3, 5), TokenSequence((7, 7, 200, 3), 0, 1)]


class Plain(Opened):
    """Plain PyTorch hooks; wrong on purpose where told."""

    def __init__(self, model, *, strength=1.0, shift=0.0, warns=False):
        self.model, self.strength, self.shift, self.warns = model, strength, shift, warns

    def logits(self, sequence, plan):
        return naive_logits(self.model, sequence, plan) * (self.strength if len(plan) else 1.0) + self.shift

    def portable(self, plan):
        return ["scaled here"] if self.warns and len(plan) else []


@pytest.fixture(scope="module")
def model():
    return open_model(tiny_model("llama"), tokenizer=tiny_tokenizer())


def checked(model, opened, basis="raw", **more):
    arms = arms_of(model, None, layers=(0, 2), edits=("add", "ablate", "project"))
    return crosscheck(model, "plain", {basis: lambda: opened}, SEQUENCES, arms, **more)


def test_it_agrees_with_plain_hooks(model):
    report = checked(model, Plain(model))
    assert report.passed
    assert len(report.compared) == 7
    assert report.largest()["raw"] < 1e-4
    assert all(one.moved > 1e-2 for one in report.compared if one.layer is not None)


def test_it_notices_an_engine_that_is_off(model):
    report = checked(model, Plain(model, strength=1.01))
    assert not report.passed
    assert [one.passes for one in report.compared] == [True] + 6 * [False]


class Elsewhere(Plain):
    """Nothing means the same there."""

    def portable(self, plan):
        return ["another model"]


def test_where_nothing_is_portable_no_difference_is_named(model):
    report = checked(model, Elsewhere(model))
    assert report.largest() == {}
    assert report.to_json()["largest_difference"] == {}


def test_a_constant_at_each_position_is_forgiven_in_other_bases_only(model):
    assert not checked(model, Plain(model, shift=3.0)).passed
    assert checked(model, Plain(model, shift=3.0), "folded").passed


def test_what_is_not_portable_is_said_first_and_does_not_fail(model):
    lines, runs = [], []
    report = checked(model, Plain(model, strength=1.01, warns=True), say=lambda text: lines.append((text, len(runs))),
                    advance=runs.append)  # fmt: skip
    assert lines == [("raw basis: scaled here", 0)], "once, before anything is run"
    assert report.passed
    assert report.largest()["raw"] < 1e-4
    assert report.to_json()["compared"][1]["agrees"] is False


def test_rounding_is_an_excuse_up_to_a_hundredth(model):
    """An engine that is off by 0.001 is excused where rounding makes as much; one off by more never is."""
    arms = [ComparisonArm("none", "unsteered", None)]

    def passes(shift, **more):
        return crosscheck(model, "p", {"raw": lambda: Plain(model, shift=shift)}, SEQUENCES, arms, **more).passed

    assert not passes(1e-3)
    disturbed = steered_logits(model, SEQUENCES[0], Plan(), disturbed=1.0)
    assert float((disturbed - steered_logits(model, SEQUENCES[0], Plan())).abs().max()) > 0.1
    assert passes(1e-3, rounding=1.0)
    assert not passes(0.02, rounding=1.0)


def test_a_vector_stands_beside_a_random_direction_of_its_norm(model):
    vector = SteeringVector({1: torch.arange(1.0, WIDTH + 1)})
    arms = arms_of(model, vector, layers=(1,), edits=("add",))
    assert [str(arm) for arm in arms] == ["unsteered", "add vector at layer 1", "add random at layer 1"]
    norms = [arm.plan.edits[0].direction.norm() for arm in arms[1:]]
    assert norms[0] == pytest.approx(float(norms[1]))
    with pytest.raises(SiteError):
        arms_of(model, vector, layers=(0,), edits=("add",))


def test_coarse_dtypes_are_refused():
    coarse = open_model(tiny_model(), tokenizer=tiny_tokenizer(), dtype="bfloat16")
    with pytest.raises(ModelError, match="hide a disagreement"):
        checked(coarse, Plain(coarse))


def test_the_command(tiny_folder, tmp_path):
    """With TransformerLens itself."""
    command = ["crosscheck", str(tiny_folder), "--layers", "2", "--texts", "1"]
    result = CliRunner().invoke(app, [*command, "--json", str(tmp_path / "c.json")])
    assert result.exit_code == 0
    assert "The engines agree" in result.stdout
    report = json.loads((tmp_path / "c.json").read_text())
    assert report["passed"]
    assert report["backend"] == "transformer-lens"
    assert {one["basis"] for one in report["compared"]} == {"raw", "folded"}
    assert max(report["largest_difference"].values()) < 1e-4
    fingerprint = open_model(tiny_folder).fingerprint  # that of the weights in float32
    SteeringVector({2: torch.ones(WIDTH)}, origin=Origin(model_fingerprint=fingerprint)).save(
        tmp_path / "v.safetensors"
    )
    vector_result = CliRunner().invoke(app, [*command, "--vector", str(tmp_path / "v.safetensors"), "--basis", "raw"])
    assert vector_result.exit_code == 0
    wrong = CliRunner().invoke(app, [*command, "--basis", "centred"]).exception
    assert isinstance(wrong, ParameterError)
    assert "no basis 'centred'" in str(wrong)


OFF = """
    from steerstack.contracts import Backend
    from steerstack.catalog.hookspecs import hookimpl
    from tests.core.study.test_crosscheck import Plain

    class Off(Backend):
        name = "off"

        def open(self, source):
            from steerstack import open_model
            return Plain(open_model(source), strength=1.01)

    @hookimpl
    def steerstack_backends():
        return [Off]
"""


def test_the_command_fails_where_the_engines_differ(tiny_folder, install, fresh):
    install("lab-kit", OFF)
    result = CliRunner().invoke(
        app, ["crosscheck", str(tiny_folder), "--layers", "2", "--texts", "1", "--backend", "lab-kit/off"]
    )
    assert result.exit_code == 1
    assert "do NOT agree" in result.stdout
