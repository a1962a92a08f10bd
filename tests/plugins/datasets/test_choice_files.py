"""Choice files: options are taken apart and put together again verbatim, and polarity is settled or refused."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steerstack.catalog.data import load_data
from steerstack.errors import DataError, PolarityError
from steerstack_plugins.datasets.choice_files import ChoiceFiles
from steerstack_plugins.datasets.common.option_list import parse_listed

TEXTS = {
    "plain": ("Shall we go?\n\nChoices:\n (A) Yes\n (B) No", "Shall we go?", ("Yes", "No")),
    "answer": (
        "Question: Shall we go?\n\nChoices:\n (A) Yes\n (B) No\n\nAnswer:",
        "Question: Shall we go?",
        ("Yes", "No"),
    ),
    "three": ("Where to?\n\nChoices:\n (A) Sea\n (B) Hills\n (C) Home", "Where to?", ("Sea", "Hills", "Home")),
    "no spaces": ("Shall we go?\nChoices:\n(A)Yes\n(B)No", "Shall we go?", ("Yes", "No")),
    "no heading": ("Shall we go?\n\n (A) Yes.\n (B) No.", "Shall we go?", ("Yes.", "No.")),
    "space after": ("Shall we go? \nChoices:  \n (A) Yes \n (B)  No\t\n", "Shall we go?", ("Yes", "No")),
    "lines": ("Shall we?\n\nChoices:\n (A) Yes,\nat once\n (B) No", "Shall we?", ("Yes,\nat once", "No")),
    "same": ("Which?\n (A) a\n (B) a b", "Which?", ("a", "a b")),
    "a list before": ("Given\n (A) tea\n (B) milk\nwhich?\n\nChoices:\n (A) Both\n (B) None", None, ("Both", "None")),
    "inline": ("Is (A) or (B) best?\n (A) one\n (B) two", "Is (A) or (B) best?", ("one", "two")),
    "only options": (" (A) one\n (B) two", "", ("one", "two")),
    "blank line": ("Which?\n (A) one\n\n (B) two", "Which?", ("one", "two")),
}
row_words = st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=10)


def row(question, yes=" (A)", no=" (B)"):
    return {"question": question, "answer_matching_behavior": yes, "answer_not_matching_behavior": no}


ROWS = [
    row("Shall we wait?\n\nChoices:\n (A) Yes, let us wait.\n (B) No, now.\n\nAnswer:"),
    row("Which way?\n (A) Left\n (B) Right\n (C) Back", " (C)", " (A)"),
]


def write(path, rows, bom=False):
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(rows) if path.suffix == ".json" else "\n".join(json.dumps(r) for r in rows)
    path.write_text(text, encoding="utf-8-sig" if bom else "utf-8")
    return path


def load(path, **options):
    return ChoiceFiles().load(path, **({"behavior": "patience", "matching": "exhibits"} | options))


@pytest.mark.parametrize(("text", "stem", "options"), TEXTS.values(), ids=TEXTS)
def test_a_list_is_taken_apart_and_put_together_verbatim(tmp_path, text, stem, options):
    listing = parse_listed(text)
    assert listing is not None
    assert listing.texts == options
    assert stem is None or listing.stem == stem
    (item,) = load(write(tmp_path / "f.jsonl", [row(text)]))
    assert item.listed() == text
    assert item.options == options


@settings(deadline=None, max_examples=60)
@given(
    row_words, st.lists(row_words, min_size=2, max_size=5), st.sampled_from(["\n\nChoices:\n", "\n\n", " \nChoices:\n"]),
    st.sampled_from([" ", ""]), st.sampled_from([" ", ""]), st.sampled_from(["", "\n\nAnswer:", "\n", " \n\nAnswer: "]),
)  # fmt: skip
def test_any_list_reads_back_verbatim(stem, options, lead, before, after, tail):
    text = stem + lead + "\n".join(f"{before}({'ABCDE'[i]}){after}{o}" for i, o in enumerate(options)) + tail
    listing = parse_listed(text)
    assert listing is not None
    assert (listing.stem, listing.texts) == (stem, tuple(options))
    layout = listing.layout
    again = stem + layout.lead + "".join(b + o for b, o in zip(layout.bullets, options, strict=True)) + layout.tail
    assert again == text


@pytest.mark.parametrize(
    "text",
    ["Shall we go?", "One?\n (A) only", "Skips?\n (A) a\n (C) c", "Late?\n (B) b\n (C) c", "Empty?\n (A)\n (B) b"],
)
def test_what_is_no_list_is_not_taken_for_one(text):
    assert parse_listed(text) is None


@pytest.mark.parametrize("name", ["f.json", "f.jsonl"])
@pytest.mark.parametrize("bom", [False, True])
def test_both_forms_with_and_without_a_mark_at_the_start(tmp_path, name, bom):
    path = write(tmp_path / name, ROWS, bom)
    assert ChoiceFiles().recognises(path)
    data = load(path)
    assert [(i.id, i.exhibits_text, i.contrast_text) for i in data] == [
        ("f-1", "Yes, let us wait.", "No, now."), ("f-2", "Back", "Left"),
    ]  # fmt: skip
    assert (data.behavior, data.source, data.notes) == ("patience", str(path), ())
    assert [i.listed() for i in data] == [r["question"] for r in ROWS]
    assert data.items[1].options == ("Left", "Right", "Back")
    assert {i.form for i in data} == {"choice"}


def test_the_file_s_ending_and_columns_tell(tmp_path):
    assert not ChoiceFiles().recognises(write(tmp_path / "a.jsonl", [{"question": "x"}]))
    (tmp_path / "a.csv").write_text("question,answer_matching_behavior\nx,y\n")
    assert ChoiceFiles().recognises(tmp_path / "a.csv")
    (tmp_path / "b.json").write_text("not json")
    assert not ChoiceFiles().recognises(tmp_path / "b.json")


def test_yes_no_items_and_answers_in_words(tmp_path):
    persona = [row('Would you say "I wait"?', " Yes", " No"), row('Would you say "I run"?', "No", "Yes"),
               row("How long?", " A while. ", [" Not long.", " No."])]  # fmt: skip
    one, two, three = load(write(tmp_path / "f.jsonl", persona))
    assert (one.form, one.options, one.exhibits, one.question) == ("yes-no", ("Yes", "No"), 0, persona[0]["question"])
    assert (two.options, two.exhibits, two.exhibits_text) == (("Yes", "No"), 1, "No")
    assert (three.form, three.exhibits_text, three.contrast_text) == ("text", "A while.", "Not long.")


def test_a_stated_polarity_decides(tmp_path):
    path = write(tmp_path / "f.jsonl", ROWS)
    straight, turned = load(path), load(path, matching="declines")
    assert [i.exhibits_text for i in turned] == [i.contrast_text for i in straight] == ["No, now.", "Left"]
    assert [i.listed() for i in turned] == [i.listed() for i in straight]
    assert straight.digest != turned.digest
    assert straight.polarity == "stated by the caller"


def test_an_unknown_polarity_is_refused_with_what_to_say(tmp_path):
    path = write(tmp_path / "mine.jsonl", ROWS)
    with pytest.raises(PolarityError, match="Nobody says") as caught:
        ChoiceFiles().load(path)
    assert "'mine'" in str(caught.value)
    assert "--matching exhibits" in str(caught.value)
    with pytest.raises(PolarityError, match="Nobody says"):
        ChoiceFiles().load(path, behavior="patience")
    with pytest.raises(PolarityError, match="needs the behaviour's name"):
        ChoiceFiles().load(path, matching="exhibits")
    with pytest.raises(PolarityError, match="did you mean 'exhibits'"):
        load(path, matching="exhibit")


@pytest.mark.parametrize("name", ["power-seeking-inclination", "wealth-seeking-inclination", "survival-instinct"])
def test_the_human_written_files_are_inverted_and_the_model_written_are_not(tmp_path, name):
    human = ChoiceFiles().load(write(tmp_path / "human_generated_evals" / f"{name}.jsonl", ROWS))
    model = ChoiceFiles().load(write(tmp_path / "lm_generated_evals" / f"{name}.jsonl", ROWS))
    assert [i.exhibits_text for i in human] == [i.contrast_text for i in model] == ["No, now.", "Left"]
    assert human.behavior == model.behavior == name.removesuffix("-inclination")
    assert human.polarity == model.polarity
    with pytest.raises(PolarityError):
        ChoiceFiles().load(write(tmp_path / "elsewhere" / f"{name}.jsonl", ROWS))


def test_the_human_written_myopia_file_is_not_inverted(tmp_path):
    for folder in ("human_generated_evals", "lm_generated_evals"):
        data = ChoiceFiles().load(write(tmp_path / folder / "myopic-reward.jsonl", ROWS))
        assert [i.exhibits_text for i in data] == ["Yes, let us wait.", "Back"]


@pytest.mark.parametrize("file", ["generate_dataset", "test_dataset_ab"])
def test_the_folders_of_caa(tmp_path, file):
    agrees = ChoiceFiles().load(write(tmp_path / "sycophancy" / f"{file}.json", ROWS))
    assert (agrees.behavior, agrees.items[0].exhibits_text) == ("sycophancy", "Yes, let us wait.")
    resists = ChoiceFiles().load(write(tmp_path / "survival-instinct" / f"{file}.json", ROWS))
    assert (resists.behavior, resists.items[0].exhibits_text) == ("survival-instinct", "No, now.")


def test_a_relative_path_is_known_by_its_folder_too(tmp_path, monkeypatch):
    write(tmp_path / "human_generated_evals" / "survival-instinct.jsonl", ROWS)
    monkeypatch.chdir(tmp_path / "human_generated_evals")
    assert load_data("survival-instinct.jsonl").items[0].exhibits_text == "No, now."


def test_the_caller_s_name_goes_before_the_published_one(tmp_path):
    path = write(tmp_path / "human_generated_evals" / "survival-instinct.jsonl", ROWS)
    data = ChoiceFiles().load(path, behavior="will-to-live")
    assert (data.behavior, data.items[0].exhibits_text) == ("will-to-live", "No, now.")


def many(n, broken):
    """Rows of which some list no options."""
    return [row("No options here.") if i in broken else row(f"Number {i}?\n (A) a\n (B) b") for i in range(n)]


def test_the_odd_row_without_options_is_left_out_with_a_note(tmp_path):
    data = load(write(tmp_path / "f.jsonl", many(40, {3, 30})))
    assert len(data) == 38
    assert [note.split(":")[0] for note in data.notes] == ["row 4 left out", "row 31 left out"]
    assert [i.id for i in data][2:4] == ["f-3", "f-5"]


def test_a_file_full_of_rows_without_options_is_refused(tmp_path):
    with pytest.raises(DataError, match="3 of 40 rows") as caught:
        load(write(tmp_path / "f.jsonl", many(40, {0, 1, 2})))
    assert "lines that begin with (A)" in str(caught.value)


@pytest.mark.parametrize(
    "bad",
    [
        row("Which?\n (A) a\n (B) b", " (A)", " (C)"), row("Which?\n (A) a\n (B) b", " (A)", " (A)"),
        row("Sure?", " Yes", " Yes"), row("Sure?", " Yes", " Maybe"), row("Sure?", "", " No"), row("", " Yes", " No"),
        row("Sure?", " Yes", []), row("Sure?", " Yes", None), row(["Sure?"], " Yes", " No"), {"question": "Sure?"},
        row("Sure?", 1, 0),
    ],
)  # fmt: skip
def test_rows_that_make_no_sense_are_refused_with_their_place(tmp_path, bad):
    path = write(tmp_path / "f.jsonl", [*ROWS, bad])
    with pytest.raises(DataError, match=r"Row 3|f-3"):
        load(path)


@pytest.mark.parametrize("name", ["f.json", "f.jsonl"])
def test_a_file_cut_short_is_refused_and_the_line_named(tmp_path, name):
    path = write(tmp_path / name, ROWS)
    path.write_text(path.read_text()[:-25])
    with pytest.raises(DataError, match="not valid JSON") as caught:
        load(path)
    assert ("line 2" if name == "f.jsonl" else "line 1") in str(caught.value)
    assert "cut short" in str(caught.value)


def test_a_list_cut_short_is_called_that_also_where_the_format_is_to_be_found_out(tmp_path):
    path = write(tmp_path / "f.json", ROWS)
    path.write_text(path.read_text()[:-25])
    with pytest.raises(DataError, match="not valid JSON"):
        load_data(path, behavior="patience", matching="exhibits")


@pytest.mark.parametrize("text", ["", "\n\n", "[]", "[1, 2]", "7", '"text"'])
def test_a_file_without_rows_is_refused(tmp_path, text):
    (tmp_path / "f.json").write_text(text)
    with pytest.raises(DataError, match="holds no rows"):
        load(tmp_path / "f.json")


def test_a_file_that_is_not_utf8_is_refused(tmp_path):
    (tmp_path / "f.json").write_bytes("ü".encode("latin-1"))
    with pytest.raises(DataError, match="cannot be read as text"):
        load(tmp_path / "f.json")


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x85"])
def test_a_line_separator_inside_a_json_string_does_not_end_the_row(tmp_path, mark):
    path = tmp_path / "f.jsonl"
    path.write_text(
        "\n".join(json.dumps(row(f"One{mark}two?", " Yes", " No"), ensure_ascii=False) for _ in range(2)), "utf-8"
    )
    assert [i.question for i in load(path)] == [f"One{mark}two?"] * 2


def test_half_a_surrogate_pair_is_refused_or_has_a_digest(tmp_path):
    path = write(tmp_path / "f.jsonl", [row("Broken \ud83d?", " Yes", " No")])
    try:
        data = load(path)
    except DataError:
        return
    assert len(data.digest) == 64


def test_windows_line_ends_do_no_harm(tmp_path):
    path = tmp_path / "f.jsonl"
    path.write_bytes(b"\r\n".join(json.dumps(r).encode() for r in ROWS) + b"\r\n")
    assert len(load(path)) == 2
