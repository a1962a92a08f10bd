"""Metrics that need no judge: choices among given answers, and text of no behaviour."""
