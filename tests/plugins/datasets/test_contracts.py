"""Every data format of ours against the contract kit."""

import json
from typing import ClassVar

from steerstack.testing import DataFormatContract
from steerstack_plugins.datasets.choice_files import ChoiceFiles
from steerstack_plugins.datasets.tables import Tables
from steerstack_plugins.datasets.truthfulqa import TruthfulQA

NO_MATCHING = "each answer stands in a column that says what it is: there is no matching answer"


def write(path, rows):
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n")
    return path


def choice(number):
    return {
        "question": f"Shall we go to {number}?\n\nChoices:\n (A) Yes\n (B) No",
        "answer_matching_behavior": " (A)",
        "answer_not_matching_behavior": " (B)",
    }


class TestChoiceFiles(DataFormatContract):
    format = ChoiceFiles()
    says: ClassVar = {"behavior": "going", "matching": "exhibits"}

    def own_file(self, folder):
        return write(folder / "mine.jsonl", [choice(n) for n in range(4)])

    unclear_file = own_file


class TestTables(DataFormatContract):
    format = Tables()
    exempt: ClassVar = {"unknown_polarity_is_refused": NO_MATCHING}

    def own_file(self, folder):
        # letters are given: those that are not are drawn from the whole table, and a cut would change them
        rows = [f"{'AB'[n % 2]},What about case {n}?,I would help with {n}.,Case {n} is not mine." for n in range(4)]
        path = folder / "kindness.csv"
        path.write_text("letter,question,exhibits,not\n" + "\n".join(rows) + "\n")
        return path


class TestTruthfulQA(DataFormatContract):
    format = TruthfulQA()
    exempt: ClassVar = {"unknown_polarity_is_refused": NO_MATCHING}

    def own_file(self, folder):
        rows = [{"question": f"Is {n} odd?", "mc1_targets": {f"It is, {n}.": 0, f"No, {n}.": 1}} for n in range(4)]
        return write(folder / "mc_task.jsonl", rows)
