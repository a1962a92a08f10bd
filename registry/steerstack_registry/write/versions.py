"""Vectors as LoggedModels and registered versions: made once, described, found again."""

import contextlib
import json
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steerstack.steering.vector import SteeringVector
from steerstack.util import digest
from steerstack_registry.access import names
from steerstack_registry.access.names import NOTE, short
from steerstack_registry.access.search import everything
from steerstack_registry.read.load_vector import model_id

if TYPE_CHECKING:
    from mlflow import MlflowClient


@dataclass(frozen=True)
class Registered:
    """A registered vector.

    Attributes
    ----------
    name, version:
        Its registered name and version.
    model_id:
        The LoggedModel behind it.
    new:
        Whether it was registered just now, or by the same run before it was cut short.
    """

    name: str
    version: str
    model_id: str
    new: bool

    @property
    def uri(self) -> str:
        """``models:/NAME/VERSION``."""
        return f"models:/{self.name}/{self.version}"


def vector_id(vector: SteeringVector) -> str:
    """Digest of the directions and of where they come from: by it, the same vector is registered once.

    Without the header's own digest of the tensors, which version 0.1 did not have: the fingerprint says as much.
    """
    origin = {name: part for name, part in vector.header().items() if name != "digest"}
    return digest.of_json([vector.fingerprint, origin])


@dataclass(frozen=True)
class Versions:
    """Registers the vectors of one run.

    ``again`` says that the run was cut short before, and may have left a model without a version.
    """

    client: "MlflowClient"
    experiment: str
    behavior: str
    model_name: str
    run_id: str | None = None
    again: bool = False

    def register(self, vector: SteeringVector, *, role: str = "", card: str = "") -> Registered:
        """Register a vector, or find it registered."""
        name = names.registered_name(vector, self.behavior, self.model_name, role)
        identity = vector_id(vector)
        registration = self._find(name, identity)
        if registration is not None and not registration.new:
            return registration
        version = registration or self._make(name, identity, vector, role, card)
        if version.new:
            self._link(version)
        return version

    def _find(self, name: str, identity: str) -> Registered | None:
        from mlflow.exceptions import MlflowException

        query = f"name = '{name}' and tags.`{names.VECTOR_ID}` = '{identity}'"
        for version in sorted(everything(self.client.search_model_versions, query), key=lambda one: int(one.version)):
            identifier = model_id(version)
            try:
                model = self.client.get_logged_model(identifier)
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
                continue  # somebody deleted the model behind the version
            mine = self.run_id is not None and model.source_run_id == self.run_id
            return Registered(name, str(version.version), identifier, new=mine)
        return None

    def _make(self, name: str, identity: str, vector: SteeringVector, role: str, card: str) -> Registered:
        facts = names.vector_facts(vector, self.behavior)
        tags = {f"steerstack.{key}": value for key, value in facts.items()}
        tags |= {names.VECTOR_ID: identity, "steerstack.type": names.MODEL_TYPE}
        if role:
            tags["steerstack.role"] = role
        model = self._left(identity) or self._log(name, facts, tags, vector, card)
        self._ensure_name(name)
        version = self.client.create_model_version(
            name, source=f"models:/{model}", run_id=self.run_id, tags=tags, model_id=model,
            description=short(card, names.DESCRIPTION_LENGTH) or None,
        )  # fmt: skip
        earlier = self._find(name, identity)
        if earlier is not None and earlier.version != str(version.version):  # another process was quicker
            self.client.delete_model_version(name, str(version.version))
            self.client.delete_logged_model(model)
            return earlier
        return Registered(name, str(version.version), model, new=True)

    def _left(self, identity: str) -> str | None:
        """The whole model that a kill left before its version was made; half a one is deleted."""
        if not self.again or self.run_id is None:
            return None
        mine = f"source_run_id = '{self.run_id}' AND tags.`{names.VECTOR_ID}` = '{identity}'"
        whole: str | None = None
        for model in list(everything(self.client.search_logged_models, [self.experiment], filter_string=mine)):
            if whole is None and str(model.status) == "READY":
                whole = str(model.model_id)
            else:
                self.client.delete_logged_model(model.model_id)
        return whole

    def _link(self, made: Registered) -> None:
        """The model's own page links to its versions by a tag, which only a server sets by itself."""
        link = [{"name": made.name, "version": made.version}]
        self.client.set_logged_model_tags(made.model_id, {"mlflow.modelVersions": json.dumps(link)})
        self.client.set_registered_model_alias(made.name, names.NEWEST, made.version)

    def _log(self, name: str, facts: dict[str, str], tags: dict[str, str], vector: SteeringVector, card: str) -> str:
        from mlflow.models import Model

        from steerstack_registry.flavor import save_model

        model = self.client.create_logged_model(
            self.experiment,
            name=name.replace(".", "_"),  # MLflow takes a dot in a registered name, but not in this one
            source_run_id=self.run_id,
            tags={**tags, **({NOTE: short(card, names.TAG_LENGTH)} if card else {})},
            params=facts,
            model_type=names.MODEL_TYPE,
        )
        try:
            with tempfile.TemporaryDirectory() as folder:
                save_model(vector, folder, Model(model_id=model.model_id, run_id=self.run_id), card=card)
                self.client.log_model_artifacts(model.model_id, folder)
        except BaseException:
            self._give_up(model.model_id)
            raise
        self.client.finalize_logged_model(model.model_id, "READY")
        return str(model.model_id)

    def _give_up(self, model: str) -> None:
        with contextlib.suppress(Exception):  # most likely the store is down for this too
            self.client.finalize_logged_model(model, "FAILED")

    def _ensure_name(self, name: str) -> None:
        from mlflow.exceptions import MlflowException

        try:
            self.client.create_registered_model(
                name, tags={"steerstack.type": names.MODEL_TYPE, "steerstack.behavior": self.behavior}
            )
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def describe(self, registered: Registered, card: str) -> None:
        """Replace the readable account of a vector that was registered before."""
        self.client.set_logged_model_tags(registered.model_id, {NOTE: short(card, names.TAG_LENGTH)})
        self.client.update_model_version(registered.name, registered.version, short(card, names.DESCRIPTION_LENGTH))
