"""Labellers that err as people do: on hard items, on one topic, for the longer answer, with the user, or at random."""
