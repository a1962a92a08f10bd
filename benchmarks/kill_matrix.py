"""Commands that are killed at random moments, and go on: the same numbers, and exactly one record.

One process imports everything, and each command is a fork of it (importing takes ten seconds, a tiny study one). Each
command first runs undisturbed. Then it is begun in a new home and killed, begun again and killed, ``--chain`` times,
each time at a moment drawn evenly from the time that it took undisturbed, and at last left alone. A command that was
through by then ends its chain, and its signal is drawn again, so that all of them come in time. ``SIGKILL`` and Ctrl-C
are mixed as ``--kills`` and ``--stops`` say. What has to hold: the vector or the frame and the result are those of the
undisturbed run, the store has as many runs and versions, none of them unfinished, nothing waits to be sent, no step was
done twice, and each Ctrl-C that came in time gives exit code 130 and the message.

    python benchmarks/kill_matrix.py [--kills 20] [--stops 10] [--chain 4] [--only sweep,stack] [--seed 0]
"""

import argparse
import contextlib
import hashlib
import importlib
import json
import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter, deque
from pathlib import Path
from typing import Any

import pandas as pd

from steerstack.cli import main
from steerstack.cli.ctrl_c import MESSAGE, STOPPED

VARYING = {"seconds", "report", "frame", "mlflow", "folder", "path"}
"""Keys of results that differ between two runs of the same command."""


def commands(world: Path) -> dict[str, list[str]]:
    """The words of each command; ``{home}`` stands for the folder of the run."""
    options = ["--model", str(world / "model"), "--data", str(world / "kindness.csv"), "--json", "{home}/out.json"]
    study = [*options, "--report", "{home}/report.html"]
    return {
        "sweep": ["sweep", *study, "--layers", "1,2", "--scales=-1,1", "--nulls", "2"],
        "stack": ["stack", *study, "--layers", "1,2", "--shares", "0.2", "--nulls", "1", "--finetunes", "none"],
        "efficiency": ["efficiency", *study, "--techniques", "mean-difference,pca", "--layers", "1", "--sizes", "4,8",
                       "--seeds", "2"],
        "extract": ["extract", *options, "--out", "{home}/v.safetensors"],
        "recording": ["extract", *options, "--out", "{home}/v.safetensors", "--record"],
    }  # fmt: skip


def prepare(world: Path) -> None:
    """A tiny model, its items and an empty store, made in a fork: progress bars leave a thread behind."""
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        return
    from steerstack.testing.models import tiny_model, tiny_tokenizer

    model: Any = tiny_model("llama")
    model.save_pretrained(world / "model")
    tiny_tokenizer().save_pretrained(world / "model")
    rows = [f"What about case {i}?,I would help with {i} gladly.,Case {i} is not mine." for i in range(30)]
    (world / "kindness.csv").write_text("question,exhibits,not\n" + "\n".join(rows) + "\n")
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore  # its tables take seconds to make

    (world / "store").mkdir()
    SqlAlchemyStore(f"sqlite:///{world / 'store' / 'mlflow.db'}", str(world / "none")).engine.dispose()
    os._exit(0)


def run(words: list[str], home: Path, kill: tuple[float, int] | None = None) -> tuple[int, float]:
    """Run a command in a fork, perhaps with a signal after some seconds; its exit code, and how long it took."""
    began = time.monotonic()
    pid = os.fork()
    if pid == 0:
        _become(words, home)
    status: int | None = None
    while kill is not None and time.monotonic() - began < kill[0]:
        time.sleep(0.002)
        child, wait_status = os.waitpid(pid, os.WNOHANG)
        if child:
            status = wait_status
            break
    if status is None:
        if kill is not None:
            os.kill(pid, kill[1])
        _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), time.monotonic() - began


