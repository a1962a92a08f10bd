"""A server of OpenAI's protocol on the loopback address, in a thread of the test's own process."""

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import uvicorn

from steerstack.serving.openai.app import OpenAIService
from steerstack.serving.openai.engine import ReferenceEngine
from steerstack.serving.openai.reply import Responder
from steerstack.serving.openai.vectors import VectorShelf
from steerstack.steering.vector import SteeringVector
from steerstack.trace.model import Model

TOKEN = "a-token-of-the-test"


@contextmanager
def openai_server(model: Model, vectors: Mapping[str, SteeringVector]) -> Iterator[str]:
    """Serve a model as ``tiny`` by the reference engine; gives the address, ``/v1`` included."""
    service = OpenAIService(Responder(ReferenceEngine(model), VectorShelf(model, vectors), ["tiny"]), TOKEN)
    with socket.socket() as own:
        own.bind(("127.0.0.1", 0))
        own.listen()  # so that a client that comes early waits
        server = uvicorn.Server(uvicorn.Config(service.app(), log_level="warning", lifespan="off", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [own]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{own.getsockname()[1]}/v1"
        finally:
            server.should_exit = True
            thread.join()
            service.close()
