"""CITATION.cff by the schema of its format (Druskat et al., CC BY 4.0, kept beside this file)."""

import json
from pathlib import Path

import jsonschema
import yaml
from tests.docs.conftest import ROOT

import steerstack

SCHEMA = Path(__file__).parent / "citation-file-format-1.2.0.schema.json"


def test_the_citation_file_is_valid_and_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    jsonschema.validate(citation, json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert (citation["title"], citation["version"]) == ("steerstack", steerstack.__version__)
