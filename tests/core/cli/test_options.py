"""Options that several commands take."""

import pytest
from tests.support.command import steerstack


@pytest.mark.parametrize(
    "address", ["http://ann:pl4nted@host", "postgresql://pl4nted@host/db", "https://host/?token=pl4nted",
                "sqlite:////a.db?key=pl4nted", "http://ann:pl4n/pl4nted@host"],
)  # fmt: skip
@pytest.mark.parametrize("command", [("doctor",), ("registry", "list"), ("sweep", "--data", "x", "--layers", "1")])
def test_a_password_is_no_argument(command, address):
    done = steerstack(*command, "--tracking-uri", address, check=False)
    assert done.returncode == 1
    assert "MLFLOW_TRACKING_PASSWORD" in done.stderr
    assert "pl4nted" not in done.stdout + done.stderr
