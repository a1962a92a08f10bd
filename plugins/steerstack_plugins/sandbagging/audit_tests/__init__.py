"""Tests of an audit, each of which looks for one kind of evidence that a model hides an ability."""
