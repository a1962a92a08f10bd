"""Auditors that come with steerstack."""
