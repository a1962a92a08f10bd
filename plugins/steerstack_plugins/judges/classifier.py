"""A text classifier as judge, trained on labelled judgments, with its held-out accuracy."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, final

from pydantic import Field

from steerstack.contracts import Judge, Verdict
from steerstack.errors import JudgeError
from steerstack_plugins.judges.common.labels import labelled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from steerstack.measure.judge import Labelled

LEAST = 20
"""Labelled answers, of each kind, below which nothing is trained."""


class Trained(NamedTuple):
    """A fitted pipeline, and how it does on questions that it has not seen."""

    pipeline: Any
    about: dict[str, Any]


@final
class Classifier(Judge):
    """Logistic regression on TF-IDF of words and word pairs, trained on labelled answers.

    It knows one criterion, that of its labels, and answers no other. A fifth of the questions
    is held out, with all their answers: accuracy, area under the ROC curve and Cohen's kappa on
    them are in the record, beside the share of the commoner label; the judge itself is then
    trained on all. It stands in for the fine-tuned judges of Lin et al. (arXiv 2109.07958)
    where there is no model to fine-tune, and is much weaker: it knows words, not facts.
    """

    name = "classifier"
    paper = "arXiv 2109.07958"

    path: Path = Field(
        description="Labelled answers: finetune_truth.jsonl, TruthfulQA.csv, or question, answer, label."
    )
    strength: float = Field(1.0, gt=0, description="Inverse of the L2 penalty (C of scikit-learn).")
    seed: int = Field(0, description="Seed of the split into training and held-out questions.")

    def trained(self) -> Trained:
        """The classifier, trained once for each file and setting.

        Raises
        ------
        DataError
            The file cannot be read.
        JudgeError
            It holds too few labels of one kind.
        """
        return _train(self.path, _digest(self.path), self.strength, self.seed)

    def identity(self) -> Mapping[str, Any]:
        """Parameters, with the labels by their digest rather than their place."""
        return {"name": self.name, "labels": _digest(self.path), "strength": self.strength}

    def about(self) -> Mapping[str, Any]:
        """Held-out accuracy, area under the curve, kappa, and on how many answers."""
        return self.trained().about

    def judge(
        self,
        criterion: str,
        questions: Sequence[str],
        answers: Sequence[str],
        references: Sequence[Sequence[str]] | None = None,
    ) -> list[Verdict]:
        """The classifier's probability that an answer meets the criterion of its labels."""
        del criterion, references
        texts = [_text(question, answer) for question, answer in zip(questions, answers, strict=True)]
        return [Verdict(float(p)) for p in self.trained().pipeline.predict_proba(texts)[:, 1]] if texts else []


def _text(question: str, answer: str) -> str:
    return f"{question}\n{answer}"


def _digest(path: Path) -> str:
    from steerstack.util import digest

    if not os.path.isfile(path):
        raise JudgeError(f"There is no file of labelled judgments at {path}.", fix="Check the parameter path.")
    return digest.of_file(path)


def _pipeline(strength: float) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    return make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, strip_accents="unicode", token_pattern=r"(?u)\b\w+\b"),
        LogisticRegression(C=strength, max_iter=2000, class_weight="balanced"),
    )


@lru_cache(maxsize=8)
def _train(path: Path, digest: str, strength: float, seed: int) -> Trained:
    items = labelled(path)
    kinds = {meets: sum(item.meets is meets for item in items) for meets in (True, False)}
    if min(kinds.values()) < LEAST:
        raise JudgeError(
            f"{path} holds too few labelled judgments.",
            seen=f"{kinds[True]} yes, {kinds[False]} no",
            fix=f"{LEAST} of each kind are the least.",
        )
    held_out = {**_held_out(items, strength, seed), "labels": digest, "n": len(items)}
    pipeline = _pipeline(strength).fit([_text(i.question, i.answer) for i in items], [i.meets for i in items])
    return Trained(pipeline, held_out)


def _held_out(items: Sequence[Labelled], strength: float, seed: int) -> dict[str, object]:
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import GroupShuffleSplit

    from steerstack.measure.judge import agreement

    texts, labels = [_text(item.question, item.answer) for item in items], [item.meets for item in items]
    split = GroupShuffleSplit(n_splits=1, test_size=0.2, random_state=seed)
    train, test = next(split.split(texts, labels, groups=[item.question for item in items]))
    truth = [labels[i] for i in test]
    if len({labels[i] for i in train}) < 2 or len(set(truth)) < 2:
        raise JudgeError("The held-out questions, or the others, are all of one label.", fix="Try another seed.")
    pipeline = _pipeline(strength).fit([texts[i] for i in train], [labels[i] for i in train])
    p_yes = pipeline.predict_proba([texts[i] for i in test])[:, 1]
    comparison = agreement([bool(p >= 0.5) for p in p_yes], truth)
    share = sum(truth) / len(truth)
    return {
        "held_out_accuracy": comparison.accuracy,
        "held_out_auc": float(roc_auc_score(truth, p_yes)),
        "held_out_kappa": comparison.kappa.to_json(),
        "held_out_n": len(truth),
        "commoner_label": max(share, 1 - share),
    }
