"""What the suite costs: processor seconds by test, the slowest twenty, a budget, and the tiers that follow from it.

Hooks of pytest, taken over by ``tests/conftest.py``. Processor seconds include those of ended child processes. They
are put into the seconds of a machine of 100 GFLOP/s on two cores by a yardstick that every run measures among its
tests, while all cores are as busy as they were for those, so that a budget holds on any machine.
"""

import json
import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.support.schedule import group_of
from tests.support.touch import TOUCH

TESTS = Path(__file__).parents[1]
COSTS = TESTS / "costs.json"
"""Processor seconds by test function, parameters added up, by the run that measured them: ``whole`` and ``quick``.

``pytest --write-costs`` makes the first and ``pytest -m quick --write-costs`` the second: a test whose shared set-up is
paid for by dearer tests in a whole run pays for it itself where those are left out.
"""

YARDSTICK = 0.034
"""Processor seconds that the yardstick takes, among tests, on the machine that costs are stated for."""

BETWEEN = 20.0
"""Processor seconds of tests from one measure of the yardstick to the next."""

ALLOWED = 120.0
"""Seconds by which a run may exceed the budget that pyproject.toml states."""

QUICK = 0.05
"""Seconds of each file's tests that belong to the quick tier: the cheapest first, and the first one if it is light."""

SET_UP = 1.0
"""Seconds of shared set-up, or of the cheapest test, from which no test of a file belongs to the quick tier."""

SLOW = 5.0
"""Seconds from which a test function is slow."""

UNKNOWN = 0.1
"""Seconds that a test function is taken to need which is not on record."""

_spent: dict[str, float] = defaultdict(float)
_totals: list[float] = []
_yardsticks: list[float] = []
_mark = [0.0]
_measured_at = [0.0]


def processor_seconds() -> float:
    """Of this process and of its children that have ended."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def yardstick() -> float:
    """Processor seconds of some fixed work: Python's, a matrix product's, and the memory's."""
    import torch

    before = time.process_time()
    total = 0
    for number in range(150_000):
        total += number % 7
    matrix = torch.ones(512, 512)
    for _ in range(4):
        matrix @ matrix
    torch.ones(1_000_000).clone()
    return time.process_time() - before


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--budget", action="store_true", help="Fail where the run costs more than pyproject.toml states.")
    parser.addoption("--write-costs", action="store_true", help="Write tests/costs.json from this run.")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol() -> Iterator[None]:
    if processor_seconds() > _measured_at[0] + BETWEEN:
        _yardsticks.append(yardstick())
        _measured_at[0] = processor_seconds()
    _mark[0] = processor_seconds()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    report: Any = yield
    now = processor_seconds()
    report.processor_seconds = now - _mark[0]
    _mark[0] = now
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _spent[function_of(report.nodeid)] += getattr(report, "processor_seconds", 0.0)


def function_of(nodeid: str) -> str:
    """A test without its parameters and its group."""
    return nodeid.split("[")[0].split("@")[0]


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker tells its total; the one who started them adds up, and holds the sum to the budget."""
    config = session.config
    if hasattr(config, "workeroutput"):
        config.workeroutput |= {"processor_seconds": processor_seconds(), "yardsticks": _yardsticks}
        return
    _totals.append(processor_seconds())
    if config.getoption("--write-costs"):
        write_costs("quick" if config.option.markexpr == "quick" else "whole")
    if config.getoption("--budget") and stated(config) and session.exitstatus == 0 and exceeds(config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def known_costs() -> dict[str, dict[str, float]]:
    """What is on record, by run and test function."""
    record: dict[str, dict[str, float]] = json.loads(COSTS.read_text(encoding="utf-8")) if COSTS.is_file() else {}
    return {run: record.get(run, {}) for run in ("whole", "quick")}


def write_costs(run: str) -> None:
    """Put what this run measured on record; a quick run keeps what an earlier one said of tests that it left out."""
    record = known_costs()
    earlier = record["quick"] if run == "quick" else {}
    measured_now = {name: round(seconds, 2) for name, seconds in _spent.items()}
    record[run] = dict(sorted({**earlier, **measured_now}.items()))
    COSTS.write_text(json.dumps(record, indent=0) + "\n", encoding="utf-8")


def quick_tier(functions: Iterable[str], record: dict[str, dict[str, float]]) -> set[str]:
    """Those of a file's tests that belong to the quick tier."""
    costs = record["quick"] | record["whole"]  # what a whole run has not measured yet, a quick one may have
    names = sorted(functions, key=lambda name: costs.get(name, UNKNOWN))
    spent, chosen = 0.0, set(TOUCH.intersection(names))
    if set_up(names, record) >= SET_UP:
        return chosen
    for name in names:
        cost = costs.get(name, UNKNOWN)
        spent += cost
        if spent <= QUICK or (not chosen and cost < SET_UP):
            chosen.add(name)
    return chosen


