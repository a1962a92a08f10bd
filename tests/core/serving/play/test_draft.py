"""What is seen, as a study: which kind, with what, and that `steerstack run` takes it."""

from dataclasses import replace

import pytest
import torch

from steerstack.catalog.lookup import find
from steerstack.errors import ArgumentError
from steerstack.measure.residual_norms import residual_norms
from steerstack.serving.play.draft import draft
from steerstack.serving.play.strength import first_scale, reach, share
from steerstack.steering.origin import Origin
from steerstack.steering.vector import SteeringVector
from steerstack.study.study_file import load_study
from steerstack.testing.models import WIDTH

COMMON = {"data": "sycophancy", "model": "smollm2", "tokens": "all", "score": "letter"}


def vector_of(method="mean-difference", behavior="sycophancy", **parameters):
    origin = Origin(method, parameters, "last", behavior=behavior)
    return SteeringVector({layer: torch.full((WIDTH,), 0.5) for layer in (1, 2)}, origin=origin)


def study_of(model, vector, tmp_path, scale=1.5, **more):
    text = draft(model, vector, 2, scale, file="v.safetensors", behavior="sycophancy", common=COMMON, **more)
    path = tmp_path / "study.yaml"
    path.write_text(text)
    return load_study(path), text


def test_a_stack_finds_the_vector_again_at_the_same_strength(llama, tmp_path):
    study, text = study_of(llama, vector_of(), tmp_path, scale=-1.5)
    assert study.name == "stack"
    assert (study.data, study.model, study.tokens, study.score) == ("sycophancy", "smollm2", "all", "letter")
    assert (study.method.name, study.position, study.layers) == ("mean-difference", "last", (2,))
    norm = 0.5 * WIDTH**0.5
    assert study.shares == (pytest.approx(1.5 * norm / residual_norms(llama)[2], abs=1e-4),)
    assert text.startswith("# Made from what was seen of v.safetensors at layer 2, scale -1.5: ")


@pytest.mark.parametrize(
    "vector",
    [
        vector_of("unknown"), vector_of("scaled", factor=2), vector_of(behavior="honesty"),
        vector_of("mean-difference", no_such_parameter=1), replace(vector_of(), edit="ablate"),
        replace(vector_of(), component="attn_out"),
    ],
    ids=["unknown", "scaled", "another behaviour", "odd parameter", "ablation", "another component"],
)  # fmt: skip
def test_what_cannot_be_found_again_is_swept_as_it_is(llama, tmp_path, vector):
    study, _ = study_of(llama, vector, tmp_path, transfer=True)
    assert study.name == "sweep"
    assert (study.vector, study.layers, study.scales) == ("v.safetensors", (2,), (-1.5, 0.0, 1.5))
    assert study.transfer is True


def test_an_edit_of_ones_own_is_kept(llama, tmp_path):
    study, _ = study_of(llama, vector_of(), tmp_path, edit=find("edit", "add").make({"relative": True}))
    assert (study.name, study.edit.name, study.edit.parameters["relative"]) == ("sweep", "add", True)


def test_a_name_with_line_breaks_stays_in_its_comment(llama, tmp_path):
    text = draft(llama, vector_of(), 1, 1, file="v\nstudy: evil", behavior="sycophancy", common=COMMON)
    assert [line for line in text.splitlines() if line.startswith("study:")] == ["study: stack"]


def test_nothing_is_no_study(llama):
    with pytest.raises(ArgumentError, match="At scale 0"):
        draft(llama, vector_of(), 1, 0, file="v", behavior="sycophancy", common=COMMON)


def test_the_slider_begins_at_a_tenth_of_the_norm_and_goes_beyond_half(llama):
    vector = vector_of()
    scale = first_scale(llama, vector, 1)
    assert share(llama, vector, 1, scale) == pytest.approx(0.1, rel=0.05)
    end = reach(llama, vector, 1, scale)
    assert share(llama, vector, 1, end) >= 0.5
    assert float(f"{end:.0e}") == end
    assert reach(llama, vector, 1, 30) >= 120
    ablating = replace(vector, edit="ablate")
    assert (share(llama, ablating, 1, 1), first_scale(llama, ablating, 1)) == (None, 1.0)
