"""Runs, versions, data sets and artifacts; the outbox for a store that is down."""
