"""Every error says what happened, what was seen and what to do."""

import inspect

import pytest

from steerstack import errors
from steerstack.errors import DegenerateDirectionError, SteerstackError, nearest

ALL = [e for _, e in inspect.getmembers(errors, inspect.isclass) if issubclass(e, SteerstackError)]


@pytest.mark.parametrize("kind", ALL)
def test_the_message_has_three_parts(kind):
    error = kind("The cat is gone.", seen="an empty basket", fix="Open a tin.")
    assert str(error) == "The cat is gone.\n  seen: an empty basket\n  do:   Open a tin."
    assert (error.happened, error.seen, error.fix) == ("The cat is gone.", "an empty basket", "Open a tin.")


def test_parts_that_are_missing_leave_no_line():
    assert str(SteerstackError("Gone.")) == "Gone."
    assert str(SteerstackError("Gone.", fix="Look.")) == "Gone.\n  do:   Look."
    assert str(SteerstackError("Gone.", seen="dust")) == "Gone.\n  seen: dust"


def test_what_is_quoted_is_shortened():
    """It may be a whole file of somebody's."""
    error = SteerstackError("What " + "x" * 10_000, seen="y" * 2_000, fix="Mend it.")
    assert error.happened.endswith("xx… (8,005 characters more)")
    assert error.seen == "y" * 2_000
    assert len(str(error)) < 4_100


def test_the_tree_is_the_one_in_the_docstring():
    names = [line.split("── ")[1].split()[0] for line in errors.__doc__.splitlines() if "──" in line]
    assert sorted(names) == sorted(e.__name__ for e in ALL if e is not SteerstackError)
    assert issubclass(DegenerateDirectionError, errors.VectorError)
    assert issubclass(errors.UnsafeFileError, errors.VectorError)
    assert issubclass(errors.PolarityError, errors.DataError)
    assert issubclass(errors.RemoteError, errors.ModelError)
    assert len(ALL) == 17


@pytest.mark.parametrize(
    ("name", "known", "said"),
    [
        ("sycophansy", ["truth", "sycophancy"], "did you mean 'sycophancy'? known: sycophancy, truth"),
        ("zzz", ["truth", "sycophancy"], "known: sycophancy, truth"),
        ("zzz", [], "known: none"),
    ],
)
def test_the_nearest_name_is_suggested_and_all_are_listed(name, known, said):
    assert nearest(name, known) == said
    assert nearest(name, iter(known)) == said
