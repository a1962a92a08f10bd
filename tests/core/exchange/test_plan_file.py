"""Plan files: what they mean, what they refuse, and that writing and reading agree."""

from pathlib import Path

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from steerstack.catalog.lookup import find
from steerstack.errors import DataError, ModelError, ParameterError, PluginError, SiteError, VectorError
from steerstack.exchange.plan_file import PlanFile, PlannedEdit, dump_plan, load_plan, read_plan_file
from steerstack.steering.tokens import Tokens
from steerstack.steering.vector import Origin, SteeringVector
from steerstack.techniques.apply import apply
from steerstack.testing.models import WIDTH


@pytest.fixture
def vector(tmp_path: Path) -> SteeringVector:
    steering_vector = SteeringVector({1: torch.randn(WIDTH), 2: torch.randn(WIDTH)})
    steering_vector.save(tmp_path / "v.safetensors")
    return steering_vector


def written(folder: Path, text: str) -> Path:
    path = folder / "plan.yaml"
    path.write_text(text)
    return path


def test_a_plan_is_what_its_entries_say_in_order(llama, vector, tmp_path):
    path = written(
        tmp_path,
        """
edits:
  - {vector: v.safetensors, layer: 2, scale: 2, tokens: prompt}
  - vector: v.safetensors
    layer: 1
    scale: 0.5
    edit: add
    parameters: {relative: true}
    tokens: [0, -1]
""",
    )
    first = apply(vector, 2, 2.0, tokens=Tokens("prompt"))

    second = apply(vector, 1, 0.5, tokens=Tokens.at(0, -1), edit=find("edit", "add").make({"relative": True}))
    assert load_plan(path, llama).fingerprint == (first >> second).fingerprint


@pytest.mark.parametrize("layers", ["[1, 2]", "all"])
def test_several_layers(llama, vector, tmp_path, layers):
    plan = load_plan(written(tmp_path, f"edits: [{{vector: v.safetensors, layers: {layers}}}]"), llama)
    assert [site.layer for site in plan.sites] == [1, 2]


@pytest.mark.parametrize("text", ["edits: []", "edits:\n  - {vector: v.safetensors, layer: 1, scale: 0}"])
def test_no_edits_and_scale_0_are_the_unsteered_model(llama, vector, tmp_path, text):
    assert len(load_plan(written(tmp_path, text), llama)) == 0


def test_the_vectors_own_edit_is_the_default(llama, tmp_path):
    SteeringVector({1: torch.randn(WIDTH)}, edit="ablate").save(tmp_path / "v.safetensors")
    plan = load_plan(written(tmp_path, "edits: [{vector: v.safetensors, layer: 1}]"), llama)
    assert [edit["edit"] for edit in plan.describe()] == ["Ablate"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file does not fit"),
        ("a: [", "cannot be read as YAML"),
        ("edit: []", "line 1: 'edits' is missing"),
        ("edits: []\nedots: 1", "line 2: there is no key 'edots'"),
        (
            "edits:\n  - vector: v\n    layer: 1\n    sacle: 2\n",
            "line 4: there is no key 'sacle'.\n  seen: edits.0.sacle\n",
        ),
        ("edits:\n  - vector: v\n    layer: one\n", "line 3: edits.0.layer does not fit"),
        ("edits:\n  - layer: 1\n", "line 2: 'vector' is missing"),
        ("edits:\n  - vector: v\n", "layers: all"),
        ("edits:\n  - {vector: v, layer: 1, layers: [1]}\n", "layers: all"),
        ("edits:\n  - {vector: v, layers: []}\n", "layers is empty"),
        ("edits:\n  - {vector: v, layer: 1,\n     tokens: reponse}\n", "did you mean 'response'"),
        ("edits:\n  - {vector: v, layer: 1, scale: .nan}\n", "edits.0.scale does not fit"),
        ("edits:\n  - vector: v\n    layer: 1\n    layer: 2\n", "line 4: 'layer' is given twice"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path, text, said):
    with pytest.raises(DataError) as caught:
        read_plan_file(written(tmp_path, text))
    assert said in str(caught.value)


def test_the_nearest_key_is_suggested(tmp_path):
    with pytest.raises(DataError, match="did you mean 'scale'"):
        read_plan_file(written(tmp_path, "edits:\n  - {vector: v, layer: 1, sacle: 2}\n"))


def test_a_missing_file(tmp_path):
    with pytest.raises(DataError, match="no file"):
        read_plan_file(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("entry", "kind", "said"),
    [
        ("{vector: none.safetensors, layer: 1}", VectorError, "no vector file"),
        ("{vector: v.safetensors, layer: 3}", SiteError, "no layer 3"),
        ("{vector: v.safetensors, layer: 1, edit: ad}", PluginError, "did you mean 'add'"),
        ("{vector: v.safetensors, layer: 1, parameters: {relativ: true}}", ParameterError, "did you mean 'relative'"),
        ("{vector: other.safetensors, layer: 1}", ModelError, "other weights"),
    ],
)
def test_what_does_not_fit_the_model_is_named_with_its_line(llama, vector, tmp_path, entry, kind, said):
    other = SteeringVector({1: torch.randn(WIDTH)}, origin=Origin(model_fingerprint="of another"))
    other.save(tmp_path / "other.safetensors")
    path = written(tmp_path, f"edits:\n  - {{vector: v.safetensors, layer: 1}}\n  - {entry}\n")
    with pytest.raises(kind) as caught:
        load_plan(path, llama)
    assert "line 3" in str(caught.value)
    assert said in str(caught.value)


def test_transfer_is_allowed_on_purpose(llama, tmp_path):
    other = SteeringVector({1: torch.randn(WIDTH)}, origin=Origin(model_fingerprint="of another"))
    other.save(tmp_path / "other.safetensors")
    path = written(tmp_path, "edits: [{vector: other.safetensors, layer: 1, transfer: true}]")
    assert len(load_plan(path, llama)) == 1


def test_absolute_paths_are_written_relative(tmp_path, vector, llama):
    dump_plan([PlannedEdit(vector=str(tmp_path / "v.safetensors"), layer=1)], tmp_path / "plans" / "plan.yaml")
    assert "../v.safetensors" in (tmp_path / "plans" / "plan.yaml").read_text()
    assert len(load_plan(tmp_path / "plans" / "plan.yaml", llama)) == 1


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))  # a null is refused on reading
entries = st.builds(
    PlannedEdit,
    vector=st.sampled_from(["v.safetensors", "a b/é.safetensors", "no", "1"]),
    layer=st.integers(0, 90),
    scale=st.floats(-1e6, 1e6),
    edit=st.sampled_from([None, "add", "ablate"]),
    parameters=st.dictionaries(st.sampled_from(["relative", "low"]), st.booleans() | st.floats(-9, 9) | texts),
    tokens=st.sampled_from(["response", "all", "0,-1", "-1", [3, 4], 7]),
    transfer=st.booleans(),
)


@given(st.lists(entries, max_size=3))
@example([PlannedEdit(vector="v.safetensors", layer=0, parameters={"relative": "\x85"})])  # a line break to YAML
def test_reading_gives_back_what_was_written(tmp_path_factory, edits):
    path = tmp_path_factory.mktemp("plans") / "plan.yaml"
    dump_plan(edits, path)
    assert read_plan_file(path) == PlanFile(edits=tuple(edits))
