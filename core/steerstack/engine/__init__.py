"""What arms share, and how they are batched. Nothing here imports nnsight."""
