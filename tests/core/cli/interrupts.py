"""Ctrl-C as impatient people press it: again and again, until the program is gone."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.support.wait import PATIENCE

DRIVER = Path(__file__).with_name("interrupted.py")
MESSAGE = "the same command goes on from there"
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "COLUMNS": "200"}


def started(command, **options):
    """A command in a process group of its own, as a shell starts it, that hears of Ctrl-C also where we do not."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # whoever runs tests in the background
        signal.signal(signal.SIGINT, signal.default_int_handler)
    environment = {**os.environ, **ENVIRONMENT, **options.pop("env", {})}
    return subprocess.Popen(
        list(map(str, command)), env=environment, text=True, start_new_session=True,
        **{"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
    )  # fmt: skip


def interrupted(moment, *arguments, **options):
    """``steerstack`` with some arguments, waiting at a moment for Ctrl-C; see :mod:`interrupted`."""
    process = started([sys.executable, DRIVER, moment, *arguments], **options)
    assert process.stdout is not None
    assert any(line == "now\n" for line in iter(process.stdout.readline, "")), process.communicate()[1]
    return process


def press(process, times):
    """Ctrl-C to all of a terminal's processes, so many times, 20 ms apart."""
    for _ in range(times):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.02)


def rain(process):
    """Press Ctrl-C until the process is gone; its exit code, and what it said on standard error."""
    end = time.monotonic() + PATIENCE
    while process.poll() is None:
        assert time.monotonic() < end, "Ctrl-C did not end it"
        try:
            press(process, 1)
        except ProcessLookupError:  # gone meanwhile
            break
    errors = process.communicate(timeout=PATIENCE)[1]
    return process.returncode, errors
