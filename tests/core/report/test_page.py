"""Where a result is from, by what each digest is of."""

from steerstack.report.page import provenance


def test_digests_by_what_they_are_of(llama):
    assert provenance(llama, {"data": "d", "easy": "e", "hard": {"train": "f", "test": "g"}}) == {
        "model": f"{llama.name} {llama.fingerprint}", "data": "d", "easy data": "e", "hard train": "f", "hard test": "g",
    }  # fmt: skip