def _become(words: list[str], home: Path) -> None:
    """In the fork: be the command."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    log = os.open(home / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.environ["STEERSTACK_HOME"] = str(home)
    sys.argv = ["steerstack", *(word.format(home=home) for word in words)]
    code = 1
    try:
        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        import traceback

        traceback.print_exc()
    sys.stdout.flush()
    (home / "modules").write_text("\n".join(name for name in list(sys.modules) if not name.startswith("_")))
    os._exit(code)


def import_as(home: Path) -> None:
    """Import what a command imported, so that the next ones need not."""
    for name in (home / "modules").read_text().splitlines():
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    assert threading.active_count() == 1, "a fork would be without the other threads"


def found(home: Path) -> dict[str, Any]:
    """What a command left: its result, its frame, its vector, its records."""
    result = json.loads((home / "out.json").read_text())
    frame = pd.read_parquet(result["frame"]) if "frame" in result else None
    vector = home / "v.safetensors"
    with contextlib.closing(sqlite3.connect(home / "mlflow.db")) as db:
        runs = Counter(status for (status,) in db.execute("SELECT status FROM runs WHERE lifecycle_stage = 'active'"))
        versions = db.execute("SELECT count(*) FROM model_versions").fetchone()[0]
    keys = [json.loads(line)["key"] for one in home.rglob("ledger.jsonl") for line in one.read_text().splitlines()]
    waiting = list((home / "outbox").rglob("record.json"))
    return {
        "result": _same_always(result),
        "frame": None if frame is None else frame.to_json(orient="split", double_precision=15),
        "vector": hashlib.sha256(vector.read_bytes()).hexdigest() if vector.exists() else None,
        "runs": dict(runs), "versions": versions, "waiting": len(waiting),
        "steps": len(set(keys)), "steps done twice": len(keys) - len(set(keys)),
    }  # fmt: skip


def _same_always(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _same_always(part) for name, part in value.items() if name not in VARYING}
    return [_same_always(part) for part in value] if isinstance(value, list) else value


def matrix(
    name: str, words: list[str], world: Path, moments: list[int], chain: int, chance: random.Random
) -> Counter[str]:
    """Run one command with all its signals; what came out, counted."""
    counts: Counter[str] = Counter()

    def new_home() -> Path:
        home = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=world))
        shutil.copytree(world / "store", home, dirs_exist_ok=True)
        return home

    calm = new_home()
    code, _ = run(words, calm)
    if code:
        raise SystemExit(f"{name} fails undisturbed:\n{_log(calm)}")
    right = found(calm)
    import_as(calm)
    _, seconds = run(words, new_home())
    left = deque(moments)
    while left:
        home = new_home()
        for _ in range(min(chain, len(left))):
            number = left.popleft()
            before = len(_log(home))
            code, took = run(words, home, (chance.uniform(0, seconds), number))
            log = _log(home)[before:]
            kind = signal.Signals(number).name
            if code == 0:
                counts[f"{kind} too late, drawn again"] += 1
                left.append(number)
                break
            if (number == signal.SIGKILL and code == -number) or (
                number == signal.SIGINT and code == STOPPED and MESSAGE in log
            ):
                counts[kind] += 1
            else:
                counts["wrong end"] += 1
                print(f"  {name}: {kind} gave exit code {code} after {took:.2f} s:\n{log[-1500:]}")
        code, _ = run(words, home)
        if code:
            counts["failed to go on"] += 1
            print(f"  {name} cannot go on in {home}:\n{_log(home)[-1500:]}")
            continue
        now = found(home)
        wrong = [key for key in right if now[key] != right[key]]
        counts["other outcome" if wrong else "same outcome"] += 1
        for key in wrong:
            print(f"  {name}, {home}: {key} is {str(now[key])[:300]}, undisturbed {str(right[key])[:300]}")
        if not wrong:
            shutil.rmtree(home)
    return counts


def _log(home: Path) -> str:
    """What a command said; nothing where it was killed before it could say anything."""
    return (home / "log").read_text() if (home / "log").exists() else ""


def show(name: str, seconds: float, counts: Counter[str]) -> None:
    """One line."""
    print(f"{name:12}{seconds:6.0f} s  " + ", ".join(f"{what}: {n}" for what, n in sorted(counts.items())), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=20, help="SIGKILLs of each command")
    parser.add_argument("--stops", type=int, default=2, help="Ctrl-C of each command")
    parser.add_argument("--chain", type=int, default=4, help="signals before a command is left alone")
    parser.add_argument("--only", default="", help="commands, with commas")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where homes are made, and those that went wrong stay")
    given = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    place = given.folder or Path(tempfile.mkdtemp())
    place.mkdir(parents=True, exist_ok=True)
    prepare(place)
    drawn = random.Random(given.seed)
    failed = False
    for name, words in commands(place).items():
        if given.only and name not in given.only.split(","):
            continue
        signals = [int(signal.SIGKILL)] * given.kills + [int(signal.SIGINT)] * given.stops
        drawn.shuffle(signals)
        began = time.monotonic()
        counts = matrix(name, words, place, signals, given.chain, drawn)
        show(name, time.monotonic() - began, counts)
        failed |= bool(counts["wrong end"] + counts["other outcome"] + counts["failed to go on"])
    sys.exit(failed)
