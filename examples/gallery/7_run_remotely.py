"""
Run remotely
============

The weights are on another machine; here are only names and shapes. A whole sweep is a few requests.
"""

# %%
# A server
# --------
# On the machine with the weights: ``steerstack serve smollm2``, which prints a token. Here it is a process of its
# own on the loopback address. A server runs what its clients send, so it belongs behind a token, and never on an open
# network.

import os
import socket
import subprocess
import time

import httpx
import matplotlib.pyplot as plt

import steerstack
from steerstack import Plan, apply
from steerstack.measure.scoring import score_data

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
os.environ["STEERSTACK_SERVE_TOKEN"] = "secret"  # for the server and for its client
server = subprocess.Popen(["steerstack", "serve", "smollm2", "--port", str(port)], stderr=subprocess.DEVNULL)
address = f"http://127.0.0.1:{port}"
while True:
    assert server.poll() is None, "the server stopped"
    try:
        httpx.get(f"{address}/env", timeout=5)
        break
    except httpx.HTTPError:
        time.sleep(0.3)

# %%
# The same calls
# --------------
# ``open_model`` takes the address, and everything after it is written as for a model of one's own.

there = steerstack.open_model("smollm2", remote=address)
here = steerstack.open_model("smollm2")
print("weights here:", {parameter.device.type for parameter in there.module.parameters()})
print("same fingerprint:", there.fingerprint == here.fingerprint)

data = steerstack.load_data("power-seeking").limit(6)
vector = steerstack.extract(there, data, "mean-difference", position="response", store=None)
plans = [Plan(), *(apply(vector, layer, scale) for layer in (10, 18) for scale in (-2.0, 2.0))]
before = there.remote.requests
far = score_data(there, data, "text", plans)
print(f"{len(plans)} arms on {len(data)} items in {there.remote.requests - before} request(s)")

# %%
# The same numbers
# ----------------
# Every point is one item under one plan, scored there and scored here.

near = score_data(here, data, "text", plans)
figure, axes = plt.subplots(figsize=(4.2, 4.0), layout="constrained")
for arm, other in zip(near, far, strict=True):
    axes.plot(arm.effect_scale, other.effect_scale, "o", ms=3)
axes.axline((0, 0), slope=1, color="0.6", lw=1, zorder=0)
axes.set_xlabel("log-odds per token, scored here")
axes.set_ylabel("scored by the server")
plt.show()

largest = max(abs(arm.effect_scale - other.effect_scale).max() for arm, other in zip(near, far, strict=True))
print(f"largest difference: {largest:.1e}")
server.terminate()
