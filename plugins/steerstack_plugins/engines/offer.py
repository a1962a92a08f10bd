"""The engines that come with steerstack."""

from collections.abc import Sequence

from steerstack import hookimpl
from steerstack.contracts import Engine
from steerstack_plugins.engines.ray_engine import RayEngine


@hookimpl
def steerstack_engines() -> Sequence[type[Engine]]:
    """Each of them."""
    return [RayEngine]
