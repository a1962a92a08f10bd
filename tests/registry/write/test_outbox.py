"""A store that is down loses nothing, and takes everything once when it is back."""

import http.server
import socket
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from steerstack.contracts.recorder import RunRecord
from steerstack.errors import RegistryError, SteerstackError
from steerstack.steering.vector import SteeringVector
from steerstack_registry.write import outbox
from steerstack_registry.write.outbox import KeptError, pending, record, send_all

Make = Callable[..., RunRecord]
DOWN = "http://127.0.0.1:9"


@pytest.fixture
def tries(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that each attempt to reach a server was given: two in all, where MLflow alone makes eight."""
    from urllib3.util import connection

    timeouts: list[float] = []
    plain = connection.create_connection

    def connect(address: tuple[str, int], timeout: float, *more: object, **options: object) -> socket.socket:
        timeouts.append(timeout)
        return plain(address, timeout, *more, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(connection, "create_connection", connect)
    return timeouts


def _runs(store: str) -> list:  # type: ignore[type-arg]
    from mlflow import MlflowClient

    client = MlflowClient(store)
    return list(client.search_runs([e.experiment_id for e in client.search_experiments()]))


def test_kept_whole_then_sent_once(store: str, make_run: Make, vector: SteeringVector, tries: list[float]) -> None:
    with pytest.raises(KeptError) as caught:
        record(make_run(), DOWN)
    assert tries == [20, 20]
    assert pending() == [caught.value.folder]
    assert str(caught.value.folder) in caught.value.happened
    assert "refused" in caught.value.seen
    assert "steerstack send" in caught.value.fix
    (sent,) = send_all(store)
    assert pending() == []
    assert send_all(store) == []
    (run,) = _runs(store)
    assert run.info.run_id == sent.run_id
    assert run.data.tags["steerstack.record_id"] == caught.value.folder.name
    from steerstack_registry.read.listing import list_vectors
    from steerstack_registry.read.load_vector import load_vector

    assert load_vector(sent.model_uri, store).fingerprint == vector.fingerprint
    (row,) = [row for row in list_vectors(store) if row["role"] == "base"]
    assert row["effects"]["effect/alone"]["ci_high"] == pytest.approx(0.5)


def test_sent_but_not_removed_is_not_sent_twice(store: str, make_run: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeptError):
        record(make_run(), DOWN)
    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", lambda *_, **__: None)  # killed before the folder was removed
        (first,) = send_all(store)
    (again,) = send_all(store)
    assert again == first
    assert len(_runs(store)) == 1


def test_what_is_recorded_twice_is_one_record(store: str, make_run: Make) -> None:
    """A study that was killed after it was recorded, or that ran on its ledger again, found the same."""
    first, again = record(make_run(), store), record(make_run(), store)
    assert again == first
    with pytest.raises(KeptError):
        record(make_run(), DOWN)
    assert send_all(store) == [first]
    other = record(make_run(n_items=21), store)
    assert {run.info.run_id for run in _runs(store)} == {first.run_id, other.run_id}


def test_what_was_killed_while_it_was_recorded_is_gone_on_with(
    store: str, make_run: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("mlflow.MlflowClient.log_artifact", lambda *_, **__: (_ for _ in ()).throw(SystemExit))
        patch.setattr("mlflow.MlflowClient.set_terminated", lambda *_, **__: None)  # SIGKILL tidies nothing up
        with pytest.raises(SystemExit):
            record(make_run(), store)
    (half,) = _runs(store)
    assert half.info.status == "RUNNING"
    whole = record(make_run(), store)
    (run,) = _runs(store)
    assert run.info.run_id == whole.run_id == half.info.run_id
    assert (run.info.status, len(run.data.metrics)) == ("FINISHED", 7)


def test_half_sent_is_sent_whole(store: str, make_run: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ConnectionError("the cable was pulled")

    with monkeypatch.context() as patch:
        patch.setattr("mlflow.MlflowClient.log_artifact", fail)
        with pytest.raises(KeptError, match="the cable was pulled"):
            record(make_run(), store)
    (half,) = _runs(store)
    assert half.info.status == "FAILED"
    (sent,) = send_all()  # to the store it was meant for
    (run,) = _runs(store)
    assert run.info.run_id == sent.run_id == half.info.run_id  # gone on with, not made twice
    assert (run.info.status, len(run.data.metrics)) == ("FINISHED", 7)
    assert len(run.outputs.model_outputs) == 2
    assert sent.model_uri.endswith("/1")


def test_a_kill_before_the_version_leaves_no_orphan(
    store: str, make_run: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    def die(*_: object, **__: object) -> None:
        raise ConnectionError("killed between the model and its version")

    def models() -> list:  # type: ignore[type-arg]
        client = MlflowClient(store)
        return list(client.search_logged_models([e.experiment_id for e in client.search_experiments()]))

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "create_registered_model", die)
        with pytest.raises(KeptError, match="killed between"):
            record(make_run(), store)
    (left,) = models()
    (sent,) = send_all(store)
    assert sent.model_uri
    assert len(models()) == 2  # the one that was left, and the one refitted on the fine-tune
    assert left.model_id in {model.model_id for model in models()}


def test_an_impatient_user_loses_nothing(store: str, make_run: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what the same command records later no longer waits; what waits for another store still does."""

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("mlflow.MlflowClient.create_run", interrupt)
        with pytest.raises(KeyboardInterrupt):
            record(make_run(), store)
    assert len(pending()) == 1
    with pytest.raises(KeptError) as caught:
        record(make_run(), DOWN)
    assert len(pending()) == 2
    record(make_run(), store)
    assert pending() == [caught.value.folder]
    assert len(_runs(store)) == 1


def test_what_cannot_be_sent_still_waits(store: str, make_run: Make) -> None:
    with pytest.raises(KeptError):
        record(make_run(), DOWN)
    with pytest.raises(KeptError):
        record(make_run(), store.replace("sqlite", "nosuchdatabase"))
    with pytest.raises(RegistryError, match="0 sent, 2 still waiting"):
        send_all()
    (pending()[0] / outbox.RECORD).write_text("{")
    with pytest.raises(RegistryError, match="1 sent, 1 still waiting"):
        send_all(store)


def test_no_password_on_disk(make_run: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeptError) as caught:
        record(make_run(), "http://ann:secret@127.0.0.1:9")
    assert "secret" not in str(caught.value)
    assert "secret" not in (caught.value.folder / outbox.RECORD).read_text()
    with pytest.raises(RegistryError, match="1 still waiting") as unsent:
        send_all()
    assert "--tracking-uri" in unsent.value.fix


def test_no_room_for_keeping_it(make_run: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SteerstackError, match="could not be written") as caught:
        record(make_run(), DOWN)
    assert "No space left" in caught.value.seen
    monkeypatch.undo()
    assert pending() == []


def test_a_second_send_keeps_away(store: str) -> None:
    with outbox.alone(), pytest.raises(RegistryError, match="Another send"):
        send_all(store)


def test_a_silent_store_does_not_hang(make_run: Make, monkeypatch: pytest.MonkeyPatch, tries: list[float]) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")  # the user's own setting is used
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        with pytest.raises(KeptError) as caught:
            record(make_run(), f"http://127.0.0.1:{deaf.getsockname()[1]}")
    assert tries == [1, 1]
    assert "time" in caught.value.seen.lower()


def test_the_outbox_is_under_the_home(own_home: Path, make_run: Make) -> None:
    with pytest.raises(KeptError) as caught:
        record(make_run(), DOWN)
    assert caught.value.folder.parent == own_home / "outbox"


def test_a_store_in_trouble(make_run: Make) -> None:
    paths: list[str] = []

    class Trouble(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_error(503)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Trouble) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(KeptError) as caught:
            record(make_run(), f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    assert len(paths) == 2
    assert len(set(paths)) == 1
    assert "503" in caught.value.seen


def test_a_damaged_store_is_told_of_once(store: str, make_run: Make, caplog: pytest.LogCaptureFixture) -> None:
    """MLflow logs what goes wrong in a database, and raises it."""
    with sqlite3.connect(store.removeprefix("sqlite:///")) as db:
        db.execute("ALTER TABLE experiments RENAME COLUMN lifecycle_stage TO another")
    with pytest.raises(KeptError, match="did not take the run") as caught:
        record(make_run(), store)
    assert "lifecycle_stage" in caught.value.seen
    assert [entry for entry in caplog.records if entry.name.startswith("mlflow")] == []
