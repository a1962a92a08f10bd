"""The plugin against the contract kit."""

from steerstack_plugin_example import AnswerEntropy, NearestMean, TrimmedDifference

from steerstack.testing import ExtractorContract, MetricContract, ProbeContract


class TestTrimmedDifference(ExtractorContract):
    method = TrimmedDifference()


class TestAnswerEntropy(MetricContract):
    metric = AnswerEntropy(limit=6)


class TestNearestMean(ProbeContract):
    probe = NearestMean()
