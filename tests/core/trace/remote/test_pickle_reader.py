"""What a server saved is read without running anything: values that NDIF sends, and files that would run code."""

import collections
import copyreg
import io
import pickle
import zipfile

import pytest
import torch
import zstandard
from nnsight.intervention.backends.remote import RemoteBackend
from nnsight.schema.response import ResponseModel, Status
from tests.support.hostile import Touch, saved

from steerstack.errors import RemoteError
from steerstack.trace.remote import pickle_reader
from steerstack.trace.remote.pickle_reader import decompressed, guard_nnsight, read_saved

VALUES = {
    "bytes": b"\x00\xff" * 5000,
    "numbers": [1, -2.5, 10**30, 1 + 2j, True, None],
    "text": "é" * 300,
    "containers": {"a": (1, [2, {3}], frozenset([4])), 5: collections.OrderedDict(b=slice(1, 2))},
    "kinds": [torch.float16, torch.device("cpu"), torch.Size([1, 2]), Status.COMPLETED],
}
TENSORS = {
    "a view": torch.arange(24).reshape(2, 3, 4)[1:, ::2, 1],
    "a scalar": torch.tensor(3.0),
    "nothing": torch.empty(0, 3),
    "bfloat16": torch.ones(3, dtype=torch.bfloat16),
    "float8": torch.ones(3).to(torch.float8_e4m3fn),
    "uint16": torch.arange(3).to(torch.uint16),
    "parameter": torch.nn.Parameter(torch.ones(2)),
    "with gradient": torch.ones(2, requires_grad=True),
    "one row for all": torch.arange(8.0).expand(50, 8),
}


def written(value, protocol):
    file = io.BytesIO()
    torch.save(value, file, pickle_protocol=protocol)
    return file.getvalue()


@pytest.mark.parametrize("protocol", [2, 4])
def test_values_come_back(protocol):
    assert read_saved(written(VALUES, protocol)) == VALUES


@pytest.mark.parametrize("name", TENSORS)
def test_tensors_come_back(name):
    tensor = read_saved(written({"x": [TENSORS[name]]}, 4))["x"][0]
    assert tensor.dtype == TENSORS[name].dtype
    assert torch.equal(tensor.float(), TENSORS[name].float())


def test_tensors_that_share_their_bytes_still_do():
    whole = torch.zeros(4)
    one, other = read_saved(written([whole, whole[2:]], 4))
    one[3] = 7
    assert other.tolist() == [0, 7]


class Slots:
    """Is made by pickle's own instruction, and given its state by another."""

    def __reduce__(self):
        return copyreg.__newobj__, (Slots,), {"x": 1}


def attacks(path):
    touch = Touch(path)
    yield "alone", saved(touch, compress=False)
    yield "within", saved({"said": [b"", {"x": touch}]}, compress=False)
    yield "old form", written_old(touch)
    yield "no archive", pickle.dumps(touch)
    yield "eval", archive(b"cbuiltins\neval\n(S'open(\"" + str(path).encode() + b'", "w")\'\ntR.')
    yield "a dotted name", archive(b"\x80\x04\x8c\x05torch\x8c\x14nn.functional.os.pop\x93.")
    yield "torch's own loader", archive(b"ctorch\nload\n(S'" + str(path).encode() + b"'\ntR.")
    yield "an instance", archive(f"(ios\nmkdir\nS'{path}'\n.".encode())
    yield "an object", archive(f"(cos\nmkdir\nS'{path}'\no.".encode())
    yield "a class of ours", saved(Slots(), compress=False)
    yield "a function changed", archive(b"ctorch.serialization\n_get_layout\n(N}S'_call'\ncos\nsystem\nstb.")
    yield "more than its bytes", overreach()
    yield "a bomb", archive(b"N.", compression=zipfile.ZIP_DEFLATED)


def written_old(value):
    file = io.BytesIO()
    torch.save(value, file, pickle_protocol=4, _use_new_zipfile_serialization=False)
    return file.getvalue()


