"""What a server holds, and which requests are for it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel


class Envelope(BaseModel):
    """What is said of a request beside its payload: the part of nnsight's form that the server reads."""

    model_key: str
    session_id: str = ""


class MalformedRequestError(ValueError):
    """A request that no client of the protocol would send."""


@dataclass(frozen=True)
class Deployment:
    """A model under the names by which clients may ask for it.

    Attributes
    ----------
    names, revision:
        Of the model.
    """

    names: Sequence[str]
    revision: str

    def refuses(self, envelope: Envelope) -> str | None:
        """Why a request for another model, or of another version, cannot be run; None where it can.

        Raises
        ------
        MalformedRequestError
            It does not say for which model it is.
        """
        try:
            key = json.loads(envelope.model_key.split(":", 1)[1])
            named, revision = str(key.get("repo_id")), str(key.get("revision") or "main")
        except (ValueError, IndexError, AttributeError, RecursionError) as error:
            raise MalformedRequestError(f"The request has no model key: {type(error).__name__}") from error
        if named not in self.names:
            return f"{named[:200]} is not deployed here; deployed: {', '.join(self.names)}"
        if revision != self.revision:
            return f"{named} is deployed at revision {self.revision}, not {revision[:200]}"
        return None

    def status(self) -> dict[str, Any]:
        """In the form of NDIF's ``/status``."""
        about = {"task": "text-generation", "deployment_level": "HOT", "application_state": "RUNNING"}
        return {"deployments": {name: {"repo_id": name, "revision": self.revision, **about} for name in self.names}}
