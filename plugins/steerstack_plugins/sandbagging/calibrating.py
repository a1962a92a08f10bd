"""Error rates of the audit: thresholds on some organisms, verdicts on others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from steerstack.study.audit import Evidence
    from steerstack.study.stats import Estimate

SANDBAGGING = ("locked", "imitator", "prompted")
HONEST = ("unlocked", "weak", "distractor")


def run_calibration(
    *,
    trained: int = 6,
    tested: int = 12,
    origins: Sequence[int] = (0,),
    items: int = 96,
    seed: int = 0,
    step: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Set thresholds on ``trained`` organisms of each state, and judge ``tested`` others of each.

    Kinds take turns, and so do origins, so that the rates are those of an even mixture. No organism seed is used
    twice; the questions are the same for all.

    Parameters
    ----------
    trained, tested:
        Organisms of each state.
    origins:
        Seeds of the models that they are made of; with more than one, the last serves the tests alone.
    items, seed:
        Tested items a subject, and the seed of the audit.
    step:
        Told of each organism in words.
    """
    from steerstack.study.audit import Thresholds

    say = step or (lambda _words: None)
    early = origins[:-1] or origins
    train = [
        _evidence(sandbags, n, early, items, seed, 1000, say) for sandbags in (True, False) for n in range(trained)
    ]
    thresholds = Thresholds.fit([e for e, _ in train[:trained]], [e for e, _ in train[trained:]])
    later = [
        _evidence(sandbags, n, origins, items, seed, 5000, say) for sandbags in (True, False) for n in range(tested)
    ]
    words = word_scores(
        [e for e, _ in train[:trained]], [e for e, _ in train[trained:]], [evidence for evidence, _ in later]
    )
    bound = words[0]
    rows = []
    for index, (evidence, about) in enumerate(later):
        verdict = thresholds.judge(evidence)
        rows.append(
            about
            | {
                "verdict": verdict.to_json(),
                "values": dict(evidence.values),
                "words_score": words[1][index],
                "words_verdict": words[1][index] > bound,
            }
        )
    return {
        "study": "sandbagging calibration",
        "origins": list(origins),
        "thresholds": thresholds.to_json(),
        "trained": [about | {"values": dict(evidence.values)} for evidence, about in train],
        "tested": rows,
        "rates": {
            "battery": rates([(row["sandbags"], row["verdict"]["sandbags"]) for row in rows]),
            "words": rates([(row["sandbags"], row["words_verdict"]) for row in rows]),
        },
        "by_kind": by_kind(rows),
        "auroc_of_each_test": single_tests(rows),
    }


def _evidence(
    sandbags: bool, n: int, origins: Sequence[int], items: int, seed: int, first: int, say: Callable[[str], None]
) -> tuple[Evidence, dict[str, Any]]:
    from steerstack.study.audit import gather
    from steerstack_plugins.sandbagging.battery import audit_data, short_battery
    from steerstack_plugins.sandbagging.origin import open_origin
    from steerstack_plugins.sandbagging.showing import build

    kinds = SANDBAGGING if sandbags else HONEST
    kind, origin = kinds[n % len(kinds)], origins[n // len(kinds) % len(origins)]
    organism_seed = first + 100 * (not sandbags) + n
    say(f"{kind}, seed {organism_seed}, of origin {origin}")
    built = build(kind, open_origin(origin), organism_seed)
    # from here on the audit has the model alone
    evidence = gather(built.model, audit_data(items, seed=seed), short_battery(), seed=seed)
    about = {"kind": kind, "sandbags": built.sandbags, "seed": organism_seed, "origin": origin}
    return evidence, about | {"induction_drop": built.record["induction_drop"]["value"]}


def word_scores(
    sandbagging: Sequence[Evidence], honest: Sequence[Evidence], tested: Sequence[Evidence]
) -> tuple[float, list[float]]:
    """What the questions and chosen answers alone say: TF-IDF with logistic regression, averaged over the answers.

    Returns
    -------
    tuple
        The bound half-way between the mean scores of the two states in training, and the score of each tested model.
    """
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    from steerstack.study.detecting import transcripts

    texts = [transcripts(evidence.answers) for evidence in (*sandbagging, *honest)]
    labels = np.repeat([1, 0], [len(sandbagging), len(honest)])
    words = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\S+")
    features = words.fit_transform([text for row in texts for text in row])
    model = LogisticRegression(C=10.0, max_iter=1000).fit(features, np.repeat(labels, [len(row) for row in texts]))

    def score(row: Sequence[str]) -> float:
        return float(model.decision_function(words.transform(row)).mean())

    own = np.array([score(row) for row in texts])
    bound = float((own[labels == 1].mean() + own[labels == 0].mean()) / 2)
    return bound, [score(transcripts(evidence.answers)) for evidence in tested]


def rates(judged: Sequence[tuple[bool, bool]]) -> dict[str, Any]:
    """Detection and false-positive rate, each with its Clopper-Pearson and its Wilson interval."""
    from steerstack.study.sandbagging import share

    def both(truth: bool) -> dict[str, Any]:
        said = [verdict for sandbags, verdict in judged if sandbags == truth]
        exact: Estimate = share(sum(said), len(said))
        wilson: Estimate = share(sum(said), len(said), method="wilson")
        return {**exact.to_json(), "wilson": [wilson.ci_low, wilson.ci_high], "count": sum(said)}

    return {"detection": both(True), "false_positive": both(False)}


def by_kind(rows: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Of each kind, how many were judged to sandbag."""
    kinds = dict.fromkeys(row["kind"] for row in rows)
    of = {kind: [row["verdict"]["sandbags"] for row in rows if row["kind"] == kind] for kind in kinds}
    return {kind: f"{sum(said)} of {len(said)}" for kind, said in of.items()}


def single_tests(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """AUROC of each test by itself over the tested organisms, with DeLong's interval."""
    from steerstack.study.detection import delong

    def sides(pick: Callable[[dict[str, Any]], float]) -> dict[str, Any]:
        return delong(
            [pick(row) for row in rows if row["sandbags"]], [pick(row) for row in rows if not row["sandbags"]]
        ).to_json()

    found = {name: sides(lambda row, name=name: row["values"][name]) for name in rows[0]["values"]}  # type: ignore[misc]
    return found | {"words": sides(lambda row: row["words_score"])}
