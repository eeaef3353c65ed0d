"""What people do and see in the workspace, through its control API."""


class People:
    """A client of one workspace's control API; `http` is open to other requests."""

    def __init__(self, sandbox, http):
        self.sandbox = sandbox
        self.http = http

    async def post(self, path, **fields):
        """Do something; fails where the control API refuses it."""
        async with self.http.post(f"{self.sandbox.url}/_sandbox/{path}", json=fields) as answer:
            body = await answer.json()
        assert answer.status == 200, body
        return body

    async def get(self, path, **query):
        """Look at something."""
        async with self.http.get(f"{self.sandbox.url}/_sandbox/{path}", params=query) as answer:
            body = await answer.json()
        assert answer.status == 200, body
        return body

    async def messages(self, channel, viewer=None):
        """Return the messages of a channel, of all people or those that one sees."""
        query = {"viewer": viewer} if viewer else {}
        return (await self.get(f"channels/{channel}", **query))["messages"]

    def ident(self, name):
        """Return the id of a person."""
        return self.sandbox.workspace.user(name).id
