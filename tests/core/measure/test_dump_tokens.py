"""Dumps hold the very tokens that are run, in the form of the contract."""

import json

import torch

from steerstack.data.items import DataSet, Item
from steerstack.data.prompts import ChatFormat
from steerstack.data.questions import ask, contrast_pairs
from steerstack.measure.dump_tokens import dump_pairs, dump_questions
from steerstack.steering.edits import Add
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.steering.tokens import Tokens
from steerstack.testing.models import tiny_tokenizer

torch.set_num_threads(1)
DATA = DataSet(
    "b",
    (
        Item("ä", "Where to?", ("Sea", "Hills"), 1, 0),
        Item("t", "How?", ("Well.", "So so, you see."), 0, 1, form="text"),
    ),
    "p",
    "s",
)


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def plan(tokens):
    return Plan((Add(Site("resid_post", 0), torch.ones(4), selection=tokens),))


def test_pairs(tmp_path):
    pairs = contrast_pairs(ChatFormat(tiny_tokenizer()), DATA, "response")
    dump_pairs(tmp_path / "d.jsonl", pairs)
    rows = lines(tmp_path / "d.jsonl")
    assert [row["id"] for row in rows] == ["ä", "t"]
    for row, pair in zip(rows, pairs, strict=True):
        assert list(row) == ["id", "positive", "negative"]
        for name, side in (("positive", pair.positive), ("negative", pair.negative)):
            assert row[name] == {"token_ids": list(side.sequence.ids), "positions": list(side.positions)}
    tokens = [rows[1]["positive"]["token_ids"][p] for p in rows[1]["positive"]["positions"]]
    assert tiny_tokenizer().decode(tokens) == "Well."


def test_questions(tmp_path):
    format = ChatFormat(tiny_tokenizer())
    for mode in ("letter", "yes-no", "text"):
        questions = ask(format, DATA, mode)
        dump_questions(tmp_path / "d.jsonl", questions, mode, plan(Tokens("last")))
        rows = lines(tmp_path / "d.jsonl")
        assert len(rows) == len(questions) == (2 if mode == "text" else 4)
        for row, question in zip(rows, questions, strict=True):
            assert list(row) == ["id", "score", "order", "options", "edited_positions"]
            assert (row["id"], row["score"], row["order"]) == (question.item.id, mode, question.order)
            for name, side in (("exhibits", question.exhibits), ("not", question.contrast)):
                assert row["options"][name] == {"token_ids": list(side.ids), "answer_start": side.answer_start}
            assert row["edited_positions"] == [question.exhibits.answer_start - 1]


def test_the_last_token_never_counts_as_edited(tmp_path):
    questions = ask(ChatFormat(tiny_tokenizer()), DATA, "letter")
    dump_questions(tmp_path / "d.jsonl", questions, "letter", plan(Tokens("all")))
    for row in lines(tmp_path / "d.jsonl"):
        assert row["edited_positions"] == list(range(len(row["options"]["exhibits"]["token_ids"]) - 1))
    dump_questions(tmp_path / "d.jsonl", questions, "letter", Plan())
    assert [row["edited_positions"] for row in lines(tmp_path / "d.jsonl")] == [[]] * 4
