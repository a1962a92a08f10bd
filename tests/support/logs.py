"""Logging is set for a whole process: what a test leaves changed is put back, and named at the end of the run."""

import logging
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

LEFT = "left logging changed"
"""The property of a report that names what its test left."""

_before: dict[str, "Setting"] = {}


class Setting(NamedTuple):
    """What decides whether a logger's messages are heard."""

    level: int
    propagate: bool
    disabled: bool


def loggers() -> dict[str, logging.Logger]:
    """The root logger and ours, by name; other packages set up theirs when they are first imported."""
    entries = list(logging.root.manager.loggerDict.items())
    ours = {name: one for name, one in entries if name.startswith("steerstack") and isinstance(one, logging.Logger)}
    return {"root": logging.root, **ours}


def setting(logger: logging.Logger) -> Setting:
    """Of one logger, at the moment."""
    return Setting(logger.level, logger.propagate, logger.disabled)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """See how things stand before a test's fixtures are made."""
    _before.update({name: setting(one) for name, one in loggers().items()})


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> Iterator[None]:
    """After a test has been taken down, put back what differs."""
    report: Any = yield
    if call.when == "teardown":
        report.user_properties.extend((LEFT, sentence) for sentence in put_back())
    return report


def put_back() -> list[str]:
    """Give each logger the setting that it had before the test; a sentence for each that had another."""
    changed = []
    if logging.root.manager.disable:
        changed.append(f"logging is disabled up to level {logging.root.manager.disable}")
        logging.disable(logging.NOTSET)
    for name, logger in loggers().items():
        before, after = _before.get(name, Setting(logging.NOTSET, True, False)), setting(logger)
        if before != after:
            changed.append(f"{name}: {before} became {after}")
        restore(logger, before)
    return changed


def restore(logger: logging.Logger, before: Setting) -> None:
    """Give a logger a setting that it had."""
    logger.propagate, logger.disabled = before.propagate, before.disabled
    logger.setLevel(before.level)  # which also forgets what was remembered of levels that are heard


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Name the tests that left something changed."""
    reports = [one for kind in ("passed", "failed", "") for one in terminalreporter.stats.get(kind, ())]
    for report in reports:
        for name, sentence in getattr(report, "user_properties", ()):
            if name == LEFT:
                terminalreporter.write_line(f"{report.nodeid} {LEFT}: {sentence}")
