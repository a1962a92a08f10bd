"""The command line, dying at a chosen moment, as a module that is forked (:mod:`tests.support.forking`).

It sends itself a signal after so many lines of a ledger and then so many forward passes; with ``half`` for the
passes, in the middle of writing the next line. Steps that share work are done in pairs, so that many kills fall
within a small study.
"""

import importlib
import os
import signal
import sys
from itertools import count

from steerstack.catalog.manager import plugins
from steerstack.cli import main as steerstack
from steerstack.run import ledger
from steerstack.testing.models import tiny_model
from steerstack.trace import forward


def prepare():
    """Import what every command would."""
    plugins()
    tiny_model()
    importlib.import_module("steerstack.trace.open")


def main(lines, passes, number, *words):
    """Run a command that dies."""
    append, run_pass = ledger.append, forward.run_pass
    left, run = [lines], count(1)

    def counted(path, line):
        if passes == "half" and left[0] == 0:
            with path.open("a") as file:
                file.write(line[: len(line) // 2])
            os.kill(os.getpid(), number)
        append(path, line)
        left[0] -= 1

    def passing(model, work):
        if passes != "half" and left[0] <= 0 and next(run) > int(passes):
            os.kill(os.getpid(), number)
        return run_pass(model, work)

    ledger.append, forward.run_pass, ledger.TOGETHER = counted, passing, 2
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs tests in the background
    sys.argv = ["steerstack", *words]
    steerstack()
