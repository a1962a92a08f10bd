"""A programme of one small claim, measured once."""

import pytest
import yaml

from steerstack_plugins.evidence.programme import load_programme
from steerstack_plugins.evidence.run import run_claim


@pytest.fixture(scope="session")
def programme(tmp_path_factory, tiny_folder):
    """The folder of a claim on a tiny model."""
    folder = tmp_path_factory.mktemp("claims")
    study = {
        "study": "stack", "data": "sycophancy", "model": str(tiny_folder), "layers": [1], "shares": [0.1, 0.2],
        "limit": 60, "nulls": 2, "neighbors": 0, "finetunes": [],
    }  # fmt: skip
    claim = {"title": "Tiny", "question": "Does it?", "expectation": "No.", "because": "Its weights are random.",
             "minutes": 1, "study": study}  # fmt: skip
    (folder / "tiny.yaml").write_text(yaml.safe_dump(claim), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def measured(programme, tmp_path_factory):
    """The folder of pages with the claim's finding."""
    pages = tmp_path_factory.mktemp("pages")
    for name, claim in load_programme(programme).items():
        run_claim(name, claim, pages)
    return pages
