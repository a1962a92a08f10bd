"""A claim is a file that says what is expected, and declares a study."""

import pytest
import yaml

from steerstack.errors import StudyError
from steerstack_plugins.evidence.programme import load_programme

CLAIM = {"title": "t", "question": "q", "expectation": "e", "because": "b", "minutes": 1}


def written(folder, **more):
    (folder / "one.yaml").write_text(yaml.safe_dump({**CLAIM, **more}), encoding="utf-8")
    return folder


def test_the_digest_is_of_the_study_alone(tmp_path):
    first = load_programme(written(tmp_path, study={"study": "stack", "data": "sycophancy"}))["one"]
    reworded = load_programme(written(tmp_path, study={"study": "stack", "data": "sycophancy"}, title="other"))["one"]
    another = load_programme(written(tmp_path, study={"study": "stack", "data": "sycophancy", "seed": 1}))["one"]
    assert first.digest == reworded.digest != another.digest


@pytest.mark.parametrize(
    ("more", "seen"),
    [({}, "study"), ({"study": {"study": "stak", "data": "x"}}, "stak"), ({"study": {"study": "stack"}}, "data"),
     ({"study": {"study": "stack", "data": "x", "remote": "http://h"}}, "server"), ({"study": {"study": "stack", "data": "x"}, "hours": 1}, "hours"),
     ({"study": {"study": "sweep", "data": "x", "layers": [1]}}, "study: sweep")],
)  # fmt: skip
def test_what_is_no_claim_is_refused(tmp_path, more, seen):
    with pytest.raises(Exception, match=seen) as caught:
        load_programme(written(tmp_path, **more))
    assert type(caught.value).__module__ == "steerstack.errors"


def test_a_folder_without_claims_is_refused(tmp_path):
    with pytest.raises(StudyError, match="holds no claim"):
        load_programme(tmp_path / "none")