def archive(data, compression=zipfile.ZIP_STORED, **parts):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive_file:
        archive_file.writestr("archive/data.pkl", data)
        for name, part in parts.items():
            archive_file.writestr(f"archive/data/{name}", part)
    return file.getvalue()


def overreach():
    """A tensor of a million numbers in eight bytes."""
    sound = zipfile.ZipFile(io.BytesIO(written(torch.zeros(1000), 4)))
    return archive(
        sound.read(next(name for name in sound.namelist() if name.endswith("data.pkl"))), **{"0": b"12345678"}
    )


@pytest.mark.parametrize("place", range(13))
def test_no_file_runs_code(tmp_path, place):
    name, content = list(attacks(tmp_path / "ran"))[place]
    with pytest.raises(RemoteError, match="answer was not read"):
        read_saved(content)
    assert not (tmp_path / "ran").exists(), name


def test_the_attacks_would_run_elsewhere(tmp_path):
    for name, content in [*attacks(tmp_path / "ran")][:2]:
        torch.load(io.BytesIO(content), weights_only=False)
        assert (tmp_path / "ran").exists(), name
        (tmp_path / "ran").unlink()


@pytest.mark.parametrize("cut", [0, 1, 10, 200, -1])
def test_damaged_files_are_named(cut):
    with pytest.raises(RemoteError, match="damaged"):
        read_saved(written({"x": torch.ones(100)}, 4)[:cut])


def doubled(levels):
    """A tuple that holds the same tuple twice, which holds the same tuple twice, and so on, as a key."""
    twice = [b"q%c0h%ch%c\x86" % (place, place, place) for place in range(levels)]
    return archive(b"}(K\x01" + b"".join(twice) + b"Nu.")


BOMBS = {
    "a place in memory far away": archive(b"]r\xff\xff\xff\x7f."),
    "as many zeros as a number says": archive(b"cbuiltins\nbytearray\n(J\xff\xff\xff\x7ftR."),
    "one number, repeated": written(torch.ones(1).expand(1 << 30), 4),
    "tuples of tuples": doubled(60),
}


@pytest.mark.parametrize("name", BOMBS)
def test_little_does_not_become_much(name):
    with pytest.raises(RemoteError, match="answer was not read"):
        read_saved(BOMBS[name])


def test_few_tuples_of_tuples_are_read():
    (key,) = read_saved(doubled(3))
    assert key == (((1, 1), (1, 1)), ((1, 1), (1, 1)))


def test_an_answer_does_not_grow_beyond_measure_when_it_is_decompressed(monkeypatch):
    few = zstandard.ZstdCompressor().compress(bytes(10_000))
    assert decompressed(few, compress=True) == bytes(10_000)
    monkeypatch.setattr(pickle_reader, "DECOMPRESSED", 9_999)
    unsaid = zstandard.ZstdCompressor(write_content_size=False).compress(bytes(10_000))
    for content in (few, unsaid):
        with pytest.raises(RemoteError, match="damaged"):
            decompressed(content, compress=True)


def test_nnsights_own_clients_run_nothing_either(tmp_path):
    guard_nnsight()  # as the opening of any model does
    touch = Touch(tmp_path / "ran")
    backend = RemoteBackend("nnsight.X:{}", host="http://127.0.0.1:9")
    with pytest.raises(RemoteError):
        backend.finalize(saved({"x": touch}))
    with pytest.raises(RemoteError):
        ResponseModel.unpickle(saved({"id": "1", "status": "COMPLETED", "data": touch}, compress=False))
    assert not (tmp_path / "ran").exists()
    assert backend.finalize(saved({"x": 1})) == {"x": 1}
    response = ResponseModel(id="1", status=Status.COMPLETED, data={"x": torch.ones(2)})
    assert ResponseModel.unpickle(response.pickle()).data["x"].tolist() == [1, 1]
