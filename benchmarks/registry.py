"""The registry at scale: a list of many registered vectors, and a million item results logged and read back.

The many vectors of the list are rows of one that was recorded, copied in the database under other names: the list
cannot tell. Of fewer, each is recorded by itself, and the queries of every command are counted, beside few and beside
many. Item results are timed beside what it takes the engine to measure them: the embedded model scores a sample, and
the study's time is that of all items at this speed.

    python benchmarks/registry.py [--vectors 10000] [--recorded 2000] [--items 1000000] [--json OUT] [--only PART,...]
"""

import argparse
import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from steerstack.catalog.data import load_data
from steerstack.contracts.recorder import Effect, RunRecord
from steerstack.steering.vector import Origin, SteeringVector

ARMS = 200


def example(effects: int = 20, **parts: Any) -> RunRecord:
    """A run with one small vector and some effects, as a stacking study records it."""
    origin = Origin("mean-difference", {}, "response", "someone/Tiny-1B", "f" * 64, "d" * 64, 10, "kindness")
    names = ["alone", *(f"arm {number}" for number in range(1, effects))]
    run = RunRecord(
        "stack", "kindness", "someone/Tiny-1B", "f" * 64, "kindness", "e" * 64, "test", 100,
        {"base": SteeringVector({3: torch.ones(8)}, origin=origin)},
        [Effect(f"effect/{name}", 0.3, 0.1, 0.5, 100) for name in names], card="# kindness",
    )  # fmt: skip
    return replace(run, **parts)


def multiply(database: Path, count: int) -> None:
    """Copy the rows of the one registered vector of a store until there are ``count`` registered names."""
    with closing(sqlite3.connect(database)) as db:
        db.execute("PRAGMA foreign_keys = OFF")
        (name, model) = db.execute("SELECT name, replace(source, 'models:/', '') FROM model_versions").fetchone()
        db.execute("CREATE TEMP TABLE n AS WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT ?) "
                   "SELECT i FROM c", (count - 1,))  # fmt: skip
        new_name, new_model = "'many-' || n.i", "'m-' || printf('%032d', n.i)"
        for table, changes in {
            "registered_models": {"name": new_name},
            "registered_model_tags": {"name": new_name},
            "model_versions": {"name": new_name, "source": f"'models:/' || {new_model}"},
            "model_version_tags": {"name": new_name},
            "registered_model_aliases": {"name": new_name},
            "logged_models": {"name": new_name, "model_id": new_model},
            "logged_model_tags": {"model_id": new_model},
            "logged_model_params": {"model_id": new_model},
            "logged_model_metrics": {"model_id": new_model},
        }.items():
            columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
            values = ", ".join(changes.get(column, f"t.{column}") for column in columns)
            key = "name" if "name" in changes else "model_id"
            db.execute(
                f"INSERT INTO {table} SELECT {values} FROM {table} t, n WHERE t.{key} = ?",
                (name if key == "name" else model,),
            )
        db.commit()


def reuse(database: Path, count: int) -> None:
    """Copy the rows of the one recorded run of a store until ``count`` of them have measured its vector."""
    with closing(sqlite3.connect(database)) as db:
        db.execute("PRAGMA foreign_keys = OFF")
        (run,) = db.execute("SELECT run_uuid FROM runs").fetchone()
        db.execute("CREATE TEMP TABLE n AS WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT ?) "
                   "SELECT i FROM c", (count - 1,))  # fmt: skip
        for table, key in {"runs": "run_uuid", "tags": "run_uuid", "params": "run_uuid",
                           "logged_model_metrics": "run_id"}.items():  # fmt: skip
            columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
            values = ", ".join("printf('%032d', n.i)" if column == key else f"t.{column}" for column in columns)
            db.execute(f"INSERT INTO {table} SELECT {values} FROM {table} t, n WHERE t.{key} = ?", (run,))
        db.commit()


