"""Whatever the header of a GGUF file claims, it is walked within the file's own size, or refused."""

import struct

import gguf
import numpy
import pytest
from tests.support.mutate import mutated

from steerstack.errors import ModelError
from steerstack.trace.open import open_model
from steerstack.util.gguf_header import check_header


@pytest.fixture
def whole(tmp_path):
    """A file with values of every kind and two tensors."""
    file = gguf.GGUFWriter(str(tmp_path / "whole.gguf"), "llama")
    file.add_block_count(2)
    file.add_rope_freq_base(1e4)
    file.add_token_list(["a", "bc", ""])
    file.add_token_types([1, 1, 3])
    file.add_bool("x.y", True)
    file.add_array("x.z", [1.5, 2.5])
    for name in ("a", "b"):
        file.add_tensor(name, numpy.ones((4, 8), numpy.float32))
    file.write_header_to_file()
    file.write_kv_data_to_file()
    file.write_tensors_to_file()
    file.close()
    return tmp_path / "whole.gguf"


def claiming(value):
    return b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1) + b"a" + value


HOSTILE = {
    "an array of 2^40 bytes": claiming(struct.pack("<IIQ", 9, 0, 2**40)),
    "an array of 2^40 texts": claiming(struct.pack("<IIQ", 9, 8, 2**40)),
    "arrays in arrays": claiming(struct.pack("<II", 9, 9) + struct.pack("<QII", 1, 9, 9) * 1000),
    "a text of 2^60 bytes": claiming(struct.pack("<IQ", 8, 2**60)),
    "2^50 tensors": b"GGUF" + struct.pack("<IQQ", 3, 2**50, 0),
    "2^50 keys": b"GGUF" + struct.pack("<IQQ", 3, 0, 2**50),
    "a tensor of 2^40 numbers": b"GGUF"
    + struct.pack("<IQQQ", 3, 1, 0, 1)
    + b"t"
    + struct.pack("<IQIQ", 1, 2**40, 0, 0),
    "another version": b"GGUF" + struct.pack("<IQQ", 9, 0, 0),
    "nothing more": b"GGUF",
}


def test_a_right_one_passes(whole):
    check_header(whole)
    with pytest.raises(ValueError, match="keys"):
        check_header(whole, most=3)


@pytest.mark.parametrize("name", HOSTILE)
def test_one_that_claims_too_much_is_no_model(tmp_path, name):
    path = tmp_path / "m.gguf"
    path.write_bytes(HOSTILE[name])
    with pytest.raises(ValueError, match=r"array|bytes|tensor|version|short"):
        check_header(path)
    with pytest.raises(ModelError, match="could not be loaded"):
        open_model(path)


def test_damaged_ones_are_walked_or_refused(whole):
    """Fixed seeds, half a second's work."""
    content, refused = whole.read_bytes(), 0
    for seed in range(400):
        whole.write_bytes(mutated(content, seed))
        try:
            check_header(whole)
        except ValueError:
            refused += 1
    assert 50 < refused < 400
