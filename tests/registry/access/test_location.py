"""Where the store may be: a folder of files is refused before any work is done, and so is an address of no clear host."""

import sqlite3
from contextlib import closing

import pytest

from steerstack.errors import RegistryError
from steerstack_registry.access.connection import check, reaching
from steerstack_registry.access.location import check_form, check_writable, is_made
from steerstack_registry.read.listing import list_vectors


@pytest.mark.parametrize("uri", ["file:/tmp/x", "file:///tmp/x", "/tmp/x", "./mlruns", "../mlruns", "~/mlruns"])
def test_a_folder_of_files_is_no_store(uri):
    with pytest.raises(RegistryError, match="so nothing was started") as refused:
        check_writable(uri)
    assert refused.value.seen == uri
    assert "sqlite:///" in refused.value.fix


def test_databases_and_servers_are(tmp_path):
    check_writable(f"sqlite:///{tmp_path}/mlflow.db")
    check_writable("http://127.0.0.1:1")


def test_no_file_one_without_bytes_and_one_without_tables_are_stores_yet_to_be_made(tmp_path):
    assert not is_made(tmp_path / "m.db")
    (tmp_path / "m.db").touch()
    assert not is_made(tmp_path / "m.db")
    with closing(sqlite3.connect(tmp_path / "m.db")) as db:
        db.execute("VACUUM")
    assert not is_made(tmp_path / "m.db")


def test_a_store_is_made(empty_store, tmp_path):
    assert is_made(empty_store)
    cut = tmp_path / "cut.db"
    cut.write_bytes(empty_store.read_bytes()[:-4096])
    with pytest.raises(RegistryError, match="damaged one; it was left as it is"):
        is_made(cut)


@pytest.mark.parametrize("content", [b"\x00", b"x", b"not a database" * 100])
def test_what_is_no_database_is_no_empty_store(tmp_path, content):
    (tmp_path / "m.db").write_bytes(content)
    uri = f"sqlite:///{tmp_path / 'm.db'}"
    for use in (check, list_vectors, lambda uri: reaching(uri, make=True).__enter__()):
        with pytest.raises(RegistryError, match="no MLflow store") as refused:
            use(uri)
        assert "--tracking-uri" in refused.value.fix
    assert (tmp_path / "m.db").read_bytes() == content


def test_somebody_elses_database_gets_no_tables_of_mlflow(tmp_path):
    with closing(sqlite3.connect(tmp_path / "m.db")) as db, db:
        db.execute("CREATE TABLE notes (text TEXT)")
    with pytest.raises(RegistryError, match="no MLflow store") as refused:
        check(f"sqlite:///{tmp_path / 'm.db'}")
    assert "notes" in refused.value.seen


PLANTED = "pl4nted"


@pytest.mark.parametrize(
    "uri",
    [f"http://ann:pa/{PLANTED}@host:9", f"http://pa@{PLANTED}@host:9", f"https://ann:p?{PLANTED}@host/x",
     f"postgresql://ann:p@{PLANTED}@host/db", f"postgresql://ann:p/{PLANTED}@host/db", f"http://ann:p#{PLANTED}@host",
     "http://host:port", "http://host:0", "http://[::1"],
)  # fmt: skip
def test_an_address_of_no_clear_host_is_refused_before_anybody_is_asked(uri):
    with pytest.raises(RegistryError, match="cannot be taken apart") as refused:
        check_form(uri)
    assert PLANTED not in str(refused.value)


@pytest.mark.parametrize("uri", [f"http://host/?password={PLANTED}", f"https://host?token={PLANTED}", "http://host/#x"])
def test_a_server_has_no_query(uri):
    with pytest.raises(RegistryError, match="has a query") as refused:
        check_form(uri)
    assert PLANTED not in str(refused.value)
    assert "MLFLOW_TRACKING_TOKEN" in refused.value.fix


def test_addresses_that_can_be_taken_apart_pass():
    for uri in ("http://ann:pa%2Fx@host:5000/mlflow", "postgresql+psycopg://ann:pw@/db?host=/tmp", "databricks://me",
                "postgresql://h/db?sslmode=require", "sqlite:////tmp/a@b/m.db?key=x", "sqlite:///m.db", "file:/tmp/x",
                "http://[::1]:5000", "databricks"):  # fmt: skip
        check_form(uri)
