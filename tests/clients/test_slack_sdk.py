"""slack_sdk's Web API client and each of its four Socket Mode clients work against the local workspace."""

import pytest

from tests.clients.beginner import Beginner


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("variant", ["builtin", "websocket_client", "aiohttp", "websockets"])
async def test_each_socket_mode_client_works(people, processes, variant):
    beginner = await Beginner.start(people, processes, "sockets", "socket", VARIANT=variant)
    ts = await beginner.write("ping")
    assert (await beginner.says(f"pong from {variant}"))["thread_ts"] == ts
    told = await people.post("commands", user="ana", channel="general", command="/echo", text="one two")
    assert told["ack"]["status"] == "ok"
    said = await beginner.says(f"{variant}: one two", viewer="ana")
    assert said["ephemeral_to"] == beginner.person("ana")
    await people.post("disconnect")
    await beginner.processes.until(beginner.connections, "a new connection")
    ts = await beginner.write("ping", user="raj", channel="checkout")
    assert (await beginner.says(f"pong from {variant}", channel="checkout"))["thread_ts"] == ts
