"""No secret of an address survives where it is shown or kept, whatever characters it holds."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from steerstack.address import public_address, public_text
from steerstack.errors import RegistryError

PLANTED = "pl4nted"
ADDRESSES = [
    f"postgresql://ann:pa/{PLANTED}@host/db",
    f"http://pa@{PLANTED}@host/x",
    f"http://{PLANTED}:{PLANTED}@host:5000",
    f"http://host/?password={PLANTED}",
    f"https://host/x?token={PLANTED}#{PLANTED}",
    f"https://host/x?a=1&token={PLANTED}@{PLANTED}",
    f"sqlite:////tmp/a@b/m.db?key={PLANTED}",
    f"http://ann:p?{PLANTED}@host/x",
    f"http://ann:p#a@{PLANTED}@host/x",
    f"postgresql+psycopg://{PLANTED}:{PLANTED}@/db?host=/tmp",
    f"http://ann:pw%40{PLANTED}@host",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_secret_is_left(address):
    assert PLANTED not in public_address(address)
    assert PLANTED not in public_text(f"It is '{address}', or {address}: {PLANTED}@host said no.", address)
    assert PLANTED not in str(RegistryError(f"{address} is away.", seen=address, fix=f"Try {address}"))


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:5000", "sqlite:////home/a@b/mlflow.db", "file:///tmp/x y", "databricks", "", "https://h/a/b"]
)  # fmt: skip
def test_what_holds_none_stays(address):
    assert public_address(address) == address


@given(st.text(alphabet="ab:/@?#=&%. ", max_size=12), st.text(alphabet="ab:/@?#=&%. ", max_size=12))
@example("u:p@", "?x")
def test_whatever_stands_around_it(before, after):
    assert PLANTED not in public_address(f"http://u:{before}{PLANTED}{after}@host/db")
    assert PLANTED not in public_address(f"http://host/db?{before}{PLANTED}{after}")
