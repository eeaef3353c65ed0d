"""`/oncall test`: page somebody by each of their ways, to see which work."""

from typing import Annotated

from bot.command import Call, Effect, arg, arguments, command
from bot.paging.paging import Paging
from bot.reply import Reply
from commands.audit import person_of

TEST = "paging.test"


@arguments
class TestArgs:
    """Who is paged."""

    __test__ = False
    person: Annotated[str | None, arg("@person; yourself without")] = None


@command(
    "oncall test",
    permission=TEST,
    args=TestArgs,
    effect=Effect.CHANGE,
    decides=True,
    examples=("oncall test", "oncall test @raj"),
)
async def test(call: Call, args: TestArgs) -> Reply:
    """Page yourself, or somebody, by each way that is configured, and report what each told."""
    word = (args.person or "").strip()
    person = person_of(call, word) if word else call.person
    return await call.use(Paging).trying.page(call.person, person, call.request_id)
