"""The contract kit: what every plugin of a kind has to do, as test classes to inherit."""
