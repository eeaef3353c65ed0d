"""How the pages look that a browser sees of us: plain HTML without scripts, kept and framed by nobody."""

import hashlib
from base64 import b64encode
from html import escape
from typing import Final

from aiohttp import web

_STYLE: Final = """
:root { color-scheme: light dark; font: 1.0625rem/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 36rem; padding: 2rem 1.25rem; }
h1 { font-size: 1.5rem; line-height: 1.25; }
dl { border: 1px solid #767676; border-radius: .5rem; padding: .25rem 1rem 1rem; }
dt { margin-top: .75rem; font-weight: 600; }
dd { margin: 0; overflow-wrap: anywhere; }
.warn { border-left: .375rem solid #b3261e; padding: .25rem 0 .25rem 1rem; font-weight: 600; }
form { display: flex; flex-wrap: wrap; gap: .75rem; margin-top: 1.5rem; }
button { font: inherit; padding: .625rem 1.25rem; border-radius: .375rem; border: 2px solid currentColor; }
button:focus-visible { outline: 3px solid; outline-offset: 3px; }
"""
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
"""The policy allows nothing but the page's own style and form."""


def page(title: str, body: str, *, status: int = 200) -> web.Response:
    """Return a page. `title` is escaped here; every value in `body` has to be already."""
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)} · Shipmate</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )
    return web.Response(text=text, content_type="text/html", charset="utf-8", status=status, headers=HEADERS)
