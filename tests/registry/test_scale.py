"""Many vectors and many items: a small copy of ``benchmarks/registry.py``, which measures at full size."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.registry import example, multiply

from steerstack_registry import listing, quick
from steerstack_registry.asked import Asked
from steerstack_registry.connection import reaching
from steerstack_registry.outbox import record
from steerstack_registry.rows import rows

LOADED = """
import json, sys, time
from steerstack_registry.recorder import MLflowRecorder
start = time.process_time()
rows = MLflowRecorder().list_vectors(tracking_uri=None, limit=100)
print(json.dumps([time.process_time() - start, len(rows), [n for n in ("mlflow", "torch", "pandas") if n in sys.modules]]))
"""


@pytest.fixture
def crowded(store: str) -> Path:
    """The default store with a thousand names."""
    record(example())
    file = Path(store.removeprefix("sqlite:///"))
    multiply(file, 1000)
    return file


def test_a_list_waits_for_nothing_heavy(crowded: Path) -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    seconds, count, heavy = json.loads(done.stdout)
    assert (count, heavy) == (100, [])
    assert seconds < 1


def test_the_quick_list_is_mlflows_own(crowded: Path, store: str) -> None:
    for limit in (7, None):
        with reaching(store) as client:
            asked = rows(Asked(client), limit)
        quickly = quick.newest(crowded, limit)
        assert len(quickly) == (limit or 1000)
        if limit is None:  # all were made at once: which are the newest is open
            assert sorted(quickly, key=lambda row: row["name"]) == sorted(asked, key=lambda row: row["name"])
        else:
            assert all(len(row["effects"]) == 20 for row in [*quickly, *asked])


def test_tables_of_another_mlflow_are_left_to_mlflow(crowded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick, "_TAGS", "SELECT nothing FROM nowhere")
    assert len(listing.list_vectors(limit=3)) == 3
