"""Digests, files, folders, and the one cache on disk: what imports nothing of steerstack but errors."""
