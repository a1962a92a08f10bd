"""Answer forms: how an answer by label is written, up to the label itself."""

from steerstack.errors import DataError

FORMS = ("(A", "A", " A", "Answer: A")
"""Forms that are tried on every model; the ``A`` at the end stands for the label, whatever it is."""

_USUAL = {"letter": "(A", "yes-no": "A"}
_CLOSED = {"(": ")", "[": "]", "**": "**", '"': '"'}


def forms_for(mode: str) -> tuple[str, ...]:
    """The forms that are tried in a scoring mode: Yes and No are not put in brackets."""
    return FORMS if mode == "letter" else tuple(form for form in FORMS if not form.startswith("("))


def check_form(form: str) -> str:
    """A form as it was given, with ``A`` for the label (``Answer: Yes`` is the same as ``Answer: A``).

    Raises
    ------
    DataError
        It does not end with a label.
    """
    for label in ("A", "Yes", "No"):
        if form.endswith(label):
            return form[: -len(label)] + "A"
    raise DataError(
        f"The answer form {form!r} does not end with the label.",
        fix=f"Write A where the label stands, at the end: {', '.join(map(repr, FORMS))}, or 'The answer is A'.",
    )


def prefix_of(form: str | None, mode: str) -> str:
    """What stands between the beginning of the reply and the label; None takes the usual form of the mode."""
    return (_USUAL[mode] if form is None else check_form(form))[:-1]


def shown_form(form: str | None, mode: str) -> str:
    """A form as results name it: with ``Yes`` for the label where labels are Yes and No."""
    return prefix_of(form, mode) + ("A" if mode == "letter" else "Yes")


def in_form(label: str, form: str | None, mode: str) -> str:
    """A whole answer in a form, as a demonstration gives it: ``(A)``, ``Answer: A``."""
    prefix = prefix_of(form, mode).lstrip()
    return prefix + label + next((end for begin, end in _CLOSED.items() if prefix.endswith(begin)), "")
