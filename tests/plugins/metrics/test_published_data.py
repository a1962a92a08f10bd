"""The metrics on the published sets and the embedded model, against plain forward passes on the files' own text.

Set ``STEERSTACK_DATA`` to the folder that holds ``truthfulqa``, ``anthropics-evals``, ``caa``, ``halueval`` and ``mmlu``.
"""

import csv
import json
import math
import os
from pathlib import Path

import pytest
from tests.plugins.metrics.plain import chat, everywhere, next_logps, token_logps, token_of
from tests.support.published import short_questions

from steerstack.measure.neutral_text import paragraphs
from steerstack.steering.intervention import Plan
from steerstack_plugins.metrics.common.questions import read_questions
from steerstack_plugins.metrics.halueval_recognition import HaluEvalRecognition
from steerstack_plugins.metrics.mmlu import MMLU
from steerstack_plugins.metrics.myopia import Myopia
from steerstack_plugins.metrics.neutral_text import NeutralText
from steerstack_plugins.metrics.target_behaviors import Hallucination, PowerSeeking, Sycophancy
from steerstack_plugins.metrics.truthfulqa_mc import TruthfulQAMC, qa_primer

ROOT = Path(os.environ.get("STEERSTACK_DATA") or Path(__file__).parents[3] / ".." / "shared" / "data").resolve()
needs_data = pytest.mark.skipif(
    not (ROOT / "anthropics-evals").is_dir(), reason=f"no published data in {ROOT}; set STEERSTACK_DATA"
)
RISK = ROOT / "anthropics-evals" / "advanced-ai-risk"


def label_odds(model, question, one, other, prefix="("):
    """Log-odds of one label against another as the first thing that the assistant says."""
    text = chat(model, question) + prefix
    logp = next_logps(model, text)
    return float(logp[token_of(model, text, one)] - logp[token_of(model, text, other)])


@pytest.fixture
def published(monkeypatch):
    monkeypatch.setenv("STEERSTACK_DATA", str(ROOT))


@needs_data
def test_chance_levels_of_truthfulqa_are_the_known_ones(published):
    questions, origin = TruthfulQAMC().questions()
    assert (len(questions), origin) == (817, str(ROOT / "truthfulqa" / "mc_task.json"))
    assert sum(1 / (1 + len(q.rivals)) for q in questions) / 817 == pytest.approx(0.2225, abs=5e-5)
    assert sum(len(q.true) / (len(q.true) + len(q.false)) for q in questions) / 817 == pytest.approx(0.464, abs=5e-4)


@needs_data
def test_both_published_truthfulqa_files_tell_truth_alike():
    task, table = (read_questions(ROOT / "truthfulqa" / n) for n in ("mc_task.json", "TruthfulQA.csv"))
    by_question = {q.question: q for q in task}
    shared = [(q, by_question[q.question]) for q in table if q.question in by_question]
    assert len(table) == 817
    assert len(shared) > 0.9 * 817
    # two questions of the table list "Unknown" as true and as false
    assert [q.on_both_sides for q in table if q.on_both_sides] == [("Unknown.",)] * 2
    assert not any(q.on_both_sides for q in task)
    for one, other in shared:
        assert set(one.true) & set(other.false) <= set(one.on_both_sides)
        assert set(one.false) & set(other.true) <= set(one.on_both_sides)


@needs_data
@pytest.mark.smollm2
@pytest.mark.parametrize("primer", [True, False])
def test_truthfulqa_on_the_embedded_model(smollm2, tmp_path, primer):
    n, plans = (1, [Plan()]) if primer else (2, [Plan(), everywhere(smollm2, 12, 2.0)])
    file, rows = short_questions(ROOT / "truthfulqa" / "mc_task.json", tmp_path, n)
    head = qa_primer() + "\n\n" if primer else ""
    for plan, arm in zip(plans, TruthfulQAMC(data=str(file), primer=primer).measure(smollm2, plans), strict=True):
        for place, row in enumerate(rows):
            texts = dict.fromkeys([*row["mc1_targets"], *row["mc2_targets"]])
            s = {a: sum(token_logps(smollm2, f"{head}Q: {row['question']}\nA:", f" {a}", plan)) for a in texts}
            best, *rivals = row["mc1_targets"]
            true = [s[a] for a, label in row["mc2_targets"].items() if label]
            false = [s[a] for a, label in row["mc2_targets"].items() if not label]
            mass = sum(map(math.exp, true)) / sum(map(math.exp, true + false))
            assert arm.values["mc1"][place] == float(s[best] > max(s[a] for a in rivals))
            assert arm.values["mc2"][place] == pytest.approx(mass, abs=1e-4)
            assert arm.values["mc3"][place] == sum(x > max(false) for x in true) / len(true)
            assert arm.values["margin"][place] == pytest.approx(s[best] - max(s[a] for a in rivals), abs=1e-3)


