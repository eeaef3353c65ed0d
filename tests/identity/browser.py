"""Somebody's browser: follows redirects between Shipmate and the provider, keeps cookies, fills forms in."""

import re
from html import unescape
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urljoin

import aiohttp

from tests.identity.program import PASSWORD

ORIGIN = "https://shipmate.example"
PUBLIC = f"{ORIGIN}/bot"
CALLBACK = f"{PUBLIC}/sign-in/callback"
_REDIRECTS = range(300, 400)


class Browser:
    """`port` is where the Shipmate listens that the world knows as PUBLIC."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cookies: dict[str, dict[str, str]] = {}
        self.set_cookies: list[str] = []
        self.url = ""
        self.status = 0
        self.text = ""
        self.headers: dict[str, str] = {}
        self.stop_at = ""

    async def go(self, url: str) -> None:
        """Open an address, and follow it to a page; or up to an address that begins with `stop_at`."""
        await self._send("GET", url)

    async def sign_in(self, name: str, password: str = PASSWORD, go: str = "in") -> None:
        """Fill in the provider's own form."""
        await self.submit(login=name, password=password, go=go)

    async def answer(self, value: str, *, origin: str = ORIGIN, **changed: str) -> None:
        """Press a button of Shipmate's form."""
        await self.submit(answer=value, origin=origin, **changed)

    async def submit(self, *, origin: str = "", **fields: str) -> None:
        """Send the form that is shown, with these fields over its own hidden ones."""
        form = re.search(r"<form[^>]*action=\"([^\"]+)\"[^>]*>(.*?)</form>", self.text, re.DOTALL)
        assert form, f"no form on {self.url}: {self.text}"
        hidden = re.findall(r"<input type=\"hidden\" name=\"([^\"]+)\" value=\"([^\"]*)\"", form[2])
        data = {**{name: unescape(value) for name, value in hidden}, **fields}
        headers = {"Origin": origin} if origin else {}
        await self._send("POST", urljoin(self.url, unescape(form[1])), data=data, headers=headers)

    async def _send(self, method: str, url: str, **more: Any) -> None:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            while True:
                self.url = url
                if self.stop_at and url.startswith(self.stop_at):
                    return
                location = await self._once(session, method, url, **more)
                if not location:
                    return
                method, url, more = "GET", urljoin(url, location), {}

    async def _once(self, session: aiohttp.ClientSession, method: str, url: str, **more: Any) -> str:
        ours = url.startswith(PUBLIC)
        here = f"http://127.0.0.1:{self.port}{url.removeprefix(PUBLIC)}" if ours else url
        jar = self.cookies.setdefault("ours" if ours else url.split("/")[2], {})
        headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in jar.items()), **more.pop("headers", {})}
        async with session.request(method, here, allow_redirects=False, headers=headers, **more) as got:
            self.status, self.text, self.headers = got.status, await got.text(), dict(got.headers)
            for line in got.headers.getall("Set-Cookie", []):
                if ours:
                    self.set_cookies.append(line)
                for name, morsel in SimpleCookie(line).items():
                    jar[name] = morsel.value
                    if not morsel.value:
                        del jar[name]
            return got.headers.get("Location", "") if got.status in _REDIRECTS else ""

    @property
    def words(self) -> str:
        """The page as it is read."""
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", self.text.partition("</style>")[2] or self.text)).split())
