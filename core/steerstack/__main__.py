"""``python -m steerstack``."""

from steerstack.cli import main

main()
