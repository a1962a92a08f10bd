"""steerstack: what a steering vector improves, by how much, and whether it stacks."""

from steerstack.hookspecs import hookimpl

__version__ = "0.1.0"
__all__ = ["__version__", "hookimpl"]