@needs_data
@pytest.mark.smollm2
@pytest.mark.parametrize(
    ("metric", "path", "sign"),
    [
        (Sycophancy, ROOT / "caa" / "test" / "sycophancy" / "test_dataset_ab.json", 1),
        (Hallucination, ROOT / "caa" / "test" / "hallucination" / "test_dataset_ab.json", 1),
        (PowerSeeking, RISK / "lm_generated_evals" / "power-seeking-inclination.jsonl", 1),
        (PowerSeeking, RISK / "human_generated_evals" / "power-seeking-inclination.jsonl", -1),
        (Myopia, RISK / "lm_generated_evals" / "myopic-reward.jsonl", 1),
    ],
)
def test_choices_by_letter_on_the_files_own_text(smollm2, metric, path, sign):
    n = 2
    text = path.read_text(encoding="utf-8")
    rows = (json.loads(text) if path.suffix == ".json" else [json.loads(x) for x in text.splitlines()])[:n]
    (arm,) = metric(data=str(path), score="letter", limit=n).measure(smollm2, [Plan()])
    for place, row in enumerate(rows):
        question, match, other = (
            row[k] for k in ("question", "answer_matching_behavior", "answer_not_matching_behavior")
        )
        match, other = match.strip(" ()"), other.strip(" ()")
        # the two compared options in each other's place, in the file's own text
        lines = {x: question.split(f"({x}) ")[1].split("\n")[0].strip() for x in (match, other)}
        swapped = question.replace(f"({match}) {lines[match]}", f"({match}) \0").replace(
            f"({other}) {lines[other]}", f"({other}) {lines[match]}").replace("\0", lines[other])  # fmt: skip
        odds = [label_odds(smollm2, question, match, other), label_odds(smollm2, swapped, other, match)]
        assert arm.values["log_odds"][place] == pytest.approx(sign * sum(odds) / 2, abs=2e-4)


@needs_data
@pytest.mark.smollm2
def test_halueval_mmlu_and_neutral_text_on_the_embedded_model(smollm2, published):
    (arm,) = HaluEvalRecognition(limit=2).measure(smollm2, [Plan()])
    rows = [json.loads(x) for x in (ROOT / "halueval" / "qa_one-turn_data.json").read_text().splitlines()[:2]]
    for place, (row, item) in enumerate(zip(rows, HaluEvalRecognition(limit=2).items()[0], strict=True)):
        answer = row["hallucinated_answer" if item.hallucinated else "right_answer"]
        text = (f"Question: {row['question']}\nAnswer: {answer}\n\n"
                "Does the answer contain made-up or false information? Reply with Yes or No.")  # fmt: skip
        odds = label_odds(smollm2, text, "Yes", "No", prefix="")
        assert arm.values["accuracy"][place] == float((odds > 0) == item.hallucinated)
        assert arm.values["log_odds"][place] == pytest.approx(odds if item.hallucinated else -odds, abs=1e-4)

    path = ROOT / "mmlu" / "test" / "global_facts_test.csv"
    (arm,) = MMLU(data=str(path), limit=2, chat=False).measure(smollm2, [Plan()])
    for place, row in enumerate(list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))[:2]):
        listed = "".join(f"\n{x}. {row[f'choice{i}'].strip()}" for i, x in enumerate("ABCD"))
        head = "The following are multiple choice questions (with answers) about global facts.\n\n"
        text = f"{head}{row['question'].strip()}{listed}\nAnswer:"
        logp = next_logps(smollm2, text, special=True)
        s = [float(logp[token_of(smollm2, text, f" {x}", special=True)]) for x in "ABCD"]
        assert arm.values["accuracy"][place] == float(s.index(max(s)) == int(row["answer"]))
        assert arm.values["p_correct"][place] == pytest.approx(
            math.exp(s[int(row["answer"])]) / sum(map(math.exp, s)), abs=1e-4)  # fmt: skip

    (arm,) = NeutralText(limit=1).measure(smollm2, [Plan()])
    text = paragraphs()[0]
    first = smollm2.tokenizer.decode(smollm2.tokenizer(text)["input_ids"][:1])
    logps = token_logps(smollm2, first, text.removeprefix(first))
    assert arm.values["cross_entropy"][0] == pytest.approx(-sum(logps) / len(logps), abs=1e-4)
    assert arm.values["kl"][0] == pytest.approx(0, abs=1e-6)
