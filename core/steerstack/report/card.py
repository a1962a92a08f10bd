"""The card of a vector: what it is, what it does, what it costs, where it fails. In Markdown."""

from collections.abc import Iterable

from steerstack.report import failures
from steerstack.steering.vector import SteeringVector
from steerstack.util.text import code_span, markdown


def vector_card(vector: SteeringVector) -> str:
    """What a vector is and where it comes from; digests last."""
    return "\n".join([*_facts(vector), "", *_fingerprints(vector)])


def study_card(vector: SteeringVector, does: Iterable[str], fails_at: Iterable[str]) -> str:
    """The card of a vector with what a study found: sections of lines, and where it fails."""
    parts = [*_facts(vector), "", *does, "", failures.section(fails_at), "", *_fingerprints(vector)]
    return "\n".join(parts)


def _facts(vector: SteeringVector) -> list[str]:
    origin, layers = vector.origin, vector.layers
    return [
        f"# {markdown(f'{origin.behavior}: {origin.method} on {origin.model_name}')}",
        "",
        f"- **Method** {markdown(origin.method)}, read at {code_span(origin.position)}, `{vector.component}`, "
        f"basis {code_span(origin.basis)}, from {origin.n_pairs} training pairs",
        f"- **Layers** {layers[0]} to {layers[-1]}, width {vector.d_model}, "
        f"norms {min(vector.norms.values()):.2f} to {max(vector.norms.values()):.2f}",
    ]


def _fingerprints(vector: SteeringVector) -> list[str]:
    origin = vector.origin
    return [
        "## Fingerprints",
        "",
        f"- **Vector** `{vector.fingerprint[:12]}`",
        f"- **Model** {markdown(origin.model_name)} {code_span(origin.model_fingerprint[:12])}",
        f"- **Training pairs** {code_span(origin.data_digest[:12])}",
    ]
