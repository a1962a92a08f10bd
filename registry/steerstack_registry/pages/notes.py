"""What people find on MLflow's own pages: where an effect comes from, and vectors side by side.

MLflow links a metric to its model and its run. It has no place for the data a vector was made from, for the code
and for the command; they stand here, in the descriptions of the run and of the vector: the answer first, then one
figure, one table, the card, and at the end where it is from, with the digests.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import quote

from steerstack.contracts.recorder import Effect, RunRecord
from steerstack.report.failures import of_effect, section
from steerstack.techniques.null_techniques import NULL
from steerstack.util.text import code_span, markdown, sentences
from steerstack_registry.access import names
from steerstack_registry.pages.fit_card import fit
from steerstack_registry.pages.headline import TABLE, headlines
from steerstack_registry.pages.links import TRAINING
from steerstack_registry.write.delivery import Delivery, on, table
from steerstack_registry.write.versions import Registered

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment

FOLDERS = {".html": "report", ".png": "figures"}
"""Where files of a run go; all others lie beside ``result.json``."""

SMALL = "figures/small"
"""Where figures also lie as wide as a description is: MLflow shows pictures at their own size, and cuts them off."""

SHOWN = 6
"""How many vectors of a run its description links to; MLflow lists all of them on the run's page."""

ROWS = 6
"""Effects in the table of a description."""

_NULL = re.compile(re.escape(NULL) + r"[\w-]+")

WIDTH = 640
"""Of a small figure, in pixels."""

KIND = "mlflow.experimentKind"
VIEW = "steerstack"
_SHARED = f"mlflow.sharedViewState.{VIEW}"
_COLUMNS = {
    "attributes": ["Models"],
    "metrics": ["effect/alone", "effect/alone.ci_low", "effect/alone.ci_high", "effect/alone.n",
                "kl/vector-positive", "effect/prompt-positive-vector-positive"],
    "params": ["method", "model_name", "layer", "scale", "kind"],
}  # fmt: skip


def experiment_tags(experiment: "Experiment") -> Iterator[tuple[str, str]]:
    """Tags that an experiment's page lacks: its kind, and a view that sorts vectors by effect beside their cost.

    A view is what MLflow's own "Share" keeps; the description of the experiment links to it.
    """
    view = {
        "orderByKey": "metrics.`effect/alone`",
        "orderByAsc": False,
        "selectedColumns": [f"{group}.`{name}`" for group, columns in _COLUMNS.items() for name in columns],
    }
    link = f"#/experiments/{experiment.experiment_id}/runs?viewStateShareKey={VIEW}&{TRAINING}"
    tags = {
        KIND: "custom_model_development",
        _SHARED: json.dumps(view),
        names.NOTE: f"**[Vectors by effect and cost]({link})**",
    }
    return ((key, value) for key, value in tags.items() if key not in experiment.tags)


def note(delivery: Delivery, experiment: str, run_id: str, vectors: Mapping[str, Registered], length: int) -> str:
    """The description of a run, or of its main vector: title, origin, figures, card; cut to a length."""
    run = delivery.run
    title, _, rest = run.card.partition("\n")
    if not title.startswith("# "):
        title, rest = f"# {markdown(f'{run.kind}: {run.behavior}')}", run.card
    answer = sentences(run.verdict)[:1]
    few = headlines(run.effects)[:ROWS]
    head = [title, "", *(f"**{markdown(one)}**\n" for one in answer), *_figures(delivery, run_id),
            *([table(f"Effects on {on(run.data_split)}", few), ""] if few else [])]  # fmt: skip
    if len(run.effects) > len(few):
        head += [f"All {len(run.effects)} effects: [{TABLE}]({_artifact(experiment, run_id, TABLE)})", ""]
    above = "\n".join(head)
    below = "\n".join(["", "", "## Where it is from", "", *origin(delivery, experiment, run_id, vectors)])
    whole = f"[card.md]({_artifact(experiment, run_id, 'card.md')})"
    return names.short(above + fit(rest.strip(), length - len(above) - len(below), whole) + below, length)


def _artifact(experiment: str, run_id: str, path: str) -> str:
    return f"#/experiments/{experiment}/runs/{run_id}/artifacts/{quote(path)}"


def role_note(
    role: str, delivery: Delivery, experiment: str, run_id: str, vectors: Mapping[str, Registered], length: int
) -> str:
    """The description of a vector that is not the run's main one."""
    above = f"# {markdown(role)}\n\n"
    below = "\n".join(["", "", "## Where it is from", "", *origin(delivery, experiment, run_id, {role: vectors[role]})])
    run = delivery.run
    mine = [effect for effect in run.effects if effect.role == role]
    if not mine:
        return names.short(above + below.strip(), length)
    wrong = list(_wrong(role, run, mine))
    nulls = _nulls(run, {effect.name for effect in mine}, run.vectors[role].origin.method)
    body = [
        table(f"Effects on {on(run.data_split)}", mine), "",
        *([table("The same of nulls", nulls), ""] if nulls else []),
        section(wrong), "",
        "## Verdict of the study", "", markdown(run.verdict),
    ]  # fmt: skip
    return names.short(above + fit("\n".join(body), length - len(above) - len(below), "the run") + below, length)


