"""The command line, run in this process: what ``python -m steerstack`` gives, without importing everything again."""

import contextlib
import io
import logging
import os
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO
from unittest import mock

import torch
from transformers.utils import logging as transformers_logging

from steerstack.cli import console, main
from steerstack.cli.terminal import Terminal
from tests.support import logs

WIDTH = "200"
"""Columns of the screen, so that no message is broken over lines."""


def steerstack(
    *args: object, check: bool = True, cwd: str | Path | None = None, **env: str | None
) -> "subprocess.CompletedProcess[str]":
    """Run a command as its own process would, and give what :func:`subprocess.run` gives.

    Parameters
    ----------
    args:
        The words after ``steerstack``.
    check:
        Whether an exit code other than 0 fails the test.
    cwd:
        The current folder; that of the tests by default.
    env:
        Environment variables besides those that are set; None unsets one.

    An error that ``steerstack`` does not turn into a message is a traceback on standard error and exit
    code 1. Whatever a command sets for its whole process is put back afterwards.
    """
    process = here(main, "steerstack", *args, cwd=cwd, **env)
    assert not check or process.returncode == 0, process.stderr
    return process


def here(
    main: Callable[[], object], *words: object, cwd: str | Path | None = None, **env: str | None
) -> "subprocess.CompletedProcess[str]":
    """Call what a program calls with words of a command line, as a process of its own would."""
    argv, out, err = [str(word) for word in words], _stream(), _stream()
    with contextlib.chdir(cwd or Path.cwd()), _environment({"COLUMNS": WIDTH, **env}), _settings(), _streams(out, err):
        code = _exit_code(main, argv)
    return subprocess.CompletedProcess(argv, code, _text(out), _text(err))


def _exit_code(main: Callable[[], object], argv: list[str]) -> int:
    with mock.patch.object(sys, "argv", argv):
        try:
            main()
        except SystemExit as stop:
            if stop.code is None or isinstance(stop.code, int):
                return stop.code or 0
            print(stop.code, file=sys.stderr)  # noqa: T201  # as Python itself does
            return 1
        except Exception:
            traceback.print_exc()
            return 1
    return 0


def _stream() -> TextIO:
    """A stream with bytes below it, as those of a process have."""
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)


def _text(stream: TextIO) -> str:
    stream.seek(0)
    return stream.read()


@contextlib.contextmanager
def _environment(changed: dict[str, str | None]) -> Iterator[None]:
    """Environment variables for a while; those that the command sets are put back too."""
    with mock.patch.dict(os.environ):
        for name, value in changed.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        yield


@contextlib.contextmanager
def _streams(out: TextIO, err: TextIO) -> Iterator[None]:
    """Standard output and error, consoles made anew for them, and log messages that go there."""
    before = sys.stderr
    consoles = {"console": Terminal(stderr=True), "out": Terminal(soft_wrap=True)}
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), mock.patch.multiple(console, **consoles):
        _redirect(before, err)
        try:
            yield
        finally:
            _redirect(err, before)


def _redirect(old: TextIO, new: TextIO) -> None:
    """Turn handlers that hold a stream to another; some look it up at each message."""
    for handler in (handler for logger in _loggers() for handler in logger.handlers):
        if isinstance(handler, logging.StreamHandler) and vars(handler).get("stream") is old:
            handler.setStream(new)


def _loggers() -> list[logging.Logger]:
    entries = logging.root.manager.loggerDict.values()
    return [logging.root, *(logger for logger in entries if isinstance(logger, logging.Logger))]


@contextlib.contextmanager
def _settings() -> Iterator[None]:
    """Put back what holds for a whole process: warnings, logging, threads and random numbers."""
    loggers = [(one, logs.setting(one), list(one.handlers)) for one in _loggers()]
    verbosity, bars = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    threads = torch.get_num_threads()
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            transformers_logging.set_verbosity(verbosity)
            (transformers_logging.enable_progress_bar if bars else transformers_logging.disable_progress_bar)()
            for logger, before, handlers in loggers:
                logs.restore(logger, before)
                logger.handlers[:] = handlers
