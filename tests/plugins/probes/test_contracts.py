"""Every probe of ours against the contract kit."""

from steerstack.catalog.manager import plugins
from steerstack.testing import ProbeContract
from steerstack_plugins.probes.ensemble import EnsembleProbe
from steerstack_plugins.probes.lat import LATProbe
from steerstack_plugins.probes.lda import LDAProbe
from steerstack_plugins.probes.linear import LogisticProbe, MeanDifferenceProbe


class TestLogistic(ProbeContract):
    probe = LogisticProbe()


class TestMeanDifference(ProbeContract):
    probe = MeanDifferenceProbe()


class TestLDA(ProbeContract):
    probe = LDAProbe()


class TestLAT(ProbeContract):
    probe = LATProbe()


class TestEnsemble(ProbeContract):
    probe = EnsembleProbe.make()


def test_every_probe_of_ours_is_checked():
    ours = {cls for cls in plugins().offers("probe").values() if cls.__module__.startswith("steerstack_plugins.")}
    assert ours == {type(cls.probe) for cls in globals().values() if hasattr(cls, "checks") and hasattr(cls, "probe")}