def _wrong(role: str, run: RunRecord, mine: Sequence[Effect]) -> Iterator[str]:
    """Where the vector of a role fails: as its study says; else in any of its effects."""
    if role in run.failures:
        yield from run.failures[role]
        return
    for effect in mine:
        if line := of_effect(f"In `{effect.name}`", effect):
            yield line


def _nulls(run: RunRecord, mine: set[str], method: str) -> list[Effect]:
    """What nulls do where a vector of the method has effects of these names."""
    in_its_place = [(effect, _NULL.sub(method, effect.name)) for effect in run.effects]
    return [effect for effect, name in in_its_place if name != effect.name and name in mine]


def origin(delivery: Delivery, experiment: str, run_id: str, vectors: Mapping[str, Registered]) -> Iterator[str]:
    """Links and facts, as Markdown lines: vectors, data, code, command."""
    run, tags = delivery.run, delivery.tags
    for role, vector in islice(vectors.items(), SHOWN):
        version, source = f"#/models/{quote(vector.name)}/versions/{vector.version}", run.vectors[role].origin
        yield (
            f"- **Vector** ({markdown(role)}) [{vector.name} {vector.version}]({version}), "
            f"[its page](#/experiments/{experiment}/models/{vector.model_id}), "
            f"made from {source.n_pairs} pairs, digest {code_span(source.data_digest)}"
        )
    if len(vectors) > SHOWN:
        yield f"- **{len(vectors) - SHOWN} more vectors** are listed on the page of the run"
    if not run.vectors:
        yield "- **Vectors** none were kept; the command makes them again"
    yield (
        f"- **Measured** in [this run](#/experiments/{experiment}/runs/{run_id}) on {code_span(run.data_source)}, "
        f"{on(run.data_split)}, n = {run.n_items}, digest {code_span(run.data_digest)}"
    )
    own = _commit(tags, "own")
    commit = _commit({"steerstack.git_commit": tags.get("mlflow.source.git.commit", ""), **tags}, "git")
    versions = [f"{name} {tags[f'steerstack.{name}']}" for name in ("torch", "transformers", "nnsight")
                if f"steerstack.{name}" in tags]  # fmt: skip
    code = f"steerstack {tags.get('steerstack.version', 'unknown')}{f' of commit {own}' if own else ''}"
    where = f"commit {commit}" if commit else "not run in a git checkout"
    yield f"- **Code** {', '.join([code, *versions])}; {where}"
    reports = [path.name for path in run.files if FOLDERS.get(path.suffix.lower()) == "report"]
    for name in reports:
        yield f"- **Report** [{_label(name)}](#/experiments/{experiment}/runs/{run_id}/artifacts/report/{quote(name)})"
    command = tags.get("steerstack.command")
    yield "- **Run it again**" + (
        "" if command else f" recorded by Python code: {markdown(tags.get('mlflow.source.name', ''))}"
    )
    if command:
        fence = "`" * max(3, 1 + max(map(len, re.findall("`+", command)), default=0))
        yield from ("", fence, command, fence)
    yield ""


def _label(name: str) -> str:
    """A file's name as the text of a link, which its brackets would end."""
    return markdown(name).replace("[", "&#91;").replace("]", "&#93;")


def _commit(tags: Mapping[str, str], name: str) -> str:
    """A commit that was noted, in words; empty where none was."""
    commit = tags.get(f"steerstack.{name}_commit")
    remark = " with uncommitted changes" if f"steerstack.{name}_changed" in tags else ""
    return f"`{commit}`{remark}" if commit else ""


def _figures(delivery: Delivery, run_id: str) -> Iterator[str]:
    """The first figure, small, shown where the server hands out artifacts."""
    pictures = [path.name for path in delivery.run.files if FOLDERS.get(path.suffix.lower()) == "figures"]
    for name in pictures[:1]:
        yield f"![{name}](get-artifact?path={quote(f'{SMALL}/{name}', safe='')}&run_uuid={run_id})"
    if pictures:
        yield ""


def mark(client: "MlflowClient", experiment: "Experiment") -> None:
    """Give an experiment the tags that its page lacks."""
    for key, value in experiment_tags(experiment):
        client.set_experiment_tag(experiment.experiment_id, key, value)
