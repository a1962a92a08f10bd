"""Beside many vectors nothing is left out, and no command asks the database more than beside few.

``benchmarks/registry.py --only recorded`` records two thousand, and counts the same.
"""

import shutil
from pathlib import Path

import pytest
from benchmarks.registry import asked_of_one, example, multiply, queries, reuse
from tests.support.vectors import longer

from steerstack.errors import RegistryError
from steerstack_registry.access import search
from steerstack_registry.access.connection import reaching
from steerstack_registry.read.by_client import ClientSource
from steerstack_registry.read.lineage import GONE, lineage
from steerstack_registry.read.listing import show_vector
from steerstack_registry.read.rows import rows
from steerstack_registry.read.verify import verify
from steerstack_registry.write.outbox import record
from steerstack_registry.write.stages import collect_garbage, promote
from steerstack_registry.write.store import MLflowStore

NAME = "kindness--Tiny-1B--mean-difference"


@pytest.fixture
def small_pages(monkeypatch):
    monkeypatch.setattr(search, "PAGE", 3)


@pytest.fixture
def address(store):
    return record(example(effects=2), store).model_uri


def file_of(store: str) -> Path:
    return Path(store.removeprefix("sqlite:///"))


def test_lists_go_on_beyond_a_page(store, address, small_pages):
    multiply(file_of(store), 8)
    with reaching(store) as client:
        source = ClientSource(client)
        assert len({row["name"] for row in rows(source, None)}) == 8
        assert [len(rows(source, limit)) for limit in (1, 3, 7)] == [1, 3, 7]
        assert all(len(row["effects"]) == 2 and row["aliases"] for row in rows(source, None))
    with pytest.raises(RegistryError) as caught:
        show_vector("many-07")
    assert "many-7" in caught.value.fix
    with pytest.raises(RegistryError, match="There is no"):
        show_vector("somebody's")


def test_versions_go_on_beyond_a_page(store, small_pages):
    vector = example().vectors["base"]
    for factor in range(1, 6):
        MLflowStore(store).log_vector(longer(vector, float(factor)), "kindness")
    with pytest.raises(RegistryError) as caught:
        show_vector(f"models:/{NAME}/99")
    assert "versions 1, 2, 3, 4, 5," in caught.value.fix
    promote(f"models:/{NAME}/1", alias=None, stage="validated")
    with queries() as sent:
        assert sorted(row["version"] for row in collect_garbage(delete=False)) == [2, 3, 4]
    assert not [query for query in sent if "model_versions.version = ?" in query]  # no look at each version
    assert sorted(row["version"] for row in collect_garbage(delete=True)) == [2, 3, 4]
    assert collect_garbage(delete=True) == []


def test_a_vector_knows_all_the_runs_that_used_it(store, address, small_pages):
    reuse(file_of(store), 8)
    about = lineage(address)
    assert len(about["made_by"]) == 1
    assert len({run["run_id"] for run in about["used_by"]}) == 7
    assert {run["kind"] for run in about["used_by"]} == {"stack"}


def test_no_command_asks_more_beside_many(store, address):
    def counts() -> dict[str, int]:
        asked = {}
        for name, work in asked_of_one(address).items():
            with queries() as sent:
                work()
            asked[name] = len(sent)
        return asked

    before = file_of(store).with_name("before.db")
    shutil.copy(file_of(store), before)
    few = counts()
    shutil.copy(before, file_of(store))
    multiply(file_of(store), 200)
    assert counts() == few


def test_lineage_asks_no_more_of_a_vector_that_many_runs_used(store, address):
    with queries() as one_run:
        lineage(address)
    reuse(file_of(store), 90)
    with queries() as many_runs:
        assert len(lineage(address)["used_by"]) == 89
    assert len(many_runs) == len(one_run)


def test_a_run_that_is_gone_is_named(store, address):
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(file_of(store))) as db, db:
        (run_id,) = db.execute("SELECT run_uuid FROM runs").fetchone()
        db.execute("DELETE FROM runs")
    (run,) = lineage(address)["made_by"]
    assert (run["run_id"], run["status"]) == (run_id, GONE)
    (check,) = [check for check in verify(address, items=0) if check["what"] == "run"]
    assert check["holds"] is False
    assert "deleted for good" in check["detail"]
