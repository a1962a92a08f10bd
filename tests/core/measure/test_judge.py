"""The cache of verdicts, judging through it, and agreement with labels."""

import math
import multiprocessing
import sqlite3
from contextlib import nullcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field
from sklearn.metrics import cohen_kappa_score

from steerstack.contracts import Judge, Verdict
from steerstack.errors import JudgeError, PluginError, StudyError
from steerstack.measure.judge import Counts, Labelled, agreement, judge_agreement, judged, make_judge
from steerstack.measure.verdict_cache import VerdictCache

CRITERION = "Is it even?"


class Even(Judge):
    """Says Yes to even numbers, nothing readable to words; remembers what it was asked."""

    name = "even"
    tag: str = ""
    asked: list[str] = Field(default_factory=list)
    fails_at: int | None = None

    def identity(self):
        return {"name": self.name, "tag": self.tag}

    def judge(self, criterion, questions, answers, references=None):
        verdicts = {}
        for index, answer in enumerate(answers):
            if self.fails_at is not None and len(self.asked) >= self.fails_at:
                raise JudgeError("Gone.", fix="Come back.", given=verdicts)
            self.asked.append(answer)
            verdicts[index] = Verdict(1.0 - int(answer) % 2 if answer.isdigit() else None, answer, 3)
        return list(verdicts.values())


def even(**parts):
    return Even(asked=[], **parts)


@pytest.fixture
def cache(tmp_path):
    return VerdictCache(tmp_path / "deep" / "verdicts.sqlite")


def test_only_what_is_not_known_is_asked(cache):
    judge, answers = even(), ["1", "2", "2", "x"]
    first = judged(judge, CRITERION, ["q"] * 4, answers, cache=cache)
    assert [v.score for v in first.verdicts] == [0, 1, 1, None]
    assert first.counts == Counts(calls=3, tokens=9, cached=1, unparsable=1)
    second = judged(judge, CRITERION, ["q"] * 4, answers, cache=cache)
    assert second.verdicts == first.verdicts
    assert second.counts == Counts(cached=4, unparsable=1)
    assert judge.asked == ["1", "2", "x"]
    np.testing.assert_array_equal(second.said_yes, [0, 1, 1, math.nan])
    assert first.counts + second.counts == Counts(3, 9, 5, 2)


def test_everything_that_decides_a_verdict_is_in_the_key(cache):
    judge = even()
    calls = [
        (judge, CRITERION, "q", "2", None), (even(tag="other"), CRITERION, "q", "2", None), (judge, "Else?", "q", "2", None),
        (judge, CRITERION, "p", "2", None), (judge, CRITERION, "q", "4", None), (judge, CRITERION, "q", "2", [["r"]]),
        (judge, CRITERION, "q", "2", [["r", "s"]]), (judge, CRITERION, "q", "2", [[]]),
    ]  # fmt: skip
    for who, criterion, question, answer, references in calls:
        assert judged(who, criterion, [question], [answer], references, cache=cache).counts.calls == 1
    assert len(cache) == len(calls)


@given(
    st.lists(st.tuples(st.sampled_from(["q", "p"]), st.sampled_from([*"0123456789", "x", ""])), max_size=20),
    st.integers(1, 7),
    st.integers(0, 25),
)
@settings(max_examples=25, deadline=None)
def test_a_kill_at_any_place_loses_nothing_and_the_end_is_the_same(tmp_path_factory, rows, chunk, at):
    cache = VerdictCache(tmp_path_factory.mktemp("cache") / "v")
    questions, answers = [q for q, _ in rows], [a for _, a in rows]
    first = even(fails_at=at)
    enough = at >= len(set(rows))
    with nullcontext() if enough else pytest.raises(JudgeError, match="goes on from what is kept"):
        judged(first, CRITERION, questions, answers, cache=cache, chunk=chunk)
    assert len(cache) == len(first.asked)
    second = even()
    counts: list[int] = []
    judgment = judged(second, CRITERION, questions, answers, cache=cache, chunk=chunk, progress=counts.append)
    expected = [1.0 - int(a) % 2 if a.isdigit() else None for a in answers]
    assert [v.score for v in judgment.verdicts] == expected
    assert len(first.asked) + len(second.asked) == len(set(rows)) == len(cache)
    assert judgment.counts.calls + judgment.counts.cached == len(rows) == sum(counts)


def test_an_interrupt_costs_one_chunk_at_most(cache):
    class Interrupted(Even):
        def judge(self, criterion, questions, answers, references=None):
            if len(self.asked) >= 4:
                raise KeyboardInterrupt
            return super().judge(criterion, questions, answers)

    with pytest.raises(KeyboardInterrupt):
        judged(Interrupted(asked=[]), CRITERION, ["q"] * 8, list("12345678"), cache=cache, chunk=2)
    assert len(cache) == 4


def _fill(path, start):
    cache = VerdictCache(path)
    for i in range(start, start + 30):
        cache.put({str(i): Verdict(0.5, str(i), 1), "shared": Verdict(1.0)})


