"""Probes: classifiers that read activations."""
