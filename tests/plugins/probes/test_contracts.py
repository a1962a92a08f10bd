"""Every probe of ours against the contract kit."""

from steerstack.testing import ProbeContract
from steerstack_plugins.probes.linear import LogisticProbe, MeanDifferenceProbe


class TestLogistic(ProbeContract):
    probe = LogisticProbe()


class TestMeanDifference(ProbeContract):
    probe = MeanDifferenceProbe()