def test_several_processes_write_at_once(tmp_path):
    path, context = tmp_path / "v", multiprocessing.get_context("spawn")
    workers = [context.Process(target=_fill, args=(path, 30 * i)) for i in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    verdicts = VerdictCache(path).get([str(i) for i in range(90)])
    assert verdicts == {str(i): Verdict(0.5, str(i), 1) for i in range(90)}
    assert len(VerdictCache(path)) == 91


def test_many_keys_are_looked_up(cache):
    cache.put({str(i): Verdict(None, "?") for i in range(1300)})
    assert len(cache.get(map(str, range(2000)))) == 1300


def test_a_file_of_something_else_is_refused(tmp_path):
    path = tmp_path / "v"
    path.write_text("not a database, but long enough to look at" * 5)
    with pytest.raises(StudyError, match="no cache of steerstack's") as caught:
        VerdictCache(path)
    assert "STEERSTACK_CACHE" in caught.value.fix


def test_the_cache_of_the_user(tmp_path, monkeypatch):
    monkeypatch.setenv("STEERSTACK_CACHE", str(tmp_path))
    judged(even(), CRITERION, ["q"], ["2"])
    with sqlite3.connect(tmp_path / "verdicts.sqlite") as db:
        assert db.execute("SELECT value FROM kept").fetchall() == [('[1.0, "2", 3]',)]
    db.close()


@pytest.mark.parametrize("verdicts", [[], [Verdict(1.0)] * 2, [Verdict(1.5)], [Verdict(math.nan)]])
def test_a_judge_that_breaks_its_promise_is_refused(cache, verdicts):
    class Wild(Even):
        def judge(self, criterion, questions, answers, references=None):
            return verdicts

    with pytest.raises(JudgeError, match=r"gave"):
        judged(Wild(asked=[]), CRITERION, ["q"], ["2"], cache=cache)
    assert len(cache) == 0


def test_unequal_lists_are_refused(cache):
    with pytest.raises(StudyError, match="not equally many"):
        judged(even(), CRITERION, ["q"], ["1", "2"], cache=cache)
    with pytest.raises(StudyError, match="not equally many"):
        judged(even(), CRITERION, ["q"], ["1"], [], cache=cache)


def test_judges_are_found_by_name():
    assert make_judge("fuzzy", {"threshold": 80}).parameters() == {"threshold": 80, "within": False}
    with pytest.raises(PluginError, match="no judge called"):
        make_judge("fuzy")


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=60))
@settings(max_examples=60, deadline=None)
def test_kappa_is_that_of_sklearn(pairs):
    verdicts, labels = [a for a, _ in pairs], [b for _, b in pairs]
    result = agreement(verdicts, labels)
    assert result.n == len(pairs)
    assert result.accuracy == pytest.approx(np.mean(np.array(verdicts) == np.array(labels)))
    if len({*verdicts, *labels}) < 2:
        assert math.isnan(result.kappa.value)
    else:
        assert result.kappa.value == pytest.approx(cohen_kappa_score(verdicts, labels), abs=1e-12)
        assert result.kappa.ci_low <= result.kappa.value <= result.kappa.ci_high


def test_the_interval_of_kappa_is_that_of_fleiss():
    # 2 x 2 table [[20, 5], [10, 15]], worked by hand: kappa 0.4, standard error 0.12649 (Fleiss et al. 1969, eq. 13)
    verdicts = [True] * 20 + [True] * 5 + [False] * 10 + [False] * 15
    labels = [True] * 20 + [False] * 5 + [True] * 10 + [False] * 15
    result = agreement(verdicts, labels)
    po, pe, rows, columns = 0.7, 0.5, (0.5, 0.5), (0.4, 0.6)
    p = [[0.3, 0.2], [0.1, 0.4]]  # of (no, yes) said by (no, yes) labelled
    a = sum(p[i][i] * (1 - (rows[i] + columns[i]) * (1 - 0.4)) ** 2 for i in range(2))
    b = (1 - 0.4) ** 2 * sum(p[i][j] * (columns[i] + rows[j]) ** 2 for i in range(2) for j in range(2) if i != j)
    error = math.sqrt((a + b - (0.4 - pe * (1 - 0.4)) ** 2) / 50) / (1 - pe)
    assert (result.accuracy, result.kappa.value) == pytest.approx((po, 0.4))
    assert (result.kappa.ci_low, result.kappa.ci_high) == pytest.approx(
        (0.4 - 1.959964 * error, 0.4 + 1.959964 * error)
    )


def test_agreement_leaves_out_what_could_not_be_read(cache):
    items = [Labelled("q", a, m) for a, m in [("1", False), ("2", True), ("4", True), ("3", True), ("x", True)]]
    result = judge_agreement(even(), CRITERION, items, cache=cache)
    assert (result.n, result.unparsable, result.accuracy) == (4, 1, 0.75)
    assert result.to_json()["kappa"]["value"] == pytest.approx(0.5)
    assert agreement([None], [True]).n == 0
