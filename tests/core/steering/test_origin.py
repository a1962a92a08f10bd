"""What ``transfer`` means: for other weights, for the same, and for a vector that does not say."""

import logging

import pytest
from tests.docs.conftest import DOCS

from steerstack.errors import ModelError
from steerstack.exchange.plan_file import PlannedEdit
from steerstack.steering.origin import TRANSFER, Origin
from steerstack.study.sweep.study import Sweep

HERE = "f" * 64


@pytest.mark.parametrize("transfer", [False, True])
def test_a_vector_of_these_weights_passes_without_a_word(transfer, caplog):
    Origin(model_fingerprint=HERE).check_weights("here", HERE, transfer=transfer)
    assert not caplog.records


def test_a_vector_of_other_weights_is_refused_unless_it_is_wanted(caplog):
    other = Origin(model_fingerprint="0" * 64, model_name="there")
    with pytest.raises(ModelError, match="other weights"):
        other.check_weights("here", HERE, transfer=False)
    other.check_weights("here", HERE, transfer=True)
    assert not caplog.records


def test_a_vector_of_unknown_weights_passes_with_one_remark_unless_it_is_wanted(caplog):
    unknown = Origin(behavior="of nobody knows where")
    unknown.check_weights("here", HERE, transfer=True)
    assert not caplog.records
    for _ in range(3):
        unknown.check_weights("here", HERE, transfer=False)
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("steerstack", logging.WARNING)
    assert "does not say from which weights" in record.getMessage()


def test_every_place_says_it_in_the_same_words():
    import click
    import typer

    from steerstack.cli import app

    def option(*words):
        command = typer.main.get_command(app)
        for word in words:
            command = command.get_command(click.Context(command), word)
        return [one.help for one in command.params if one.name == "transfer"]

    names = [("evaluate",), ("generate",), ("chat",), ("doctor",), ("sweep",), ("vectors", "show")]
    assert [option(*words) for words in names] == [[TRANSFER]] * len(names)
    assert {kind.model_fields["transfer"].description for kind in (Sweep, PlannedEdit)} == {TRANSFER}


@pytest.mark.parametrize("page", ["how-to/exchange", "explanation/portability", "tutorial/own-model"])
def test_pages_speak_of_the_remark(page):
    assert "remark" in (DOCS / f"{page}.md").read_text(encoding="utf-8")
