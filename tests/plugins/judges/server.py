"""A small server of OpenAI's chat completions, on the loopback address, that answers as its address says.

``words`` says Yes where the prompt holds "right" and No elsewhere, without log-probabilities; ``rubbish`` answers
with a poem; ``html`` with a page; ``slow`` not for a minute; ``refusing`` knows no log-probabilities; ``broken``
fails always. ``python server.py N`` is a server in a process of its own that behaves as ``words`` for N requests,
then exits in the middle of the next.
"""

import json
import os
import sys
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Said = tuple[int, dict[str, Any] | str]
"""A status, and what is answered: as JSON, or as a page."""


def completion(text: str, content: Any = None, tokens: int = 7) -> Said:
    logprobs = None if content is None else {"content": content, "refusal": None}
    return 200, {
        "id": "1", "object": "chat.completion", "created": 0, "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "logprobs": logprobs,
                     "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": tokens, "completion_tokens": 0, "total_tokens": tokens},
    }  # fmt: skip


def words(asked: Mapping[str, Any]) -> Said:
    return completion("Yes." if "right" in asked["messages"][-1]["content"].split("\n\n")[1] else "No, it is not.")


def refusing(asked: Mapping[str, Any]) -> Said:
    return (400, {"error": {"message": "no logprobs here"}}) if asked.get("logprobs") else words(asked)


Mode = Callable[[Mapping[str, Any]], Said]
MODES: dict[str, Mode] = {
    "words": words,
    "refusing": refusing,
    "rubbish": lambda asked: completion("Roses are red, yes they are."),
    "html": lambda asked: (200, "<html>Welcome</html>"),
    "locked": lambda asked: (401, {"error": {"message": "who is there?"}}),
    "broken": lambda asked: (500, {"error": {"message": "oops"}}),
}


class Judges(ThreadingHTTPServer):
    """Answers at ``/NAME/v1`` in the mode that was given that name."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.modes: dict[str, Mode] = {}
        self.served: Counter[str] = Counter()
        self.headers: dict[str, Mapping[str, str]] = {}
        self.stopping = threading.Event()

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}/v1"

    def slow(self, asked: Mapping[str, Any]) -> Said:
        self.stopping.wait(60)
        return completion("Yes.")


class _Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Judges

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        name, rest = self.path.removeprefix("/").split("/", 1)
        assert rest == "v1/chat/completions", self.path
        self.server.served[name] += 1
        self.server.headers[name] = {key.lower(): value for key, value in self.headers.items()}
        status, reply = self.server.modes[name](request)
        body = (reply if isinstance(reply, str) else json.dumps(reply)).encode()
        self.close_connection = self.server.stopping.is_set()
        if self.close_connection:
            return  # whoever asked has long gone
        self.send_response(status)
        self.send_header("content-type", "text/html" if isinstance(reply, str) else "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main(requests: int) -> None:
    judges = Judges()

    def dying(asked: Mapping[str, Any]) -> Said:
        if judges.served["dying"] > requests:
            os._exit(1)
        return words(asked)

    judges.modes["dying"] = dying
    sys.stdout.write(judges.url("dying") + "\n")
    sys.stdout.flush()
    judges.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]))
