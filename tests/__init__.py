"""The tests; before torch is loaded, threads of it are told to wait for each other without turning."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
