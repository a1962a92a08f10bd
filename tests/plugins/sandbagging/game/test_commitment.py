"""What is committed to is what is judged, and the label that was sealed is the one that counts."""

import json
import shutil

import pytest

from steerstack.errors import DataError, UnsafeFileError
from steerstack.testing import tiny_model, tiny_tokenizer
from steerstack_plugins.sandbagging.game.commitment import commit, read_entries, read_entry, reveal


@pytest.fixture
def places(tmp_path):
    tiny_model("llama").save_pretrained(tmp_path / "saved")
    tiny_tokenizer().save_pretrained(tmp_path / "saved")
    return {"entries": tmp_path / "entries", "reveals": tmp_path / "reveals"}


@pytest.fixture
def entry(places, tmp_path):
    return commit(tmp_path / "saved", "red-1", sandbags=True, kind="locked", **places)


def test_the_label_is_sealed_and_revealed(entry, places):
    public = (places["entries"] / "red-1" / "commitment.json").read_text()
    assert not any(word in public for word in ("locked", "true", "nonce"))
    label = reveal(places["reveals"] / "red-1.json", entry.name, entry.files, entry.seal)
    assert (label.sandbags, label.kind) == (True, "locked")
    assert len(label.nonce) == 64
    assert read_entries(places["entries"]) == (entry,)


def test_the_same_model_and_label_have_another_seal_each_time(entry, places, tmp_path):
    again = commit(tmp_path / "saved", "red-2", sandbags=True, kind="locked", **places)
    assert again.files == entry.files
    assert again.seal != entry.seal


@pytest.mark.parametrize("change", [{"sandbags": False}, {"kind": "weak"}, {"nonce": "0" * 64}, {"name": "red-2"}])
def test_another_label_than_the_sealed_one_is_refused(entry, places, change):
    path = places["reveals"] / "red-1.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(DataError, match="not the one"):
        reveal(path, entry.name, entry.files, entry.seal)


def test_a_model_that_was_changed_after_the_commitment_is_refused(entry):
    path = entry.model / "config.json"
    path.write_text(path.read_text() + " ")
    with pytest.raises(DataError, match=r"changed[\s\S]*config\.json"):
        read_entry(entry.model.parent)


def test_a_file_taken_away_or_put_in_is_refused(entry):
    (entry.model / "generation_config.json").rename(entry.model / "vocab.json")
    with pytest.raises(DataError, match=r"generation_config\.json, vocab\.json"):
        read_entry(entry.model.parent)


def test_a_pickle_put_in_afterwards_is_refused(entry):
    (entry.model / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(UnsafeFileError):
        read_entry(entry.model.parent)


def test_a_label_among_the_entries_is_refused(entry, places, tmp_path):
    with pytest.raises(DataError, match="among the entries"):
        commit(
            tmp_path / "saved", "x", sandbags=True, kind="k", entries=places["entries"], reveals=places["entries"] / "r"
        )
    shutil.copy(places["reveals"] / "red-1.json", entry.model.parent / "label.json")
    with pytest.raises(DataError, match="more than"):
        read_entry(entry.model.parent)


@pytest.mark.parametrize("name", ["../red", "Red", "", "a/b", ".."])
def test_a_name_that_leads_elsewhere_is_refused(places, tmp_path, name):
    with pytest.raises(DataError, match="no name"):
        commit(tmp_path / "saved", name, sandbags=True, kind="k", **places)


def test_a_name_is_taken_once(entry, places, tmp_path):
    with pytest.raises(DataError, match="already"):
        commit(tmp_path / "saved", "red-1", sandbags=False, kind="k", **places)


@pytest.mark.parametrize(
    "text", ["[]", "{", '{"name": "red-1", "files": {}}', '{"name": "red-2", "files": {}, "seal": ""}']
)
def test_what_is_no_commitment_is_refused(entry, text):
    (entry.model.parent / "commitment.json").write_text(text)
    with pytest.raises(DataError):
        read_entry(entry.model.parent)


def test_no_entries_are_refused(tmp_path):
    with pytest.raises(DataError, match="no folder"):
        read_entries(tmp_path / "none")
    with pytest.raises(DataError, match="no entries"):
        read_entries(tmp_path)
