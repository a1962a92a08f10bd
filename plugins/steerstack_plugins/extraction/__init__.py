"""Extractors: one direction per layer from contrast pairs."""
