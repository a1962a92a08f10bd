"""Data and vector formats that each break one promise, and one of each kind that breaks none."""

import json

from steerstack.contracts import DataFormat, VectorFormat
from steerstack.data.items import DataSet, Item
from steerstack.errors import DataError, PolarityError, VectorError


class Pairs(DataFormat):
    """A JSON object of pairs of answers by question; the first answer exhibits."""

    name = "pairs"

    def recognises(self, path):
        return path.suffix == ".pairs"

    def rows(self, path):
        try:
            return json.loads(path.read_text())
        except ValueError as error:
            raise DataError(f"{path} is not valid JSON.", fix="Check that it is complete.") from error

    def polarity(self, found):
        if "shows" not in found:
            raise PolarityError("Nobody says what the first answer shows.", fix="Add the key shows.")
        return found["shows"]

    def load(self, path, *, behavior=None, matching=None):
        table = self.rows(path)
        shows = self.polarity(table)
        items = [Item(str(n), q, tuple(a), 0, 1, form="text") for n, (q, a) in enumerate(table["pairs"].items())]
        return DataSet("kindness", tuple(items), shows, str(path))


class ClaimsAll(Pairs):
    """Claims every file."""

    def recognises(self, path):
        return True


class Guesses(Pairs):
    """Takes the first answer to exhibit, whatever the file says."""

    def polarity(self, found):
        return "guessed"


class ReadsTruncated(Pairs):
    """Reads what is left of a file."""

    def rows(self, path):
        try:
            return super().rows(path)
        except DataError:
            return {"shows": "kind", "pairs": {"q": ["a", "b"], "r": ["c", "d"]}}


class Crashes(Pairs):
    """Lets the parser's own error through."""

    def rows(self, path):
        return json.loads(path.read_text())


class Own(VectorFormat):
    """steerstack's own file."""

    name = "own"
    convention = "As they are: the output of a 0-based block, un-normalised."

    def recognises(self, path):
        try:
            return bool(self.read(path))
        except VectorError:
            return False

    def read(self, path):
        from steerstack.steering.vector import SteeringVector

        return SteeringVector.load(path)

    def write(self, vector, path):
        vector.save(path)


class Unsaid(Own):
    """No word on its convention."""

    convention = "raw"


class ShiftsLayers(Own):
    """Off by one layer."""

    def write(self, vector, path):
        from dataclasses import replace

        replace(vector, directions={layer + 1: vector[layer] for layer in vector.layers}).save(path)


class Normalises(Own):
    """Loses the norms."""

    def write(self, vector, path):
        from dataclasses import replace

        replace(vector, directions={layer: vector[layer] / vector[layer].norm() for layer in vector.layers}).save(path)


class Unpickles(Own):
    """Runs what it reads."""

    def read(self, path):
        import pickle

        if path.read_bytes()[:2] == b"\x80\x04":
            return pickle.loads(path.read_bytes())
        return super().read(path)


class CallsItBroken(Own):
    """Refuses a pickle, for the wrong reason."""

    def read(self, path):
        try:
            return super().read(path)
        except VectorError as error:
            raise VectorError("It cannot be read.") from error


class Optimist(Own):
    """Gives a vector for a file that is cut short."""

    def read(self, path):
        import torch

        from steerstack.errors import UnsafeFileError
        from steerstack.steering.vector import SteeringVector

        try:
            return super().read(path)
        except UnsafeFileError:
            raise
        except VectorError:
            return SteeringVector({0: torch.ones(32)})

    def recognises(self, path):
        return path.stat().st_size > 500
