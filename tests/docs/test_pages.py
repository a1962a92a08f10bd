"""Every page in a real browser: images are there, nothing hangs over the edge, and dark mode is dark."""

import functools
import http.server
import json
import queue
import shutil
import subprocess
import threading
from typing import ClassVar

import pytest
from tests.support.wait import PATIENCE

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.smollm2,
    pytest.mark.xdist_group("docs"),
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]
WIDTHS = {"desktop": 1280, "phone": 390}
CHECK = """<!doctype html><meta charset="utf-8"><body><script>
const pages = PAGES, widths = WIDTHS, found = [];
const light = color => {
  const [r, g, b] = color.match(/[\\d.]+/g).map(Number);
  return (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
};
async function look(page, name, width) {
  const frame = document.createElement("iframe");
  frame.style.width = width + "px"; frame.style.height = "900px";
  frame.src = page; document.body.append(frame);
  await new Promise(done => { frame.onload = done; });
  const inner = frame.contentDocument;
  for (const image of inner.images) {  // by a copy: one out of sight may never be decoded
    const copy = new Image();
    copy.src = image.src;
    await copy.decode().catch(() => found.push(`${page} (${name}): broken image ${image.src}`));
  }
  const root = inner.documentElement;
  if (root.scrollWidth > root.clientWidth + 1)
    found.push(`${page} (${name}): ${root.scrollWidth} wide in ${root.clientWidth}`);
  inner.body.dataset.theme = "dark";
  const style = frame.contentWindow.getComputedStyle(inner.body);
  if (light(style.backgroundColor) > 0.2 || light(style.color) < 0.5)
    found.push(`${page} (${name}): ${style.color} on ${style.backgroundColor} in dark mode`);
  frame.remove();
}
(async () => {
  for (const page of pages)
    for (const [name, width] of Object.entries(widths)) await look(page, name, width);
})().catch(error => found.push(String(error))).finally(
  () => fetch("/found", {method: "POST", body: JSON.stringify([pages.length, found])}));
</script>"""


class _Answering(http.server.SimpleHTTPRequestHandler):
    """Gives out the pages, and takes what was found on them."""

    found: ClassVar[queue.Queue[tuple[int, list[str]]]] = queue.Queue()

    def do_POST(self):
        """Take it."""
        self.found.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture(scope="module")
def site(built):
    """The pages behind an address, with a page that looks at all of them."""
    names = sorted(str(path.relative_to(built)) for path in built.rglob("*.html"))
    text = CHECK.replace("PAGES", json.dumps(names)).replace("WIDTHS", json.dumps(WIDTHS))
    (built / "check.htm").write_text(text, encoding="utf-8")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Answering, directory=built))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    (built / "check.htm").unlink()


def test_images_widths_and_dark_mode(site, tmp_path):
    assert CHROMIUM is not None
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
             "--disable-background-networking", "--disable-component-update", f"--user-data-dir={tmp_path}"]  # fmt: skip
    # in real time: with --virtual-time-budget the clock may run out while a picture is still on its way
    command = [CHROMIUM, *flags, "--remote-debugging-port=0", f"{site}/check.htm"]
    browser = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        count, faults = _Answering.found.get(timeout=PATIENCE)
    finally:
        browser.terminate()
        browser.wait(PATIENCE)
    assert count > 90
    assert not faults, "\n".join(faults)
