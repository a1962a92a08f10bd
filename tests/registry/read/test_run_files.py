"""What somebody deleted or changed in the artifact store is named by ``registry verify``."""

from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest

from steerstack_registry.read.verify import verify
from steerstack_registry.write.outbox import record


@pytest.fixture
def recorded(store, make_run):
    from mlflow import MlflowClient

    recording = record(make_run(result={"verdict": "it helps", "claims": None}), store)
    run = MlflowClient(store).get_run(recording.run_id)
    return recording.model_uri, Path(url2pathname(urlsplit(run.info.artifact_uri).path))


def files(uri, store):
    return [check for check in verify(uri, store, items=0) if check["what"] == "files"]


def test_untouched_files_hold(recorded, store):
    (check,) = files(recorded[0], store)
    assert check["holds"] is True


@pytest.mark.parametrize("name", ["result.json", "card.md", "report/report.html", "figures/arms.png"])
def test_a_file_that_is_gone_or_changed_is_named(recorded, store, name):
    uri, folder = recorded
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[:-1] + b"!")
    (changed,) = files(uri, store)
    assert changed["holds"] is False
    assert f"{name} was changed" in changed["detail"]
    (folder / name).unlink()
    (gone,) = files(uri, store)
    assert gone["holds"] is False
    assert f"{name} is missing" in gone["detail"]


def test_the_list_itself(recorded, store):
    uri, folder = recorded
    (folder / "checksums.json").write_text("{}")
    assert "checksums.json was changed" in files(uri, store)[0]["detail"]
    (folder / "checksums.json").unlink()
    assert "checksums.json is missing" in files(uri, store)[0]["detail"]


@pytest.mark.parametrize("name", ["MLmodel", "spec.json", "vector.safetensors"])
@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[1]"])
def test_a_vectors_own_files(recorded, store, name, content):
    uri, folder = recorded
    for path in folder.parent.parent.rglob(name):
        path.write_bytes(content)
    (check,) = [check for check in verify(uri, store, items=0) if check["what"] == "vector"]
    assert check["holds"] is False
