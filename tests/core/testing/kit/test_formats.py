"""The contracts of data and vector formats: a wrong format fails the very check that it breaks."""

import json

import pytest
from tests.core.testing.kit import formats
from tests.core.testing.kit.failing import failing

from steerstack.testing import DataFormatContract, VectorFormatContract

DATA = {
    formats.Pairs: set(),
    formats.ClaimsAll: {"recognises_its_own_and_no_other"},
    formats.Guesses: {"unknown_polarity_is_refused"},
    formats.ReadsTruncated: {"truncated_file_is_an_error"},
    formats.Crashes: {"truncated_file_is_an_error"},
}
ROUND_TRIP = {"round_trip_keeps_directions", "round_trip_keeps_steered_scores"}
VECTORS = {
    formats.Own: set(),
    formats.Unsaid: {"convention"},
    formats.ShiftsLayers: ROUND_TRIP,
    formats.Normalises: ROUND_TRIP,
    formats.Unpickles: {"refuses_pickles"},
    formats.CallsItBroken: {"refuses_pickles"},
    formats.Optimist: {"truncated_file_is_an_error"},
}


class PairsContract(DataFormatContract):
    def own_file(self, folder, **more):
        path = folder / "mine.pairs"
        path.write_text(json.dumps({"shows": "kind", "pairs": {f"q{n}": ["yes", "no"] for n in range(4)}, **more}))
        return path

    def unclear_file(self, folder):
        path = self.own_file(folder)
        path.write_text(json.dumps({"pairs": json.loads(path.read_text())["pairs"]}))
        return path


@pytest.mark.parametrize("cls", DATA, ids=lambda cls: cls.__name__)
def test_a_wrong_data_format_fails_the_check_that_it_breaks(cls, tmp_path):
    assert failing(type("TestWrong", (PairsContract,), {"format": cls()}), tmp_path) == DATA[cls]


@pytest.mark.parametrize("cls", VECTORS, ids=lambda cls: cls.__name__)
def test_a_wrong_vector_format_fails_the_check_that_it_breaks(cls, tmp_path):
    assert failing(type("TestWrong", (VectorFormatContract,), {"format": cls()}), tmp_path) == VECTORS[cls]