@contextmanager
def queries() -> Iterator[list[str]]:
    """The statements that SQLAlchemy sends to a database meanwhile."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    sent: list[str] = []

    def keep(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", keep)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", keep)


def asked_of_one(address: str) -> dict[str, Callable[[], object]]:
    """What is asked of one vector, whatever else there is."""
    from steerstack_registry.read.lineage import lineage
    from steerstack_registry.read.listing import show_vector
    from steerstack_registry.read.verify import verify
    from steerstack_registry.write.outbox import record

    fresh = iter(range(10**6, 10**6 + 100))
    return {
        "registry show": lambda: show_vector(address),
        "registry lineage": lambda: lineage(address),
        "registry verify": lambda: verify(address, items=0),
        "recording one more": lambda: record(numbered(next(fresh))),
    }


def numbered(number: int) -> RunRecord:
    """The example with a vector and a behaviour of its own: every tenth a further version of one."""
    run = example(effects=5)
    origin = replace(run.vectors["base"].origin, behavior=f"kindness {number // 10}")
    vector = SteeringVector({3: torch.full((8,), 1.0 + number)}, origin=origin)
    return replace(run, behavior=origin.behavior, vectors={"base": vector}, parameters={"number": number})


def count_queries(vectors: int, few: int = 20) -> dict[str, float]:
    """Queries and seconds of each command, beside few recorded vectors and beside many."""
    from steerstack_registry.access import location
    from steerstack_registry.access.connection import reaching
    from steerstack_registry.read.by_client import ClientSource
    from steerstack_registry.read.rows import rows
    from steerstack_registry.write.outbox import record
    from steerstack_registry.write.stages import collect_garbage

    def by_client(limit: int | None) -> int:
        with reaching(location.resolve()) as client:
            return len(rows(ClientSource(client), limit))

    figures: dict[str, float] = {}
    made = 0
    for much in (few, vectors):
        start, before = time.perf_counter(), made
        while made < much:
            address = record(numbered(made)).model_uri
            made += 1
        figures[f"seconds to record one, {before} to {made}"] = (time.perf_counter() - start) / (made - before)

        everything: dict[str, Callable[[], object]] = {
            "newest 100, by MLflow's client": partial(by_client, 100),
            "all, by MLflow's client": partial(by_client, None),
            "registry gc": partial(collect_garbage, delete=False),
        }
        for name, work in {**asked_of_one(address), **everything}.items():
            with queries() as sent:
                start = time.perf_counter()
                work()
            figures[f"{name}, queries beside {made}"] = len(sent)
            figures[f"{name}, seconds beside {made}"] = time.perf_counter() - start
        if by_client(None) < made:
            raise SystemExit(f"{made} vectors were recorded, and {by_client(None)} are listed.")
    return figures


def time_list(vectors: int) -> dict[str, float]:
    """Seconds that the command takes, from its start to its end, and that the two ways of reading take."""
    from steerstack_registry.access import location
    from steerstack_registry.access.connection import reaching
    from steerstack_registry.read import by_sqlite
    from steerstack_registry.read.by_client import ClientSource
    from steerstack_registry.read.rows import rows
    from steerstack_registry.write.outbox import record

    record(example())
    uri = location.resolve()
    file = location.database(uri)
    assert file is not None
    multiply(file, vectors)
    figures: dict[str, float] = {}
    for name, options in {"registry list": [], "registry list --json": ["--json"]}.items():
        figures[name] = _least(lambda options=options: _command("registry", "list", *options))
    figures["steerstack --help"] = _least(lambda: _command("--help"))
    figures["newest 100, read directly"] = _least(lambda: by_sqlite.newest(file, 100))
    figures["all, read directly"] = _least(lambda: by_sqlite.newest(file, None))
    with reaching(uri) as client:
        figures["newest 100, by MLflow's client"] = _least(lambda: rows(ClientSource(client), 100))
    with serving(uri) as address:
        for limit in ("100", "20"):
            figures[f"registry list --limit {limit}, from a server"] = _least(
                lambda limit=limit: _command("registry", "list", "--limit", limit, "--tracking-uri", address)
            )
    return figures


@contextmanager
def serving(uri: str) -> Iterator[str]:
    """The store behind an MLflow server, in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    call = f"serve({uri!r}, port={port}, announce=lambda address: print(address, flush=True))"
    code = f"from steerstack_registry.pages.serve_ui import serve; {call}"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def _command(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "steerstack", *arguments], check=True, capture_output=True)


