"""The only importer of nnsight: open a model, run passes over it, generate."""
