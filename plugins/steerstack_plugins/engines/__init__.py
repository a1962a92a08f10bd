"""Engines that spread a study over other machines."""
