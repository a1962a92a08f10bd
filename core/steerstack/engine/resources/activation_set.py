"""One set of activations on disk: its shards, read back only where they are what they should be."""

import json
import logging
import os
import shutil
from pathlib import Path
from types import TracebackType

import safetensors
import torch
from safetensors.torch import save

from steerstack.contracts import PairBatch
from steerstack.errors import SteerstackError
from steerstack.util.files import write_atomically, write_json

INDEX = "index.json"
"""Written last: a folder without it is not a set."""

log = logging.getLogger(__name__)


class ActivationSet:
    """The batches of one stream, numbered from 0: read where they are there, else taken down.

    Used as a context: what is not complete at its end is removed.

    Parameters
    ----------
    key:
        Digest of all that decides the activations; every shard carries it.
    ready:
        Folder of the complete set; None where there is none.
    draft:
        Folder in which shards are gathered until the set is complete; None for none.
    home:
        Where the draft goes when it is complete.
    """

    def __init__(self, key: str, *, ready: Path | None, draft: Path | None, home: Path) -> None:
        self.key, self.home = key, home
        self._ready, self._draft = ready, draft

    @property
    def complete(self) -> bool:
        """Whether all shards were on disk when it was opened."""
        return self._ready is not None

    def read(self, number: int, shape: tuple[int, ...]) -> PairBatch | None:
        """A shard, if it is on disk, carries this key and number, and holds finite float32 of this shape."""
        if self._ready is None:
            return None
        try:
            with safetensors.safe_open(_shard(self._ready, number), "pt") as file:
                if file.metadata() != _metadata(self.key, number) or set(file.keys()) != {"positive", "negative"}:
                    return None
                sides = [file.get_tensor(name).clone() for name in ("positive", "negative")]
        except (OSError, safetensors.SafetensorError):
            return None
        fits = all(side.shape == shape and side.dtype == torch.float32 and _finite(side) for side in sides)
        return PairBatch(*sides) if fits else None

    def write(self, number: int, batch: PairBatch) -> None:
        """Take a shard down; where that fails the set is given up, with one note, and nothing else happens."""
        folder = self._draft or self._ready  # a ready set is missing this one shard
        if folder is None:
            return
        if not (folder.is_dir() and _finite(batch.positive) and _finite(batch.negative)):
            self.give_up()
            return
        sides = {"positive": batch.positive.contiguous(), "negative": batch.negative.contiguous()}
        try:
            write_atomically(_shard(folder, number), save(sides, _metadata(self.key, number)))
        except SteerstackError as error:
            self._fail(error)

    def finish(self, shards: int) -> bool:
        """Mark the set complete, and put it where the next stream finds it; whether that was done."""
        draft = self._draft
        if draft is None or any(not _shard(draft, number).is_file() for number in range(shards)):
            return False
        try:
            write_json(draft / INDEX, {"key": self.key, "shards": shards})
            if not is_complete(self.home, self.key):
                shutil.rmtree(self.home, ignore_errors=True)
                draft.rename(self.home)
        except SteerstackError as error:
            self._fail(error)
            return False
        except OSError:  # another stream of the same key was faster
            return False
        return True

    def give_up(self) -> None:
        """Write no more, and remove what was gathered."""
        if self._draft is not None:
            shutil.rmtree(self._draft, ignore_errors=True)
        self._draft = self._ready = None

    def _fail(self, error: SteerstackError) -> None:
        log.warning("Activations are not kept: %s (%s)", error.happened, error.seen)
        self.give_up()

    def __enter__(self) -> "ActivationSet":
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._draft is not None:
            shutil.rmtree(self._draft, ignore_errors=True)


NOWHERE = ActivationSet("", ready=None, draft=None, home=Path())
"""A set that holds nothing and takes nothing."""


def is_complete(folder: Path, key: str) -> bool:
    """Whether a folder holds the complete set of a key."""
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        return bool(index["key"] == key)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def used_now(folder: Path) -> None:
    """Note that a set was used, so that others are removed before it."""
    try:
        os.utime(folder / INDEX)
    except OSError:
        log.debug("%s cannot be touched", folder)


def _shard(folder: Path, number: int) -> Path:
    return folder / f"{number:05d}.safetensors"


def _metadata(key: str, number: int) -> dict[str, str]:
    return {"key": key, "number": str(number)}


def _finite(values: torch.Tensor) -> bool:
    return bool(values.isfinite().all())
