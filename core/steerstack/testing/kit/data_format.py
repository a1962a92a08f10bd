"""What every reader of data files has to do."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from steerstack.contracts import DataFormat
from steerstack.data.items import DataSet
from steerstack.errors import DataError, PolarityError
from steerstack.testing.kit.contract import Contract, check, require
from steerstack.testing.kit.method import imported_with

FOREIGN = {
    "empty.csv": b"",
    "empty.jsonl": b"",
    "numbers.csv": b"a,b\n1,2\n3,4\n",
    "other.jsonl": b'{"alpha": 1}\n{"alpha": 2}\n',
    "list.json": b"[1, 2, 3]",
    "broken.json": b'[{"question": "cut sh',
    "weights.bin": bytes(range(256)),
    "notes.txt": b"question exhibits not\n",
}
"""Files that are of no data format."""


class DataFormatContract(Contract):
    """Checks of a data format: ``format`` and two methods that write files.

    Attributes
    ----------
    format:
        The reader.
    says:
        ``behavior`` and ``matching``, where the own file does not say.
    """

    format: ClassVar[DataFormat]
    says: ClassVar[Mapping[str, str]] = {}

    @abstractmethod
    def own_file(self, folder: Path) -> Path:
        """Write a whole file of this kind, of at least three items, and give its path."""

    @abstractmethod
    def unclear_file(self, folder: Path) -> Path:
        """Write a file of this kind that does not say what its matching answer means."""

    def load(self, path: Path) -> DataSet:
        """Read a file."""
        return self.format.load(path, **self.says)

    @check
    def test_source(self) -> None:
        """The class has a docstring: which files, from where, and what exhibits the behaviour."""
        require(bool((type(self.format).__doc__ or "").strip()), f"{type(self.format).__name__} has no docstring.")

    @check
    def test_light_import(self) -> None:
        """Importing the plugin's module imports nothing heavy."""
        heavy = imported_with(type(self.format).__module__)
        require(not heavy, f"Importing {type(self.format).__module__} imports {', '.join(heavy)}.")

    @check
    def test_recognises_its_own_and_no_other(self, tmp_path: Path) -> None:
        """It knows its own file, and claims no other."""
        require(self.format.recognises(self.own_file(tmp_path)), "It does not recognise its own file.")
        for name, content in FOREIGN.items():
            (tmp_path / name).write_bytes(content)
            require(not self.format.recognises(tmp_path / name), f"It claims {name}.", seen=content[:40])

    @check
    def test_loads_the_same_twice(self, tmp_path: Path) -> None:
        """The file gives items, says what exhibits the behaviour, and reads the same again."""
        path = self.own_file(tmp_path)
        data = self.load(path)
        require(len(data) > 2, "The file gives too few items to check by.", seen=len(data), fix="Write three or more.")
        require(
            bool(data.polarity.strip()) and bool(data.behavior),
            "Polarity or behaviour is not stated.",
            seen=data.polarity,
        )
        require(self.load(path).digest == data.digest, "Read twice, the file gives two data sets.")

    @check
    def test_unknown_polarity_is_refused(self, tmp_path: Path) -> None:
        """Where nobody says what the matching answer means, it does not guess."""
        path = self.unclear_file(tmp_path)
        require(self.format.recognises(path), "It does not recognise its own file.", seen=path.name)
        try:
            data = self.format.load(path)
        except PolarityError as error:
            require(bool(error.fix), "The error does not say what to do.", seen=error, fix="Pass fix=...")
            return
        raise AssertionError(f"It took the matching answer to mean {data.polarity!r}, which nobody said.")

    @check
    def test_truncated_file_is_an_error(self, tmp_path: Path) -> None:
        """A file that is cut short gives a DataError, and where no reader could see it the rows before the cut."""
        path = self.own_file(tmp_path)
        whole, content = self.load(path), path.read_bytes()
        refused = 0
        for size in sorted({0, *(len(content) * part // 8 for part in range(1, 8)), len(content) - 2}):
            path.write_bytes(content[:size])
            try:
                data = self.load(path)
            except DataError:
                refused += 1
                continue
            same = data.items[:-1] == whole.items[: len(data) - 1]
            require(size > 0 and same, f"{size} of {len(content)} bytes were read as {len(data)} items.")
        require(refused > 1, "A file that is cut short is read without an error.")
