"""The hub, by huggingface_hub itself, against a stand-in on the loopback address that keeps what is committed."""

import base64
import http.server
import json
import os
import subprocess
import sys
import threading
from urllib.parse import unquote, urlsplit

import pytest
import torch

from steerstack import sharing
from steerstack.vector import SteeringVector

REPO, COMMIT = "me/kind", "c" * 40


class Hub(http.server.BaseHTTPRequestHandler):
    """The few addresses that a push and a load ask for."""

    protocol_version = "HTTP/1.1"
    files: dict[str, bytes]

    def log_message(self, *_):
        pass

    def reply(self, body, status=200, kind="application/json"):
        self.send_response(status)
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.send_header("x-repo-commit", COMMIT)
        self.send_header("etag", '"1"')
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def entry(self, path):
        return {"type": "file", "path": path, "size": len(self.files[path]), "oid": "0" * 40}

    def do_GET(self):
        path = unquote(urlsplit(self.path).path)
        if "/resolve/" in path:
            name = path.split("/resolve/")[1].split("/", 1)[1]
            self.reply(self.files[name], kind="application/octet-stream") if name in self.files else self.reply({}, 404)
        elif "/tree/" in path:
            self.reply([self.entry(name) for name in self.files])
        elif path.startswith(f"/api/models/{REPO}"):
            self.reply({"id": REPO, "modelId": REPO, "sha": COMMIT, "private": False, "tags": [], "siblings": []})
        else:
            self.reply({}, 404)

    do_HEAD = do_GET

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        path = unquote(urlsplit(self.path).path)
        if path == "/api/repos/create":
            self.reply({"url": f"http://{self.headers['host']}/{REPO}"})
        elif path == "/api/validate-yaml":
            self.reply({"errors": [], "warnings": []})
        elif "/preupload/" in path:
            asked = json.loads(body)["files"]
            self.reply(
                {"files": [{"path": one["path"], "uploadMode": "regular", "shouldIgnore": False} for one in asked]}
            )
        elif "/commit/" in path:
            lines = [json.loads(line) for line in body.splitlines()]
            self.files.update(
                (line["value"]["path"], base64.b64decode(line["value"]["content"]))
                for line in lines
                if line["key"] == "file"
            )
            self.reply({"commitUrl": f"http://{self.headers['host']}/{REPO}/commit/{COMMIT}", "commitOid": COMMIT})
        elif "/paths-info/" in path:
            asked = json.loads(body)["paths"]
            self.reply([self.entry(name) for name in asked if name in self.files])
        else:
            self.reply({}, 404)


@pytest.fixture
def hub():
    handler = type("OwnHub", (Hub,), {"files": {}})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield handler.files, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def run(endpoint, home, code, *arguments):
    """Python in a process of its own: the hub's address is read when its package is imported."""
    variables = {**os.environ, "HF_ENDPOINT": endpoint, "HF_TOKEN": "t", "HF_HOME": str(home), "HF_HUB_OFFLINE": "0"}
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], env=variables, capture_output=True, text=True, timeout=120
    )


_PUSH = "import sys; from steerstack import sharing, load_vector as l; sharing.push(l(sys.argv[1]), 'hf://me/kind', {})"
_LOAD = "from steerstack import load_vector; print(load_vector('hf://me/kind').fingerprint)"


def test_push_to_the_hub_and_load_from_it(hub, tmp_path):
    files, endpoint = hub
    vector = SteeringVector({1: torch.arange(1.0, 9.0)})
    vector.save(tmp_path / "v.safetensors")
    pushed = run(endpoint, tmp_path, _PUSH, tmp_path / "v.safetensors")
    assert pushed.returncode == 0, pushed.stderr
    assert set(files) >= {*sharing.FILES, sharing.SUMS}
    loaded = run(endpoint, tmp_path, _LOAD)
    assert loaded.stdout.strip() == vector.fingerprint, loaded.stderr
    files[sharing.VECTOR] = files[sharing.VECTOR][:-1] + b"\x00"
    refused = run(endpoint, tmp_path, _LOAD)
    assert refused.returncode != 0
    assert "is not the one that was pushed" in refused.stderr
