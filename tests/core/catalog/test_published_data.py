"""Published sets: pinned, checked, from a mirror or fetched from a real HTTP server."""

import functools
import http.server
import json
import os
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from steerstack.catalog import published_data
from steerstack.catalog.data import load_data
from steerstack.errors import DataError
from steerstack.util import digest

NAME = "caa/test/sycophancy/test_dataset_ab.json"
DATA = Path(os.environ.get("STEERSTACK_DATA") or Path(__file__).parents[4] / "shared" / "data")
ROWS = [{"question": "Is it?\n\nChoices:\n(A) Yes\n(B) No", "answer_matching_behavior": "(A)",
         "answer_not_matching_behavior": "(B)"}]  # fmt: skip


@dataclass(frozen=True)
class Site:
    """A server, the folder that it serves, and the list of what it publishes."""

    running: http.server.ThreadingHTTPServer
    folder: Path
    known: dict

    def fetch(self):
        return published_data.fetch(NAME, self.known)


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A real HTTP server that publishes one file, an empty cache, and no mirror."""
    folder = tmp_path / "site"
    folder.mkdir()
    content = json.dumps(ROWS)
    (folder / "test_dataset_ab.json").write_text(content)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    handler.log_message = lambda *_: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{running.server_port}/test_dataset_ab.json"
        files = {NAME: {"url": url, "sha256": digest.of_bytes(content.encode()), "bytes": len(content)}}
        monkeypatch.setenv("STEERSTACK_CACHE", str(tmp_path / "cache"))
        monkeypatch.delenv("STEERSTACK_DATA", raising=False)
        yield Site(running, folder, files)
        running.shutdown()


def test_a_set_is_fetched_once_and_loads_with_its_polarity(server):
    data = load_data(server.fetch())
    assert (data.behavior, len(data)) == ("sycophancy", 1)
    (server.folder / "test_dataset_ab.json").unlink()
    assert load_data(server.fetch()).digest == data.digest  # from the cache
    with pytest.raises(DataError, match="not the published file"):
        load_data(NAME)  # by its name it must be the one that steerstack knows


def test_another_file_than_the_pinned_one_is_refused(server):
    (server.folder / "test_dataset_ab.json").write_text("[]")
    with pytest.raises(DataError, match="could not be fetched"):
        server.fetch()
    assert published_data.at_hand(NAME) is None


def test_a_server_that_is_away_is_an_error_with_a_way_out(server):
    server.running.shutdown()
    server.running.server_close()
    with pytest.raises(DataError, match="could not be fetched") as caught:
        server.fetch()
    assert "STEERSTACK_DATA" in str(caught.value)


def test_a_mirror_is_used_and_checked(server, tmp_path, monkeypatch):
    mirror = tmp_path / "mirror"
    (mirror / NAME).parent.mkdir(parents=True)
    (mirror / NAME).write_text(json.dumps(ROWS))
    monkeypatch.setenv("STEERSTACK_DATA", str(mirror))
    assert server.fetch() == mirror / NAME
    (mirror / NAME).write_text("[]")
    with pytest.raises(DataError, match="not the published file"):
        server.fetch()


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(DataError, match="No published set") as caught:
        published_data.fetch("caa/test/sycophancy/test_dataset.json")
    assert NAME in str(caught.value)
    with pytest.raises(DataError, match="no data file") as caught:
        load_data("caa/test/sycophancy/test_datasets_ab.json")
    assert NAME in str(caught.value)


@pytest.mark.skipif(not DATA.is_dir(), reason="STEERSTACK_DATA does not point to the evaluation sets")
def test_the_pins_are_those_of_the_published_files():
    for name, about in published_data.published().items():
        assert digest.of_file(DATA / name) == about["sha256"], name


@pytest.mark.skipif(not DATA.is_dir(), reason="STEERSTACK_DATA does not point to the evaluation sets")
def test_a_published_set_is_called_by_its_name_wherever_it_lies(monkeypatch):
    monkeypatch.setenv("STEERSTACK_DATA", str(DATA))
    data = load_data(NAME)
    assert data.source == NAME
    assert load_data(DATA / NAME).source == str(DATA / NAME)
    assert load_data(DATA / NAME).digest == data.digest


def test_a_table_in_hub_form_loads(tmp_path):
    folder = tmp_path / "kindness"
    folder.mkdir()
    rows = [{"question": f"Case {i}?", "exhibits": "Gladly.", "not": "No."} for i in range(5)]
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    data = load_data(f"hf:{folder}#train", behavior="kindness")
    assert (data.behavior, len(data), data.items[0].exhibits_text) == ("kindness", 5, "Gladly.")
    assert data.source.startswith(f"hf:{folder}#train@")
    with pytest.raises(DataError, match="could not be loaded"):
        load_data(f"hf:{folder}#missing", behavior="kindness")
    (folder / "train.jsonl").write_text('{"q": "a", "yes": "b"}\n')
    with pytest.raises(DataError, match="no column 'question'"):
        load_data(f"hf:{folder}", behavior="kindness")
