"""A server of nnsight's protocol in one process: one model, one request at a time."""
