"""What every reader and writer of vectors has to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import torch

from steerstack.contracts import VectorFormat
from steerstack.data.prompts import Prompt
from steerstack.engine.score import score
from steerstack.errors import UnsafeFileError, VectorError
from steerstack.steering.vector import SteeringVector
from steerstack.techniques.apply import apply
from steerstack.testing.kit.contract import Contract, check, require
from steerstack.testing.kit.method import imported_with
from steerstack.testing.models import LAYERS, WIDTH
from steerstack.testing.planted import planted_model


class VectorFormatContract(Contract):
    """Checks of a vector format: ``class TestMine(VectorFormatContract): format = Mine()``.

    Attributes
    ----------
    format:
        The reader and writer.
    suffix:
        Of the format's files.
    layers:
        Layers of the vector that is written: those that the format can hold, of four.
    tolerance:
        Relative error of a direction after writing and reading: above 0 where the format rounds.
    """

    format: ClassVar[VectorFormat]
    suffix: ClassVar[str] = ".safetensors"
    layers: ClassVar[tuple[int, ...]] = tuple(range(LAYERS))
    tolerance: ClassVar[float] = 1e-6

    def vector(self) -> SteeringVector:
        """A vector that the format can hold."""
        values = torch.randn(len(self.layers), WIDTH, generator=torch.Generator().manual_seed(11))
        return SteeringVector({layer: row * (1 + layer) for layer, row in zip(self.layers, values, strict=True)})

    def written(self, folder: Path) -> Path:
        """The vector in a file of the format."""
        path = folder / f"vector{self.suffix}"
        self.format.write(self.vector(), path)
        return path

    @check
    def test_convention(self) -> None:
        """It says in a sentence at which site and layer its tensors stand, and how they are scaled."""
        require(len(self.format.convention.split()) > 4, "`convention` is not a sentence.", seen=self.format.convention)

    @check
    def test_light_import(self) -> None:
        """Importing the plugin's module imports nothing heavy."""
        heavy = imported_with(type(self.format).__module__)
        require(not heavy, f"Importing {type(self.format).__module__} imports {', '.join(heavy)}.")

    @check
    def test_recognises_its_own(self, tmp_path: Path) -> None:
        """It knows its own file, and neither an empty one nor random bytes."""
        require(self.format.recognises(self.written(tmp_path)), "It does not recognise its own file.")
        for name, content in (("empty", b""), ("noise", bytes(range(256)))):
            other = tmp_path / f"{name}{self.suffix}"
            other.write_bytes(content)
            require(not self.format.recognises(other), f"It claims a file of {name}.")

    @check
    def test_round_trip_keeps_directions(self, tmp_path: Path) -> None:
        """What is written is read back: layers, component, directions with their norms, and how it acts."""
        vector, copy = self.vector(), self.format.read(self.written(tmp_path))
        require(copy.layers == vector.layers, "Layers are lost or moved.", seen=f"{vector.layers} -> {copy.layers}")
        acts = [(one.component, one.edit, sorted(one.parts)) for one in (vector, copy)]
        require(acts[0] == acts[1], "The vector acts elsewhere or otherwise.", seen=acts)
        for layer in vector.layers:
            error = float((copy[layer] - vector[layer]).norm() / vector[layer].norm())
            require(
                error <= self.tolerance,
                f"The direction at layer {layer} is another.",
                seen=f"relative error {error:.2g}",
            )

    @check
    def test_round_trip_keeps_steered_scores(self, tmp_path: Path) -> None:
        """Steering by the vector that was read gives the same log-probabilities."""
        model: Any = planted_model()
        vectors = (self.vector(), self.format.read(self.written(tmp_path)))
        groups = [model.format.answers(Prompt("So?"), ["yes it is", "no"])]
        for layer in self.layers:
            one, other = score(model, groups, [apply(vector, layer, 0.5) for vector in vectors])
            gap = max(abs(one.total(0, side) - other.total(0, side)) for side in (0, 1))
            require(gap < 1e-3 + 100 * self.tolerance, f"Steering at layer {layer} differs.", seen=f"{gap:.2g} nats")

    @check
    def test_refuses_pickles(self, tmp_path: Path) -> None:
        """A pickle is refused by its bytes, whatever its name says, and nothing in it runs."""
        ran = tmp_path / "ran"
        program = f"\x80\x04cos\nmkdir\n(V{ran}\ntR.".encode("latin-1")
        for content in (program, b"PK\x03\x04" + program):
            path = tmp_path / f"pickle{self.suffix}"
            path.write_bytes(content)
            try:
                self.format.read(path)
            except UnsafeFileError:
                pass
            except VectorError as error:
                raise AssertionError(f"A pickle is not called one: {error}") from error
            else:
                raise AssertionError("A pickle was read as a vector.")
            require(not ran.exists(), "The code in a pickle was run.")

    @check
    def test_truncated_file_is_an_error(self, tmp_path: Path) -> None:
        """A file that is cut short gives a VectorError."""
        path = self.written(tmp_path)
        content = path.read_bytes()
        for size in (0, 4, len(content) // 2, len(content) - 4):
            path.write_bytes(content[:size])
            try:
                self.format.read(path)
            except VectorError:
                continue
            raise AssertionError(f"{size} of {len(content)} bytes were read as a vector.")
