"""Our engine object carries the durability engine's transactional steps, on both databases."""

import asyncio
from typing import Literal

import pytest
import sqlalchemy as sa
from dbos import AsyncSQLAlchemyDatasource
from dbos._dbos import _get_or_create_dbos_registry

from bot.store import Store, Tx, next_id
from bot.store.counters import counters
from bot.store.starts import want


@pytest.fixture(autouse=True)
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget an engine that another test of this process launched: datasources are made before a launch."""
    monkeypatch.setattr(_get_or_create_dbos_registry(), "dbos", None)


@pytest.fixture
async def datasource(store: Store) -> AsyncSQLAlchemyDatasource:
    url = store.engine.url.render_as_string(hide_password=False)
    return await AsyncSQLAlchemyDatasource.create(url, engine=store.engine, schema="shipmate_engine")


async def _run(store: Store, datasource: AsyncSQLAlchemyDatasource, *, fail: bool = False) -> str:
    async def body() -> str:
        tx = Tx(await datasource.sql_session().connection())
        value = (await tx.conn.execute(sa.select(sa.func.max(counters.c.value)))).scalar()  # a read comes first
        taken = await next_id(tx, "D")
        assert taken == f"D-{1001 if value is None else value + 1}"
        await want(tx, f"w-{taken}", "x")
        if fail:
            raise RuntimeError("on purpose")
        return taken

    isolation: Literal["SERIALIZABLE", "READ COMMITTED"] = (
        "SERIALIZABLE" if store.dialect == "sqlite" else "READ COMMITTED"
    )
    async with store.writing():
        return await datasource.run_tx_step_async({"name": "n", "isolation_level": isolation}, body)


async def test_a_step_is_kept_or_undone_as_a_whole(store: Store, datasource: AsyncSQLAlchemyDatasource) -> None:
    assert await _run(store, datasource) == "D-1001"
    with pytest.raises(RuntimeError, match="on purpose"):
        await _run(store, datasource, fail=True)
    async with store.write() as tx:  # the connection went back to the pool with our own transaction control
        assert await next_id(tx, "D") == "D-1002"


async def test_on_sqlite_a_step_that_reads_first_holds_the_write_lock_from_its_beginning(sqlite_store: Store) -> None:
    """Reading before writing under a plain BEGIN would fail or lose an update when another writes in between."""
    url = sqlite_store.engine.url.render_as_string(hide_password=False)
    datasource = await AsyncSQLAlchemyDatasource.create(url, engine=sqlite_store.engine, schema="shipmate_engine")

    async def plain(number: int) -> None:
        async with sqlite_store.write() as tx:
            await next_id(tx, f"X{number}")

    steps = [_run(sqlite_store, datasource) for _ in range(10)]
    results = await asyncio.gather(*steps, *(plain(number) for number in range(10)))
    assert sorted(str(one) for one in results[:10]) == [f"D-{number}" for number in range(1001, 1011)]
