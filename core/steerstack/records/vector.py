"""Keep a vector in the registry, without any effect yet."""

from steerstack.catalog.recorder import record_run
from steerstack.contracts.recorder import MAIN, Recorded, RunRecord
from steerstack.data.items import DataSet
from steerstack.report.card import vector_card
from steerstack.steering.vector import SteeringVector
from steerstack.study.claims import Claims
from steerstack.trace.model import Model


def record_vector(vector: SteeringVector, model: Model, data: DataSet, *, tracking_uri: str | None) -> Recorded:
    """Keep a vector without any effect yet."""
    run = RunRecord(
        kind="extract",
        behavior=data.behavior,
        model_name=model.name,
        model_fingerprint=model.fingerprint,
        data_source=data.source,
        data_digest=data.digest,
        data_split="train",
        n_items=len(data),
        vectors={MAIN: vector},
        result={"claims": Claims(tested={}, trained={"train": data}).to_json()},
        card=vector_card(vector),
    )
    return record_run(run, tracking_uri=tracking_uri)
