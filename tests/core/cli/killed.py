"""The command line, dying at a chosen moment: ``python killed.py LINES PASSES SIGNAL ARGUMENTS``.

It sends itself the signal after so many lines of a ledger and then so many forward passes; with ``half`` for the
passes, in the middle of writing the next line.
"""

import os
import sys
from itertools import count

from steerstack.cli import main
from steerstack.run import ledger
from steerstack.trace import forward

lines, passes, number = sys.argv.pop(1), sys.argv.pop(1), int(sys.argv.pop(1))
append, run_pass = ledger.append, forward.run_pass
left, run = [int(lines)], count(1)


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


ledger.append, forward.run_pass = counted, passing
main()
