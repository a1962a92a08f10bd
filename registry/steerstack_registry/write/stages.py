"""What people decide about vectors: aliases, stages, and what may be thrown away."""

from typing import Any

from steerstack.contracts.recorder import VectorRow
from steerstack.errors import RegistryError, nearest
from steerstack_registry.access import location, names
from steerstack_registry.access.connection import reaching
from steerstack_registry.access.search import everything
from steerstack_registry.read.listing import list_vectors, show_vector
from steerstack_registry.read.load_vector import addressed, find

STAGE = "steerstack.stage"
STAGES = ("candidate", "validated", "production", "archived")


def promote(
    vector: str, *, alias: str | None = "champion", stage: str | None = None, tracking_uri: str | None = None
) -> dict[str, Any]:
    """Give a registered version an alias (which leaves any other version) and a stage.

    Parameters
    ----------
    vector:
        ``models:/NAME/VERSION``, or a registered name (its newest version).
    alias:
        Such as ``champion``; None for none.
    stage:
        ``candidate``, ``validated``, ``production`` or ``archived``; kept as a tag.

    Raises
    ------
    RegistryError
        There is no such version or stage, or the alias is reserved.
    """
    if stage is not None and stage not in STAGES:
        raise RegistryError(f"There is no stage {stage!r}.", fix=nearest(stage, STAGES))
    if alias is not None and alias.lower() in ("latest", names.NEWEST):
        raise RegistryError(f"The alias {alias!r} is kept by itself.", fix="Choose another, such as champion.")
    uri = location.resolve(tracking_uri)
    address = addressed(vector)
    with reaching(uri) as client:
        version, _ = find(client, address)
        if version is None:
            raise RegistryError(f"{vector} is no registered version.", fix="Write models:/NAME/VERSION.")
        if alias is not None:
            client.set_registered_model_alias(version.name, alias, version.version)
        if stage is not None:
            client.set_model_version_tag(version.name, version.version, STAGE, stage)
    return show_vector(f"models:/{version.name}/{version.version}", tracking_uri)


def compare(vectors: list[str], tracking_uri: str | None = None) -> dict[str, Any]:
    """Vectors side by side: their facts, and every effect that any of them has.

    Returns
    -------
    dict
        ``vectors``: address to facts; ``effects``: name of the effect to address to estimate.
    """
    rows = {vector: show_vector(vector, tracking_uri) for vector in vectors}
    facts = ("uri", "method", "model", "behavior", "fingerprint", "created", "aliases")
    everything = sorted({name for row in rows.values() for name in row["effects"]})
    return {
        "vectors": {vector: {key: row.get(key, "") for key in facts} for vector, row in rows.items()},
        "effects": {name: {vector: row["effects"].get(name) for vector, row in rows.items()} for name in everything},
    }


def collect_garbage(*, delete: bool, tracking_uri: str | None = None) -> list[VectorRow]:
    """Registered versions that nothing speaks for: no alias but the newest's, no stage, no effect.

    Parameters
    ----------
    delete:
        Whether they are deleted; otherwise they are only listed. The newest version of a name stays.
    """
    uri = location.resolve(tracking_uri)
    rows = list_vectors(tracking_uri)
    newest: dict[str, int] = {}
    for row in rows:
        newest[row["name"]] = max(newest.get(row["name"], 0), row["version"])
    idle = [row for row in rows if not row["effects"] and not row["aliases"] and row["version"] != newest[row["name"]]]
    if not idle:
        return []
    with reaching(uri) as client:
        staged = everything(client.search_model_versions, f"tags.`{STAGE}` LIKE '%'")
        spoken_for = {(version.name, int(version.version)) for version in staged}
        garbage = [row for row in idle if (row["name"], row["version"]) not in spoken_for]
        for row in garbage if delete else ():
            client.delete_model_version(row["name"], str(row["version"]))
    return garbage
