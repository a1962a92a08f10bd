"""What every extractor has to do, on pairs with a planted direction."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
import torch

from steerstack.contracts import Extractor, Fitted
from steerstack.data.items import DataSet
from steerstack.errors import SteerstackError
from steerstack.steering.vector import SteeringVector, cosine
from steerstack.techniques.extract import fit
from steerstack.testing.kit.contract import check, require
from steerstack.testing.kit.method import MethodContract
from steerstack.testing.planted import PlantedPairs, planted_data, planted_model, swapped

if TYPE_CHECKING:
    from pathlib import Path

    from steerstack.trace.model import Model

SAME = 0.999
"""Cosine of directions that are to be the same but for rounding."""


_usual: dict[type, SteeringVector] = {}


class ExtractorContract(MethodContract):
    """Checks of an extractor: ``class TestMine(ExtractorContract): method = Mine()``.

    Attributes
    ----------
    method:
        The extractor, with the parameters to check it by.
    least_cosine:
        Cosine, at every layer, between what is found and what was planted.
    pairs:
        Number of pairs that it is given.
    """

    method: ClassVar[Extractor]
    least_cosine: ClassVar[float] = 0.95
    pairs: ClassVar[int] = 64

    @property
    def subject(self) -> Extractor:
        """The extractor."""
        return self.method

    def model(self, architecture: str = "llama") -> Model:
        """The model in which the direction is planted: shared with other checks, unless overridden."""
        return planted_model(architecture)

    def stream(self, data: DataSet | None = None, **options: Any) -> PlantedPairs:
        """Planted pairs, read as the method asks."""
        return PlantedPairs(self.model(), data or planted_data(self.pairs), **self._read(), **options)

    def _read(self) -> dict[str, Any]:
        return {"position": self.method.position, "component": self.method.component}

    def fitted(self, stream: PlantedPairs | None = None) -> SteeringVector:
        """The vector that the method makes of a stream; of the usual one, made once for all checks."""
        if stream is None:
            if type(self) not in _usual:
                _usual[type(self)] = self.fitted(self.stream())
            return _usual[type(self)]
        torch.manual_seed(0)
        return fit(self.method, stream)

    def planted(self, vector: SteeringVector) -> dict[int, float]:
        """Cosine with the planted direction, by layer of the vector, where the vector acts."""
        stream = self.stream().at(component=vector.component)
        return {layer: cosine(vector[layer], stream.direction(layer)) for layer in vector.layers}

    @check
    def test_recovers_the_planted_direction(self) -> None:
        """The direction found points along the planted one, at every layer."""
        cosines = self.planted(self.fitted())
        require(
            min(cosines.values()) >= self.least_cosine,
            f"The planted direction is not found: a cosine below {self.least_cosine}.",
            seen=_by_layer(cosines),
        )

    @check
    def test_sign_flips_when_the_classes_swap(self) -> None:
        """With the sides exchanged the direction points the other way: adding it makes the positive side likelier."""
        one, other = self.fitted(), self.fitted(self.stream(swapped(planted_data(self.pairs))))
        cosines = {layer: cosine(one[layer], other[layer]) for layer in one.layers}
        require(
            max(cosines.values()) <= 1 - 2 * self.least_cosine**2,  # each lies within that angle of the planted axis
            "The direction does not turn round when the two sides are exchanged.",
            seen=_by_layer(cosines),
        )

    @check
    def test_pair_order(self) -> None:
        """The order of the pairs does not matter."""
        data = planted_data(self.pairs)
        _require_same(self.fitted(), self.fitted(self.stream(data.take(data.items[::-1]))), "the order of the pairs")

    @check
    def test_batch_size(self) -> None:
        """How the pairs are cut into batches does not matter."""
        _require_same(self.fitted(), self.fitted(self.stream(batch=5)), "the batch size")

    @check
    def test_directions_are_plain(self) -> None:
        """Directions are float32 on the CPU, of the width of their site, and carry no gradient."""
        stream = self.stream()
        result = self.method.fit(stream)
        fitted = Fitted.of(result)
        width = stream.at(component=fitted.component or stream.component).direction(0).shape[0]
        require(bool(fitted.directions), "There is no direction.")
        for layer, direction in fitted.directions.items():
            properties = (tuple(direction.shape), str(direction.dtype), str(direction.device), direction.requires_grad)
            require(
                properties == ((width,), "torch.float32", "cpu", False) and layer in stream.layers,
                f"The direction at layer {layer} is not a plain one.",
                seen=f"shape, dtype, device, gradient: {properties}",
                fix=f"Give float32 on the CPU of shape ({width},), detached, at layers of the stream.",
            )

    @check
    def test_inputs_untouched(self) -> None:
        """Activations, model and data are left as they were."""
        model = self.model()
        before = {name: tensor.clone() for name, tensor in model.module.state_dict().items()}
        stream = self.stream()
        modes = (model.module.training, any(p.requires_grad for p in model.module.parameters()), stream.data.digest)
        self.fitted(stream)
        changed = sum(not torch.equal(now, then) for now, then in stream.given)
        require(not changed, f"{changed} of {len(stream.given)} tensors of activations were changed in place.")
        weights = [n for n, tensor in model.module.state_dict().items() if not torch.equal(tensor, before[n])]
        require(not weights, "The model's weights were changed.", seen=weights[:3])
        after = (model.module.training, any(p.requires_grad for p in model.module.parameters()), stream.data.digest)
        require(after == modes, "The model's mode or the data were changed.", seen=f"{modes} before, {after} after")

    @check
    def test_equal_sides_are_an_error(self) -> None:
        """Where the two sides are the same there is a clear error: no direction, and no NaN."""
        try:
            vector = fit(self.method, self.stream(equal=True))
        except SteerstackError as error:
            require(bool(error.fix), "The error does not say what to do.", seen=error, fix="Pass fix=...")
            return
        raise AssertionError(f"Pairs of equal sides gave a vector, with norms {vector.norms}.")

    @check
    def test_repeats(self) -> None:
        """The same method on the same pairs gives the same vector, whatever the global random state."""
        one, stream = self.fitted(), self.stream()
        torch.manual_seed(1)
        other = fit(self.method, stream)
        for layer in one.layers:
            gap = float((one[layer] - other[layer]).abs().max()) if layer in other.layers else math.inf
            require(
                gap <= 1e-5 * float(one[layer].norm()),
                f"Run twice, it gives two vectors at layer {layer}.",
                seen=f"largest difference {gap:.2g}, norm {one[layer].norm():.2g}",
                fix="Draw from a generator of your own, seeded by a parameter.",
            )

    @check
    def test_save_and_load(self, tmp_path: Path) -> None:
        """A vector that is saved and loaded is the same."""
        vector = self.fitted()
        vector.save(tmp_path / "v.safetensors")
        loaded = SteeringVector.load(tmp_path / "v.safetensors")
        require(loaded.fingerprint == vector.fingerprint, "The loaded vector is another one.")

    @pytest.mark.parametrize("architecture", ["bloom"])
    @check
    def test_architectures(self, architecture: str) -> None:
        """It works where blocks return tuples and no prefix is shared (BLOOM)."""
        stream = PlantedPairs(self.model(architecture), planted_data(self.pairs), **self._read())
        vector = self.fitted(stream)
        require(all(math.isfinite(n) and n > 0 for n in vector.norms.values()), "Not a vector.", seen=vector.norms)


def _by_layer(values: dict[int, float]) -> str:
    return ", ".join(f"layer {layer}: {value:.3f}" for layer, value in values.items())


def _require_same(one: SteeringVector, other: SteeringVector, what: str) -> None:
    require(one.layers == other.layers, f"The layers depend on {what}.", seen=f"{one.layers} and {other.layers}")
    cosines = {layer: cosine(one[layer], other[layer]) for layer in one.layers}
    require(min(cosines.values()) >= SAME, f"The direction depends on {what}.", seen=_by_layer(cosines))
    lengths = {layer: other.norms[layer] / one.norms[layer] for layer in one.layers}
    alike = all(abs(ratio - 1) < 1e-2 for ratio in lengths.values())
    require(alike, f"The norm depends on {what}.", seen=_by_layer(lengths))
