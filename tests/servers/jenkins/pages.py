"""What Jenkins answers when it does not answer in JSON: its error pages as recorded of 2.263.4, without the looks.

JSON answers get their headers here too.
"""

from html import escape
from typing import Any

from aiohttp import web

VERSION = "2.263.4"
SESSION = "68259c33"
STAMPED = {"X-Jenkins": VERSION, "X-Jenkins-Session": SESSION}
_JETTY = '<hr><a href="https://eclipse.org/jetty">Powered by Jetty:// 9.4.33.v20201020</a><hr/>'


def plain_error(status: int, message: str, path: str) -> web.Response:
    """Return a page of the web server: 400, 401, 403 without a crumb, 404."""
    words = escape(message)
    body = (
        '<html>\n<head>\n<meta http-equiv="Content-Type" content="text/html;charset=utf-8"/>\n'
        f"<title>Error {status} {words}</title>\n</head>\n<body><h2>HTTP ERROR {status} {words}</h2>\n<table>\n"
        f"<tr><th>URI:</th><td>{escape(path)}</td></tr>\n<tr><th>STATUS:</th><td>{status}</td></tr>\n"
        f"<tr><th>MESSAGE:</th><td>{words}</td></tr>\n<tr><th>SERVLET:</th><td>Stapler</td></tr>\n</table>\n"
        f"{_JETTY}\n\n</body>\n</html>\n"
    )
    headers = {"Content-Type": "text/html;charset=iso-8859-1"}
    if status == web.HTTPUnauthorized.status_code:
        headers["WWW-Authenticate"] = 'Basic realm="Jenkins"'
    return web.Response(status=status, text=body, headers=headers)


def own_error(status: int, message: str = "") -> web.Response:
    """Return a page of Jenkins' own: 400 with its reason in X-Error, or 500 "Oops!"."""
    shown = f"<h1>Error</h1><p>{escape(message)}</p>" if message else (
        "<h1> Oops!</h1><div id='error-description'><h2>A problem occurred while processing the request.</h2>"
        "<p>Logging ID=2ab7fb6b-e529-4b52-a1c4-6f109402c454</p></div>"
    )  # fmt: skip
    body = f"\n  \n  <!DOCTYPE html><html><head><title>Jenkins [Jenkins]</title></head><body>{shown}</body></html>"
    headers = {"Content-Type": "text/html;charset=utf-8", **STAMPED}
    if message:
        headers["X-Error"] = "".join(one if one.isascii() else " " for one in message)  # as Jenkins' headers have it
    return web.Response(status=status, text=body, headers=headers)


def forbidden(user: str, permission: str, path: str) -> web.Response:
    """Return what somebody without a permission sees; for `anonymous` it leads to the login."""
    login = f"/login?from={path.replace('/', '%2F')}"
    asked = "Authentication required" if user == "anonymous" else f"{user} is missing the permission"
    body = (
        f"<html><head><meta http-equiv='refresh' content='1;url={login}'/></head><body>\n\n\n{asked}\n<!--\n"
        f"You are authenticated as: {user}\nGroups that you are in:\n  \n"
        f"Permission you need to have (but didn't): {permission}\n"
        " ... which is implied by: hudson.model.Hudson.Administer\n-->\n\n</body></html>"
    )
    headers = {"Content-Type": "text/html;charset=utf-8", **STAMPED}
    return web.Response(status=403, text=body + " " * 200, headers=headers)


def starting() -> web.Response:
    """Return the page that stands in for everything while Jenkins starts."""
    body = (
        "<!DOCTYPE html><html><head><title>Starting Jenkins</title></head><body>"
        "<h1>Please wait while Jenkins is getting ready to work ...</h1>"
        "<p>Your browser will reload automatically when Jenkins is ready.</p></body></html>"
    )
    headers = {"Content-Type": "text/html;charset=utf-8", **STAMPED}
    return web.Response(status=503, text=body, headers=headers)


def not_buildable(name: str) -> web.Response:
    """Return what a disabled job answers: 409 and a stack trace in plain text."""
    body = (
        f"java.io.IOException: {name} is not buildable!\n\tat jenkins.model.ParameterizedJobMixIn.doBuildWithParameters"
    )
    headers = {"Content-Type": "text/plain;charset=utf-8"}
    return web.Response(status=409, text=f"{body}(ParameterizedJobMixIn.java:233)\n", headers=headers)


def json(value: Any, *, stamped: bool = True) -> web.Response:
    """Return JSON; answers of the workflow API are not stamped with the version."""
    response = web.json_response(value)
    response.headers["Content-Type"] = "application/json;charset=utf-8"
    if stamped:
        response.headers.update(STAMPED)
    return response


def moved(url: str) -> web.Response:
    """Return the 302 that Jenkins answers to what was done."""
    return web.Response(status=302, headers={"Location": url})
