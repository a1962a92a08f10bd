"""Statistics on arrays, one entry an item; no model."""

from steerstack.stats.combination import Additivity, additivity
from steerstack.stats.estimate import Estimate
from steerstack.stats.intervals import mean_interval, proportion_interval
from steerstack.stats.learning_curves import Crossing, crossing
from steerstack.stats.ranks import rank_p
from steerstack.stats.ratio import ratio_interval

__all__ = [
    "Additivity",
    "Crossing",
    "Estimate",
    "additivity",
    "crossing",
    "mean_interval",
    "proportion_interval",
    "rank_p",
    "ratio_interval",
]
