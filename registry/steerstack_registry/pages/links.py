"""Addresses of MLflow's pages that open as they should."""

import contextlib
from collections.abc import Iterator

from steerstack.errors import RegistryError
from steerstack_registry.access import location, names
from steerstack_registry.access.connection import reaching

TRAINING = "workflowType=machine_learning"
"""What an address says to get MLflow's pages for training runs; without it a browser gets those for agents."""

_SHOWN = 5


def experiment_links(address: str, tracking_uri: str | None = None) -> Iterator[tuple[str, str]]:
    """The newest experiments by name, each with an address that opens it in the view for training runs.

    Parameters
    ----------
    address:
        Of the server.
    tracking_uri:
        Its store; None for the default one. Where it cannot be read, there are none.
    """
    with contextlib.suppress(RegistryError), reaching(location.resolve(tracking_uri)) as client:
        newest = client.search_experiments(
            max_results=_SHOWN, filter_string=names.OUR_EXPERIMENTS, order_by=["last_update_time DESC"]
        )
        for one in newest:
            yield one.name, f"{address.rstrip('/')}/#/experiments/{one.experiment_id}?{TRAINING}"
