"""Activations kept on disk between runs, within a bound, so that the same pairs are run once."""

import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from steerstack.engine.resources.activation_set import INDEX, ActivationSet, is_complete, used_now
from steerstack.errors import SteerstackError
from steerstack.util.folders import cache_folder

LIMIT_GB = 2.0
"""Default bound on all sets together, in units of 1e9 bytes."""

STALE = 3600.0
"""Seconds without a new shard after which a draft is taken for abandoned: a kill leaves it behind."""


class ActivationStore:
    """A folder of activation sets, each under the digest of what decides it.

    A set is gathered in a draft folder and renamed into place when it is complete, so that a
    kill, or two streams of the same key at once, leave nothing that is half there.

    Parameters
    ----------
    folder:
        None for ``activations`` in the cache folder (``STEERSTACK_CACHE``).
    limit:
        Bound on all sets together, in bytes; 0 turns the store off. None for
        ``STEERSTACK_ACTIVATIONS_GB``, or 2 GB.
    """

    def __init__(self, folder: Path | None = None, limit: int | None = None) -> None:
        self._folder, self._limit = folder, limit

    @property
    def folder(self) -> Path:
        """Where the sets lie."""
        return self._folder or cache_folder() / "activations"

    @property
    def limit(self) -> int:
        """Bound on all sets together, in bytes.

        Raises
        ------
        SteerstackError
            ``STEERSTACK_ACTIVATIONS_GB`` is not a number.
        """
        if self._limit is not None:
            return self._limit
        text = os.environ.get("STEERSTACK_ACTIVATIONS_GB") or LIMIT_GB
        try:
            return int(float(text) * 1e9)
        except (ValueError, OverflowError) as error:
            raise SteerstackError(
                "STEERSTACK_ACTIVATIONS_GB is not a number.", seen=repr(text), fix="Set it to 2, say, or to 0 for none."
            ) from error

    def open(self, key: str, size: int) -> ActivationSet:
        """The set of a key: complete, or to be gathered, or neither where it would not fit.

        Parameters
        ----------
        key:
            Digest of all that decides the activations.
        size:
            How many bytes the set will take. Above half the limit it is not kept.
        """
        home, limit = self.folder / key, self.limit
        if limit <= 0:
            return ActivationSet(key, ready=None, draft=None, home=home)
        if is_complete(home, key):
            used_now(home)
            return ActivationSet(key, ready=home, draft=None, home=home)
        draft = self._draft(key) if size <= limit / 2 and self.make_room(size) else None
        return ActivationSet(key, ready=None, draft=draft, home=home)

    def holds(self, key: str) -> bool:
        """Whether the set of a key is there, and complete."""
        return self.limit > 0 and is_complete(self.folder / key, key)

    def _draft(self, key: str) -> Path | None:
        try:
            return Path(tempfile.mkdtemp(dir=self.folder, prefix=f".{key[:16]}."))
        except OSError:
            return None

    def make_room(self, size: int = 0) -> bool:
        """Remove abandoned drafts, and the least recently used sets until ``size`` bytes fit; whether they do."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            folders = [folder for folder in self.folder.iterdir() if folder.is_dir()]
        except OSError:
            return False
        sizes, used = {}, {}
        for folder in folders:
            with suppress(OSError):  # removed meanwhile
                ready = (folder / INDEX).is_file() and not folder.name.startswith(".")
                if not ready and time.time() - folder.stat().st_mtime > STALE:
                    _remove(folder)
                    continue
                sizes[folder] = sum(file.stat().st_size for file in folder.iterdir())
                if ready:
                    used[folder] = (folder / INDEX).stat().st_mtime
        total = sum(sizes.values())
        for folder in sorted(used, key=lambda folder: used[folder]):
            if total + size <= self.limit:
                break
            _remove(folder)
            total -= sizes[folder]
        return total + size <= self.limit


def _remove(folder: Path) -> None:
    """Remove a set or draft; its index goes first, so that what is left is never taken for a set."""
    (folder / INDEX).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


STORE = ActivationStore()
"""The user's own store."""
