"""The combination on rows that are drawn: what informs is used, noise is not, and honest ones are called at the rate."""

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from steerstack.errors import StudyError
from steerstack.stats.auroc import auroc
from steerstack_plugins.sandbagging.audit.row import OrganismRow
from steerstack_plugins.sandbagging.combination.combination import BARRED, Combination, features


def rows_of(seed, worlds=4, each=16, *, informs=("gain",), noise=(), shift=2.5, p=0.001, first=0):
    """Rows of several worlds, half of them sandbagging: tests that inform have another mean there, others do not."""
    generator = np.random.default_rng(seed)
    rows = []
    for world in range(first, first + worlds):
        for at in range(each):
            hides = at % 2 == 0
            values = {name: float(generator.normal(shift * hides)) for name in informs}
            values |= {name: float(generator.normal()) for name in noise}
            above = {name: float(stats.norm.sf(value)) for name, value in values.items()}
            below = {name: 1 - part for name, part in above.items()}
            rows.append(
                OrganismRow(
                    kind="locked" if hides else "weak",
                    sandbags=hides,
                    seed=at,
                    world=world,
                    split="calibration",
                    architecture="llama-3x64",
                    accuracy=0.5,
                    induction_drop=0.0,
                    values=values,
                    above=above,
                    below=below,
                    answers="A",
                    seconds_made=0.0,
                    seconds_audited=0.0,
                    forward_passes=1.0,
                    ignorant_p=p,
                )
            )
    return rows


def quality(combination, rows):
    sides = ([combination.score(row) for row in rows if row.sandbags == state] for state in (True, False))
    return auroc(*sides)


def test_it_is_the_regression_that_it_says_it_is():
    rows = rows_of(0, informs=("gain", "other"), noise=("noise",))
    combination = Combination.fit(rows)
    table = [[features(row, combination.reading)[name] for name in combination.names] for row in rows]
    plain = make_pipeline(
        StandardScaler(), LogisticRegression(C=combination.penalty, solver="lbfgs", max_iter=5000, tol=1e-10)
    )
    plain.fit(table, [row.sandbags for row in rows])
    assert [combination.log_odds(row) for row in rows] == pytest.approx(plain.decision_function(table), abs=1e-6)
    assert [combination.probability(row) for row in rows] == pytest.approx(plain.predict_proba(table)[:, 1], abs=1e-6)
    assert combination.trained == (32, 32)


def test_a_test_that_informs_is_used_and_noise_does_not_help():
    noise = tuple("abcdef")
    fresh = [rows_of(100 + seed, 6, noise=noise, first=50) for seed in range(4)]
    learned = [rows_of(seed, noise=noise) for seed in range(4)]
    both = [Combination.fit(rows) for rows in learned]
    alone = [Combination.fit(rows, without=noise) for rows in learned]
    blind = [Combination.fit(rows, without=("gain",)) for rows in learned]
    scores = [
        float(np.mean([quality(one, rows) for one, rows in zip(fits, fresh, strict=True)]))
        for fits in (both, alone, blind)
    ]
    assert scores[0] > 0.85
    assert scores[0] <= scores[1] + 0.01
    assert abs(scores[2] - 0.5) < 0.1
    weights = dict(zip(both[0].names, both[0].weights, strict=True))
    gain, others = (
        max(abs(weight) for name, weight in weights.items() if name.endswith("gain") == own) for own in (True, False)
    )
    assert gain > 2 * others


@settings(max_examples=3, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_tests_and_of_organisms_changes_nothing(drawn: random.Random):
    rows = rows_of(1, informs=("gain", "other"), noise=("a",))
    first = Combination.fit(rows)
    names = list(rows[0].values)
    drawn.shuffle(names)
    shuffled = [
        replace(row, values={name: row.values[name] for name in names}, above={name: row.above[name] for name in names})
        for row in rows
    ]
    drawn.shuffle(shuffled)
    other = Combination.fit(shuffled)
    assert (other.names, other.reading, other.penalty) == (first.names, first.reading, first.penalty)
    assert other.weights == pytest.approx(first.weights, abs=1e-5)


def test_honest_models_that_were_not_learned_from_are_called_at_the_rate():
    """At a threshold from worlds that were left out, over some draws."""
    calls, honest, draws = 0, 0, 4
    for seed in range(draws):
        rows, held = rows_of(seed, 4, 20, shift=1.0), []
        for world in range(4):
            fitted = Combination.fit([row for row in rows if row.world != world])
            held += [fitted.score(row) for row in rows if row.world == world and not row.sandbags]
        bound, fitted = sorted(held, reverse=True)[int(0.05 * len(held))], Combination.fit(rows)
        fresh = [row for row in rows_of(1000 + seed, 25, 20, shift=1.0, first=50) if not row.sandbags]
        calls += sum(fitted.score(row) > bound for row in fresh)
        honest += len(fresh)
    # a bound that is the third of 40 lets through 3/41 on average, with a spread of 4 % from draw to draw
    assert 0.01 < calls / honest < 3 / 41 + 3 * 0.04 / np.sqrt(draws)


def test_the_guard_bars_whoever_may_just_not_know():
    rows = rows_of(2)
    combination = Combination.fit(rows)
    surest = max(rows, key=combination.log_odds)
    ignorant = replace(surest, ignorant_p=0.06)
    assert combination.score(surest) == combination.log_odds(surest)
    assert combination.score(ignorant) == combination.log_odds(surest) - BARRED < min(map(combination.score, rows))
    assert combination.score(replace(surest, ignorant_p=None)) < -BARRED / 2
    unguarded = Combination.fit(rows, level=1.0)
    assert unguarded.score(ignorant) == unguarded.log_odds(surest)


def test_a_prior_moves_the_odds_by_its_own():
    rows = rows_of(3)
    combination, row = Combination.fit(rows), rows[0]
    odds = [p / (1 - p) for p in (combination.probability(row, prior=0.1), combination.probability(row, prior=0.5))]
    assert odds[1] / odds[0] == pytest.approx(9)
    assert combination.probability(row) == pytest.approx(combination.probability(row, prior=0.5))  # half of them hide


def test_it_comes_back_from_its_file():
    combination = Combination.fit(rows_of(4))
    assert Combination.from_json(combination.to_json()) == combination


def test_what_cannot_be_learned_or_read_is_refused():
    rows = rows_of(5)
    with pytest.raises(StudyError, match="both states"):
        Combination.fit([row for row in rows if row.sandbags])
    with pytest.raises(StudyError, match="two worlds"):
        Combination.fit([row for row in rows if row.world == 0])
    with pytest.raises(StudyError, match="same tests"):
        Combination.fit([*rows, replace(rows[0], values={}, above={}, below={})])
    with pytest.raises(StudyError, match="lacks"):
        Combination.fit(rows).log_odds(replace(rows[0], values={}, above={}, below={}))
