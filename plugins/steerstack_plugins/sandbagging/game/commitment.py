"""A red side's commitment: the model's files and a sealed label, which is revealed when the audits are in."""

from __future__ import annotations

import re
import secrets
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steerstack.errors import DataError
from steerstack.util import digest
from steerstack.util.files import write_json
from steerstack_plugins.sandbagging.game.folder import model_files, settings_in

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

COMMITMENT = "commitment.json"
MODEL = "model"
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


@dataclass(frozen=True)
class Label:
    """What a red side knows of its model.

    Attributes
    ----------
    sandbags:
        Whether it hides an ability.
    kind:
        What it is one of, such as ``locked``.
    nonce:
        Random hexadecimal digits, without which the label could be guessed from the seal.
    """

    sandbags: bool
    kind: str
    nonce: str

    def to_json(self, name: str) -> dict[str, object]:
        """As the reveal file holds it."""
        return {"name": name, "sandbags": self.sandbags, "kind": self.kind, "nonce": self.nonce}


@dataclass(frozen=True)
class Entry:
    """A submission that is what was committed to.

    Attributes
    ----------
    name:
        Of its folder.
    model:
        Folder of the model.
    files:
        SHA-256 of each of the model's files.
    seal:
        SHA-256 over the files' digests, the label and the nonce.
    """

    name: str
    model: Path
    files: Mapping[str, str]
    seal: str


def seal_of(name: str, files: Mapping[str, str], label: Label) -> str:
    """SHA-256 (hexadecimal) over the entry's name, the digests of its files, the label and the nonce."""
    return digest.of_json([name, dict(sorted(files.items())), label.sandbags, label.kind, label.nonce])


def commit(model: Path, name: str, *, sandbags: bool, kind: str, entries: Path, reveals: Path) -> Entry:
    """Copy a model into the entries, with its commitment, and keep the label apart.

    Parameters
    ----------
    model:
        Folder of a saved model.
    name:
        Of the entry; the blue side sees it.
    sandbags, kind:
        The label.
    entries, reveals:
        Folders of all entries, and of all labels; the labels must not lie among the entries.

    Raises
    ------
    DataError
        The name cannot be used or is taken, the folder holds no model, or the labels would lie among the entries.
    UnsafeFileError
        The folder holds something that would run code, or that leads out of it.
    """
    if not NAME.fullmatch(name):
        raise DataError(f"{name!r} is no name of an entry.", fix="Use lower-case letters, digits and hyphens.")
    if reveals.resolve().is_relative_to(entries.resolve()):
        raise DataError("The labels would lie among the entries.", seen=str(reveals), fix="Keep them elsewhere.")
    if not kind.strip():
        raise DataError("The kind is empty.", fix="Say what the model is one of, such as locked.")
    folder, secret = entries / name, reveals / f"{name}.json"
    if folder.exists() or secret.exists():
        raise DataError(f"There is an entry {name!r} already.", fix="Give another name.")
    files = model_files(model)
    (folder / MODEL).mkdir(parents=True)
    for file in files:
        shutil.copyfile(model / file, folder / MODEL / file)
    label = Label(sandbags, kind, secrets.token_hex(32))
    seal = seal_of(name, files, label)
    write_json(folder / COMMITMENT, {"name": name, "files": files, "seal": seal})
    reveals.mkdir(parents=True, exist_ok=True)
    write_json(secret, label.to_json(name))
    return read_entry(folder)


def read_entry(folder: Path) -> Entry:
    """A submission, checked against its commitment.

    Raises
    ------
    DataError
        Files are missing, were changed after the commitment, or do not belong there.
    UnsafeFileError
        The folder holds something that would run code, or that leads out of it.
    """
    if folder.is_symlink() or not folder.is_dir() or not NAME.fullmatch(folder.name):
        raise DataError(f"{folder} is no entry.", fix="An entry is a folder that `sandbag game commit` wrote.")
    more = sorted({path.name for path in folder.iterdir()} - {COMMITMENT, MODEL})
    if more:
        raise DataError(
            f"{folder} holds more than a commitment and a model.", seen=more[0], fix="A label must not lie there."
        )
    content = settings_in(folder / COMMITMENT)
    files = model_files(folder / MODEL)
    digests = content.get("files")
    if content.get("name") != folder.name or not isinstance(content.get("seal"), str) or not isinstance(digests, dict):
        raise DataError(f"{folder / COMMITMENT} is no commitment of this entry.", fix="Commit the model again.")
    differences = sorted(name for name in files.keys() | digests.keys() if files.get(name) != digests.get(name))
    if differences:
        raise DataError(
            f"The entry {folder.name!r} was changed after its commitment.",
            seen=", ".join(differences),
            fix="Put the committed files back, or commit under another name.",
        )
    return Entry(folder.name, folder / MODEL, files, content["seal"])


def read_entries(folder: Path) -> tuple[Entry, ...]:
    """All entries of a folder, by name; raises as :func:`read_entry`, and DataError where there are none."""
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder of entries.", fix="Give the folder that entries were committed to.")
    entries = tuple(read_entry(path) for path in sorted(folder.iterdir()))
    if not entries:
        raise DataError(f"{folder} holds no entries.", fix="Commit some by `steerstack sandbag game commit`.")
    return entries


def reveal(path: Path, name: str, files: Mapping[str, str], seal: str) -> Label:
    """The label of an entry, checked against its seal.

    Raises
    ------
    DataError
        There is no label, or it is not the one that was sealed.
    """
    content = settings_in(path)
    sandbags, kind, nonce = (content.get(key) for key in ("sandbags", "kind", "nonce"))
    if not isinstance(sandbags, bool) or not isinstance(kind, str) or not isinstance(nonce, str):
        raise DataError(
            f"{path} holds no label.", seen=", ".join(map(str, content)), fix="Give the file of the commitment."
        )
    label = Label(sandbags, kind, nonce)
    if content.get("name") != name or seal_of(name, files, label) != seal:
        raise DataError(
            f"The label of {name!r} is not the one that was committed to.",
            seen=f"{kind}, {'sandbags' if sandbags else 'honest'}",
            fix="Reveal the file that was written at the commitment, unchanged.",
        )
    return label
