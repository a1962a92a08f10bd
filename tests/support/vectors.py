"""Vectors that tests make of other vectors."""

from dataclasses import replace

from steerstack.steering.vector import SteeringVector


def longer(vector: SteeringVector, factor: float) -> SteeringVector:
    """Another vector of the same origin: arithmetic would say in the origin that it was scaled."""
    return replace(vector, directions={layer: factor * one for layer, one in vector.directions.items()})
