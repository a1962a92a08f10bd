"""The command line, waiting for Ctrl-C at a chosen moment: ``python interrupted.py MOMENT ARGUMENTS``.

``import:MODULE`` is within the import of a module; at ``swallowed:MODULE`` the first Ctrl-C is swallowed there; at
``dropped:MODULE`` it comes in a ``__del__``, where Python can raise nothing; at ``tidied:MODULE`` what follows it takes
until standard input ends. ``step:N`` is within a study's Nth step. ``thread`` is while a thread is waited for at the
end, ``exit`` while Python ends.
"""

import atexit
import contextlib
import sys
import threading
import time


def say(what):
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def wait():
    say("now")
    while True:
        time.sleep(0.001)


def stay():
    say("now")
    sys.stdin.read()


class Dying:
    def __del__(self):
        wait()


class AtImport:
    def __init__(self, kind, name):
        self.kind, self.name = kind, name

    def find_spec(self, name, *_):
        if name == self.name:
            self.name = ""
            getattr(self, self.kind)()

    def dropped(self):
        Dying()

    def swallowed(self):
        with contextlib.suppress(KeyboardInterrupt):
            wait()

    def tidied(self):
        try:
            wait()
        finally:
            sys.stdin.read()
            say("tidied")


setattr(AtImport, "import", staticmethod(wait))


def at_step(number):
    from steerstack.run.ledger import Ledger

    plain, begun = Ledger._begin, []

    def begin(self, what):
        plain(self, what)
        begun.append(what)
        if len(begun) == number:
            wait()

    Ledger._begin = begin


def at_the_end():
    threading.main_thread().join()
    stay()


moment, _, where = sys.argv.pop(1).partition(":")
if moment == "step":
    at_step(int(where))
elif moment == "thread":
    threading.Thread(target=at_the_end).start()
elif moment == "exit":
    atexit.register(stay)
else:
    sys.meta_path.insert(0, AtImport(moment, where))

from steerstack.cli import main  # noqa: E402  # after the hooks

main()
