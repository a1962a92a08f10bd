"""Forward passes on a server that speaks nnsight's protocol."""
