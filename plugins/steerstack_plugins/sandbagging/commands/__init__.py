"""The commands ``audit`` and ``sandbag``."""
