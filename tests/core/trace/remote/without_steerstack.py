"""A server in whose worker steerstack and all plugins vanish before it answers."""

import sys

import torch
import uvicorn
from transformers.utils import logging

import steerstack.serving.serve as serving
from steerstack.serving import worker
from steerstack.trace.open import open_model

HIDDEN = ("steerstack", "steerstack_plugins", "steerstack_registry", "jaxtyping", "platformdirs", "pluggy", "tests")


class But:
    """A finder of modules that does not find some."""

    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, *rest):
        return None if name.split(".")[0] in HIDDEN else self.finder.find_spec(name, *rest)

    def __getattr__(self, name):
        return getattr(self.finder, name)


def say(said):
    sys.stdout.write(said + "\n")
    sys.stdout.flush()


def hide():
    sys.meta_path[:] = [But(finder) for finder in sys.meta_path]
    for name in [name for name in sys.modules if name.split(".")[0] in HIDDEN]:
        del sys.modules[name]
    try:
        import steerstack  # noqa: F401
    except ModuleNotFoundError:
        say("gone")


def prepare(model):
    """Import what opening a model and answering would import."""
    torch.set_num_threads(1)
    logging.disable_progress_bar()  # one that is shown leaves a thread behind
    open_model(model)
    uvicorn.Config(say, log_level="warning", ws="websockets-sansio").load()


def main(model, port, token):
    worker.METHOD = "fork"  # of a process that has imported everything, and has one thread
    serving.serve(model, port=port, token=token, say=say, ready=hide)
