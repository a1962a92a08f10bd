"""The exception tree. Every error says what happened, what was seen and what to do.

::

    SteerstackError
    ├── ArgumentError        a function was given something that it does not take
    ├── DataError            a data file that is missing, malformed or ambiguous
    │   └── PolarityError    nobody said what the "matching" answer means
    ├── VectorError          a vector that cannot be read, or does not fit
    │   ├── UnsafeFileError  a pickle, or something that would run code
    │   └── DegenerateDirectionError   NaN, infinite or zero
    ├── ModelError           a model that cannot be opened or is not what it seems
    │   └── RemoteError      a server that cannot be reached, refuses or fails
    ├── SiteError            a layer, component or position that does not exist
    ├── NothingEditedError   a plan that touched no position
    ├── PluginError          an unknown name, or a plugin that failed to import
    │   └── ParameterError   a method's parameter that does not exist or does not fit
    ├── ExtractionError      an extractor that cannot work with what it was given
    ├── JudgeError           a judge that cannot be reached
    ├── StudyError           a study that cannot be run or resumed as asked
    └── RegistryError        the tracking store is down or refuses
"""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from steerstack.address import public_text

LONGEST = 2_000
"""Characters of each part of a message."""


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text) - LONGEST:,} characters more)"


class SteerstackError(Exception):
    """Base of all errors that steerstack raises on purpose.

    Parameters
    ----------
    happened:
        One sentence: what went wrong.
    seen:
        What was found instead of what was needed.
    fix:
        What the reader can do about it.
    """

    def __init__(self, happened: str, *, seen: str = "", fix: str = "") -> None:
        # messages end up in logs and reports, and what they quote may be a whole file of somebody's
        happened, seen, fix = (_shortened(public_text(text)) for text in (happened, seen, fix))
        self.happened, self.seen, self.fix = happened, seen, fix
        lines = [happened]
        if seen:
            lines.append(f"  seen: {seen}")
        if fix:
            lines.append(f"  do:   {fix}")
        super().__init__("\n".join(lines))


class ArgumentError(SteerstackError):
    """A function was given something that it does not take."""


class DataError(SteerstackError):
    """A data file is missing, malformed or ambiguous."""


class PolarityError(DataError):
    """Nobody said whether the file's "matching" answer exhibits the behaviour."""


class VectorError(SteerstackError):
    """A vector file cannot be read, or the vector does not fit the model at hand."""


class UnsafeFileError(VectorError):
    """The file is a pickle, or would run code when read."""


class DegenerateDirectionError(VectorError):
    """A direction is NaN, infinite or zero."""


class ModelError(SteerstackError):
    """A model cannot be opened, or does not behave as its names promise."""


class RemoteError(ModelError):
    """A server that holds a model cannot be reached, refuses, or fails; or something cannot run there."""


class SiteError(SteerstackError):
    """A layer, component or token position does not exist."""


class NothingEditedError(SteerstackError):
    """A plan ran and touched no position."""


class PluginError(SteerstackError):
    """A plugin name is unknown, or the plugin that offers it failed to import."""


class ParameterError(PluginError):
    """A method has no such parameter, or the value does not fit it."""


class ExtractionError(SteerstackError):
    """An extractor cannot work with the pairs, or the model, that it was given."""


class JudgeError(SteerstackError):
    """A judge cannot be reached, or answers nothing that can be used.

    Attributes
    ----------
    given:
        Verdicts given before it failed, by index of the answer; callers keep them.
    """

    def __init__(self, happened: str, *, seen: str = "", fix: str = "", given: Mapping[int, Any] | None = None) -> None:
        super().__init__(happened, seen=seen, fix=fix)
        self.given: Mapping[int, Any] = given or {}


class StudyError(SteerstackError):
    """A study cannot be run, or resumed, as asked."""


class RegistryError(SteerstackError):
    """The tracking store cannot be reached, or refuses."""


def nearest(name: str, known: Iterable[str]) -> str:
    """A sentence that suggests the nearest of the known names, and lists them all."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}known: {', '.join(names) or 'none'}"


def first_line(error: BaseException) -> str:
    """The first line of what an error says, or its type where it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