@cache
def _dear_files() -> frozenset[str]:
    """Files on record of which no test belongs to the quick tier."""
    record = known_costs()
    files: dict[str, set[str]] = defaultdict(set)
    for name in record["quick"] | record["whole"]:
        files[name.split("::")[0]].add(name)
    return frozenset(file for file, names in files.items() if not quick_tier(names, record))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A quick run does not even read and import a file of which it would leave out every test."""
    if config.option.markexpr != "quick" or collection_path.suffix != ".py":
        return None
    return collection_path.relative_to(config.rootpath).as_posix() in _dear_files() or None


def set_up(functions: Iterable[str], record: dict[str, dict[str, float]]) -> float:
    """Seconds of set-up that a file's tests share: the most by which one of them was dearer in a quick run."""
    return max(record["quick"].get(name, 0.0) - record["whole"].get(name, 0.0) for name in functions)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    output = getattr(node, "workeroutput", {})
    _totals.append(output.get("processor_seconds", 0.0))
    _yardsticks.extend(output.get("yardsticks", ()))


def stated(config: pytest.Config) -> float:
    """The budget of pyproject.toml."""
    import tomllib

    settings = tomllib.loads((config.rootpath / "pyproject.toml").read_text(encoding="utf-8"))
    return float(settings["tool"]["steerstack"]["suite"]["processor-seconds"])


def measured() -> float:
    """The yardstick on this machine: the mean of those among the tests, without the dearest tenth (first calls)."""
    if not _yardsticks:
        _yardsticks.extend(yardstick() for _ in range(3))
    cheapest = sorted(_yardsticks)[: max(1, len(_yardsticks) * 9 // 10)]
    return sum(cheapest) / len(cheapest)


def normalised() -> float:
    """The total in the seconds of the machine that costs are stated for."""
    return sum(_totals) * YARDSTICK / measured()


def exceeds(config: pytest.Config) -> bool:
    """Whether the run costs more than the budget and what is allowed above it, as counted and as normalised.

    Both, since a machine may be quick at the yardstick and slow at starting processes: growth of the suite shows in
    the two figures, a strange machine in one.
    """
    return min(sum(_totals), normalised()) > stated(config) + ALLOWED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if hasattr(config, "workerinput") or len(_spent) < 20:
        return
    terminalreporter.section("processor seconds")
    by_folder: Counter[str] = Counter()
    for name, seconds in _spent.items():
        by_folder["/".join(name.split("::")[0].split("/")[1:3])] += seconds
    for name, seconds in sorted(_spent.items(), key=lambda entry: -entry[1])[:20]:
        terminalreporter.write_line(f"{seconds:7.1f}  {name}")
    terminalreporter.write_line("by folder: " + ", ".join(f"{n} {s:.0f}" for n, s in by_folder.most_common(20)))
    terminalreporter.write_line(
        f"total {sum(_totals):.0f}, with importing and collecting; {normalised():.0f} on a machine of 100 GFLOP/s "
        f"(yardstick {1000 * measured():.1f} ms for {1000 * YARDSTICK:.1f}); budget {stated(config):.0f}"
    )
    if config.getoption("--budget") and exceeds(config):
        terminalreporter.write_line(
            f"The suite costs over {ALLOWED:.0f} s more than its budget. Make it cheaper, or say so: "
            "[tool.steerstack.suite] processor-seconds in pyproject.toml.", red=True,
        )  # fmt: skip


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put every test into its tier: ``quick`` (the cheapest of each file), ``slow``, or between."""
    for item in items:
        if "built" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.smollm2)
    record = known_costs()
    costs = record["quick"] | record["whole"]  # what a whole run has not measured yet, a quick one may have
    files: dict[str, dict[str, list[pytest.Item]]] = defaultdict(lambda: defaultdict(list))
    for item in items:
        files[item.nodeid.split("::")[0]][function_of(item.nodeid)].append(item)
    for functions in files.values():
        light = quick_tier(functions, record)
        for name, tests in functions.items():
            slow = costs.get(name, UNKNOWN) >= SLOW or any(
                test.get_closest_marker(mark) for test in tests for mark in ("smollm2", "browser")
            )
            for test in tests:
                if slow:
                    test.add_marker(pytest.mark.slow)
                elif name in light:
                    test.add_marker(pytest.mark.quick)
    items.sort(key=_order(items, costs))


def _order(items: list[pytest.Item], known: dict[str, float]) -> Callable[[pytest.Item], tuple[float, str]]:
    """What one worker must do alone comes first, the longest before all, so that both are busy to the end."""
    costs: Counter[str] = Counter()
    functions = Counter(function_of(item.nodeid) for item in items)
    for item in items:
        name = function_of(item.nodeid)
        costs[_together(item)] += known.get(name, UNKNOWN * functions[name]) / functions[name]
    return lambda item: (-costs[_together(item)], _together(item))


def _together(item: pytest.Item) -> str:
    """The group of a test's file, or else the file."""
    return group_of(item.path) or item.nodeid.split("::")[0]
