"""The probes that come with steerstack."""

from collections.abc import Sequence

from steerstack import hookimpl
from steerstack.contracts import Probe
from steerstack_plugins.probes.ensemble import EnsembleProbe
from steerstack_plugins.probes.lat import LATProbe
from steerstack_plugins.probes.lda import LDAProbe
from steerstack_plugins.probes.linear import LogisticProbe, MeanDifferenceProbe


@hookimpl
def steerstack_probes() -> Sequence[type[Probe]]:
    """Each of them."""
    return [EnsembleProbe, LATProbe, LDAProbe, LogisticProbe, MeanDifferenceProbe]
