"""The page: one HTML file with its own style and script, and a policy by which nothing else is loaded or run."""

import base64
import hashlib
from functools import cache
from importlib.resources import files

from starlette.responses import HTMLResponse


@cache
def _parts() -> tuple[str, dict[str, str]]:
    folder = files("steerstack.serving.play")
    html, style, script = ((folder / f"page.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js"))
    policy = "; ".join((
        "default-src 'none'", f"style-src '{_digest(style)}'", f"script-src '{_digest(script)}'", "connect-src 'self'",
        "img-src data:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
    ))  # fmt: skip
    headers = {
        "content-security-policy": policy,
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }
    return html.replace("/*style*/", style).replace("/*script*/", script), headers


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def page() -> HTMLResponse:
    """The page; what it shows comes from the requests that its script makes."""
    html, headers = _parts()
    return HTMLResponse(html, headers=headers)
