"""Processes that begin with everything imported: one imports, and each that is wanted is a fork of it.

To import what opens a model takes ten seconds of a processor, a fork takes none.

A fork of it is a process like any other: it has its own memory and number, and can be killed.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.wait import until

_IMPORTING = """
import importlib, json, os, signal, sys, threading, traceback
from pathlib import Path

signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who ends is not waited for
place, name, *given = sys.argv[1:]
sys.path.insert(0, place)
module = importlib.import_module(name)
module.prepare(*given)
assert threading.active_count() == 1, "a fork would be without the other threads"
print("ready", flush=True)
for line in sys.stdin:
    told = json.loads(line)
    if os.fork():
        continue
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid:  # it waits for the other, and says how that ended
        print(pid, flush=True)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        Path(told["log"] + ".part").write_text(str(code))
        os.replace(told["log"] + ".part", told["log"] + ".code")
        os._exit(0)
    log = os.open(told["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(Path(told["log"]).parent)
    try:
        module.main(*told["args"])
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)
os.killpg(0, signal.SIGKILL)  # nobody is left behind
"""


class Forks:
    """Forks of a process that has imported one module and called its ``prepare``; each calls its ``main``.

    Parameters
    ----------
    module:
        A Python file with these functions; ``prepare`` leaves no threads behind.
    given:
        What ``prepare`` is given.
    env:
        Environment of the processes.
    """

    def __init__(self, module: Path, *given: str, env: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _IMPORTING, str(module.parent), module.stem, *given],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env,
            start_new_session=True,
        )  # fmt: skip
        if self._said() != "ready":
            self.close()
            raise RuntimeError(f"{module.name} cannot be forked: what is wrong is on standard error")

    def start(self, *args: Any, log: Path) -> "Fork":
        """Call ``main`` with JSON values in a fork, whose output goes to a file; its folder is the current one."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"args": args, "log": str(log)}) + "\n")
        self._process.stdin.flush()
        return Fork(int(self._said()), log)

    def close(self) -> None:
        """End all of them."""
        self._process.communicate()

    def _said(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


class Fork:
    """One of them."""

    def __init__(self, pid: int, log: Path) -> None:
        self.pid, self.log = pid, log

    def alive(self) -> bool:
        """Whether it has not ended."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def kill(self) -> None:
        """End it at once, and wait until it has."""
        if self.alive():
            os.kill(self.pid, signal.SIGKILL)
        self.wait()

    def wait(self) -> int:
        """Wait until it has ended: its exit code, or the negative number of the signal that ended it."""
        code = Path(f"{self.log}.code")
        until(lambda: code.exists() and not self.alive(), "its end")
        return int(code.read_text())
