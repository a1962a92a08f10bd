"""The recorder that the core talks to; MLflow itself is imported by its methods."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, ClassVar

from steerstack.contracts.recorder import Recorded, Recorder, RunRecord, VectorRow

if TYPE_CHECKING:
    from steerstack.steering.vector import SteeringVector


class MLflowRecorder(Recorder):
    """Keeps vectors, runs and results in an MLflow store."""

    name: ClassVar[str] = "mlflow"

    def record(self, run: RunRecord, *, tracking_uri: str | None) -> Recorded:
        """Keep one run; when the store cannot take it, keep it in the outbox and raise."""
        from steerstack_registry.write.outbox import record

        return record(run, tracking_uri)

    def send(self, *, tracking_uri: str | None) -> list[Recorded]:
        """Deliver everything in the outbox."""
        from steerstack_registry.write.outbox import send_all

        return send_all(tracking_uri)

    def check(self, *, tracking_uri: str | None) -> str:
        """One line on the store: where it is, and that it answers."""
        from steerstack_registry.access.connection import check

        return check(tracking_uri)

    def ready(self, *, tracking_uri: str | None) -> str:
        """See whether a store will take what a study finds; what is wrong with one that is only away is given back."""
        from steerstack_registry.access.connection import check_ready

        return check_ready(tracking_uri)

    def list_vectors(self, *, tracking_uri: str | None, limit: int | None = None) -> list[VectorRow]:
        """Registered versions, newest first."""
        from steerstack_registry.read.listing import list_vectors

        return list_vectors(tracking_uri, limit)

    def show_vector(self, vector: str, *, tracking_uri: str | None) -> dict[str, Any]:
        """All that is known of one registered vector."""
        from steerstack_registry.read.listing import show_vector

        return show_vector(vector, tracking_uri)

    def load_vector(self, uri: str, *, tracking_uri: str | None) -> SteeringVector:
        """The vector behind a ``models:/`` address."""
        from steerstack_registry.read.load_vector import load_vector

        return load_vector(uri, tracking_uri)

    def serve(self, *, tracking_uri: str | None, host: str, port: int) -> None:
        """Run MLflow's own pages until interrupted; for a remote store, say where its pages are."""
        from steerstack_registry.pages.links import experiment_links
        from steerstack_registry.pages.serve_ui import serve

        def announce(address: str) -> None:
            sys.stderr.write(f"MLflow: {address}\n")
            for name, link in experiment_links(address, tracking_uri):
                sys.stderr.write(f"  {name}: {link}\n")

        serve(tracking_uri, host, port, announce=announce)
