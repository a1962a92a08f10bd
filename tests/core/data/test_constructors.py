"""Data sets from what a notebook has: pairs, a frame, a data set of the hub."""

import csv

import datasets
import pandas as pd
import pytest

from steerstack import load_data
from steerstack.data.items import DataSet
from steerstack.errors import ArgumentError, DataError

PAIRS = [(f"Is it {n}?", f"Yes, {n} it is.", f"No, not {n}.") for n in ("one", "two", "three", "four", "five", "six")]
COLUMNS = ["question", "exhibits", "not"]


def test_all_ways_give_the_data_set_of_the_file(tmp_path):
    path = tmp_path / "agreeing.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *PAIRS])
    expected = load_data(path).digest
    frame = pd.DataFrame(PAIRS, columns=COLUMNS)
    table = datasets.Dataset.from_pandas(frame)
    assert DataSet.from_pairs(PAIRS, behavior="agreeing").digest == expected
    assert DataSet.from_pairs([list(pair) for pair in PAIRS], behavior="agreeing").digest == expected
    assert DataSet.from_pandas(frame, behavior="agreeing").digest == expected
    assert DataSet.from_hf(table, behavior="agreeing").digest == expected
    (tmp_path / "hub").mkdir()
    frame.to_json(tmp_path / "hub" / "train.jsonl", lines=True, orient="records")
    of_hub = DataSet.from_hf(str(tmp_path / "hub"), behavior="agreeing")
    assert of_hub.digest == load_data(f"hf:{tmp_path / 'hub'}", behavior="agreeing").digest == expected
    assert of_hub.source.startswith("hf:")


def test_further_columns_count_and_empty_cells_do_not():
    frame = pd.DataFrame(PAIRS[:2], columns=COLUMNS).assign(id=[7, 8], topic=["a", None], letter=["B", None])
    first, second = DataSet.from_pandas(frame, behavior="agreeing")
    assert (first.id, first.topic, first.exhibits, second.topic) == ("7", "a", 1, "")


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: DataSet.from_pairs([("a", "b")], behavior="x"), ArgumentError, "Pair 1 is not three texts"),
        (lambda: DataSet.from_pairs("pairs.csv", behavior="x"), ArgumentError, "question, exhibits, not"),
        (lambda: DataSet.from_pairs(["abc"], behavior="x"), ArgumentError, "Pair 1 is not three texts"),
        (lambda: DataSet.from_pairs([], behavior="x"), DataError, "no pairs"),
        (lambda: DataSet.from_pairs([("a", "b", " ")], behavior="x"), DataError, "Row 1 of pairs has no 'not'"),
        (lambda: DataSet.from_pairs([("a", "b", 3)], behavior="x"), ArgumentError, "Pair 1 is not three texts"),
        (lambda: DataSet.from_pandas(PAIRS, behavior="x"), ArgumentError, "no data frame"),
        (lambda: DataSet.from_pandas(pd.DataFrame({"q": []}), behavior="x"), DataError, "no column 'question'"),
        (lambda: DataSet.from_hf(PAIRS), ArgumentError, "no data set of the hub"),
        (lambda: DataSet.from_hf(datasets.Dataset.from_dict({"q": [1]}), behavior="x"), DataError, "no column"),
        (lambda: DataSet.from_hf(datasets.Dataset.from_dict({c: ["a"] for c in COLUMNS})), ArgumentError, "behavior="),
    ],
)
def test_mistakes_are_told(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_data_set_and_its_items_show_themselves():
    data = DataSet.from_pairs([("<i>Is it?</i> " * 60, "Yes " * 90, "No " * 90), *PAIRS], behavior="agreeing")
    for one in (data, data.items[0]):
        assert "\n" not in repr(one)
        assert len(repr(one)) < 200
        assert "<i>" not in one._repr_html_()
    assert "7 items" in repr(data)
    page = data._repr_html_()
    assert page.count("Is it") - page.count("&lt;i&gt;Is it") == 4  # of the first five items
    assert "listed first" in page
