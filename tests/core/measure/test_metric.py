"""A metric's intervals: over the values that there are, and allowing for items that come in clusters."""

import numpy as np

from steerstack.catalog.lookup import find
from steerstack.contracts import Measured
from steerstack.measure.metric import MetricResult
from steerstack.stats import estimates, mean_interval


def test_intervals_allow_for_the_clusters_of_the_items_that_have_a_value():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(6), 5)
    before, gain = rng.normal(size=30), rng.normal(size=6)[groups] + 0.1 * rng.normal(size=30)
    after = before + gain
    after[3] = np.nan
    right = (gain > 0).astype(float)
    arms = [
        Measured(tuple(map(str, range(30))), {"accuracy": right, "log_odds": values}, groups=tuple(groups.tolist()))
        for values in (before, after)
    ]
    result = MetricResult(find("metric", "mmlu").make(), *arms)
    there = ~np.isnan(after)
    assert result.effect("log_odds") == mean_interval((after - before)[there], groups=groups[there])
    assert result.estimate("accuracy") == estimates.share(right, groups=groups)
    assert result.estimate("accuracy").ci_low < estimates.share(right).ci_low
