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

from steerstack.exchange import vector_folder
from steerstack.steering.vector import SteeringVector

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
            content = json.loads(body)["files"]
            self.reply(
                {"files": [{"path": one["path"], "uploadMode": "regular", "shouldIgnore": False} for one in content]}
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
            content = json.loads(body)["paths"]
            self.reply([self.entry(name) for name in content if name in self.files])
        else:
            self.reply({}, 404)


@pytest.fixture
def hub():
    handler = type("OwnHub", (Hub,), {"files": {}})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield handler.files, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


_PUSH_AND_LOAD = """
import sys
from steerstack import load_vector
from steerstack.exchange import vector_folder

vector_folder.push(load_vector(sys.argv[1]), "hf://me/kind", {})
for _ in sys.stdin:
    print(load_vector("hf://me/kind").fingerprint, flush=True)
"""


@pytest.fixture
def pushing(hub, tmp_path):
    """A process of its own, since the hub's address is read when its package is imported: it loads at each line."""
    SteeringVector({1: torch.arange(1.0, 9.0)}).save(tmp_path / "v.safetensors")
    env = {**os.environ, "HF_ENDPOINT": hub[1], "HF_TOKEN": "t", "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "0"}
    command = [sys.executable, "-c", _PUSH_AND_LOAD, str(tmp_path / "v.safetensors")]
    with subprocess.Popen(
        command, env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        yield process


def test_push_to_the_hub_and_load_from_it(hub, pushing, tmp_path):
    files, _ = hub
    pushing.stdin.write("\n")
    pushing.stdin.flush()
    loaded = pushing.stdout.readline().strip()
    assert loaded == SteeringVector.load(tmp_path / "v.safetensors").fingerprint, pushing.stderr.read()
    assert set(files) >= {*vector_folder.FILES, vector_folder.SUMS}
    files[vector_folder.VECTOR] = files[vector_folder.VECTOR][:-1] + b"\x00"
    _, refused = pushing.communicate("\n", timeout=120)
    assert pushing.returncode != 0
    assert "is not the one that was pushed" in refused
