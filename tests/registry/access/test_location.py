"""Where the store may be: a folder of files is refused before any work is done."""

import pytest

from steerstack.errors import RegistryError
from steerstack_registry.access.location import check_writable


@pytest.mark.parametrize("uri", ["file:/tmp/x", "file:///tmp/x", "/tmp/x", "./mlruns", "../mlruns", "~/mlruns"])
def test_a_folder_of_files_is_no_store(uri):
    with pytest.raises(RegistryError, match="so nothing was started") as refused:
        check_writable(uri)
    assert refused.value.seen == uri
    assert "sqlite:///" in refused.value.fix


def test_databases_and_servers_are(tmp_path):
    check_writable(f"sqlite:///{tmp_path}/mlflow.db")
    check_writable("http://127.0.0.1:1")