def _least(work: Any, runs: int = 5) -> float:
    """The least of a few runs: what others do on the machine only adds."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def time_items(items: int, sample: int) -> dict[str, float]:
    """Seconds for what keeps a million item results (frame, record, ledger), and for measuring them."""
    import numpy as np
    import pandas as pd

    from steerstack.measure.scoring import score_data
    from steerstack.report.html import write_frame
    from steerstack.run.arms import SHARD, ArmValues
    from steerstack.run.ledger import Ledger
    from steerstack.steering.intervention import Plan
    from steerstack.steering.tokens import Tokens
    from steerstack.techniques.apply import apply
    from steerstack.trace.open import open_model
    from steerstack_registry.write.outbox import record

    def lines(values: Iterable[Iterable[float]]) -> list[Any]:
        return [ArmValues(arm, arm, 0).to_json() for arm in map(np.asarray, values)]

    record(example())  # makes the store, which is once and not a study's
    numbers = torch.randn(items, generator=torch.Generator().manual_seed(0)).tolist()
    each = items // ARMS
    rows = [
        {"finetune": "none", "vector_origin": "transferred", "prompt": "none", "vector": f"arm {place // each}",
         "item": f"item-{place % each}", "log_odds": number, "probability": 0.5}
        for place, number in enumerate(numbers)
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        files = write_frame(rows, Path(folder))
        frame_seconds = time.perf_counter() - start
        start = time.perf_counter()
        recorded = record(example(files=files, parameters={"items": items}))
        record_seconds = time.perf_counter() - start
        start = time.perf_counter()
        ledger = Ledger(Path(folder))
        for first in range(0, each, SHARD):
            values = np.asarray(numbers[first * ARMS : (first + SHARD) * ARMS]).reshape(ARMS, -1)
            ledger.once("arms", first, partial(lines, values), code=("steerstack.run.arms",))
        ledger_seconds = time.perf_counter() - start
    start = time.perf_counter()
    from steerstack_registry.access.connection import reaching

    with reaching(recorded.tracking_uri) as client, tempfile.TemporaryDirectory() as folder:
        path = client.download_artifacts(recorded.run_id, "items.parquet", folder)
        one = pd.read_parquet(path, filters=[("vector", "==", "arm 7")])
        assert len(one) == each
    read = time.perf_counter() - start
    model, data = open_model("smollm2"), load_data("power-seeking").limit(sample)
    direction = torch.randn(model.d_model, generator=torch.Generator().manual_seed(0))
    vector = SteeringVector({model.n_layers - 2: direction})
    # late edits: nearly everything is shared between the arms, so this is the cheapest an item can be
    arms = [Plan(), *(apply(vector, model.n_layers - 2, scale, tokens=Tokens("response")) for scale in (-1, 0.5, 1))]
    score_data(model, data, "text", arms)  # finds out how large batches may be
    start = time.perf_counter()
    score_data(model, data, "text", arms)
    measured = (time.perf_counter() - start) / (sample * len(arms)) * items
    storage = frame_seconds + record_seconds + ledger_seconds
    return {
        "writing": frame_seconds, "recording": record_seconds, "the ledger": ledger_seconds,
        "reading one arm back": read, "measuring them": measured,
        "share of the study": storage / (measured + storage),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--vectors", type=int, default=10_000)
    parser.add_argument("--recorded", type=int, default=2000)
    parser.add_argument("--only", default="list,recorded,items", help="parts, with commas")
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--sample", type=int, default=32)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results: dict[str, dict[str, float]] = {}
    parts: dict[str, Callable[[], dict[str, float]]] = {
        "list": partial(time_list, options.vectors), "recorded": partial(count_queries, options.recorded),
        "items": partial(time_items, options.items, options.sample),
    }  # fmt: skip
    for name, work in parts.items():
        if name not in options.only.split(","):
            continue
        with tempfile.TemporaryDirectory() as home:
            os.environ["STEERSTACK_HOME"] = home
            os.environ.pop("MLFLOW_TRACKING_URI", None)
            results[name] = work()
        for key, value in results[name].items():
            print(f"{name:8} {key:52} {value:12.4g}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
