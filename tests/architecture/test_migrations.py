"""Migrations expand: what a running process of the version before reads and writes stays as it is.

So replicas can be replaced one by one. What the version before still needs is taken away by the version after the next:
such a migration says since which version nothing uses it any more, in `CONTRACTS`.
"""

import ast

import pytest

from tests.architecture.tree import ROOT

VERSIONS = ROOT / "bot" / "store" / "migrations" / "versions"
FIRST = "0001_first_tables.py"
ADDS = {"add_column", "create_table", "create_index", "f"}


def takes_away(source: str) -> list[str]:
    """Return what a migration does that a process of the version before may stumble over."""
    tree = ast.parse(source)
    if any(isinstance(node, ast.Assign) and "CONTRACTS" in map(ast.unparse, node.targets) for node in tree.body):
        return []
    upgrade = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "upgrade")
    found = []
    for call in (node for node in ast.walk(upgrade) if isinstance(node, ast.Call)):
        name = ast.unparse(call.func)
        if name.startswith("op.") and name.removeprefix("op.") not in ADDS:
            found.append(f"line {call.lineno}: {name}")
        if name == "op.add_column":
            given = {key.arg: ast.unparse(key.value) for one in ast.walk(call) if isinstance(one, ast.Call)
                     for key in one.keywords}  # fmt: skip
            if given.get("nullable") != "True" and "server_default" not in given:
                found.append(f"line {call.lineno}: a column that the version before does not fill")
    return found


def test_migrations_only_add() -> None:
    """Every one after the first."""
    found = {file.name: takes_away(file.read_text()) for file in VERSIONS.glob("*.py") if file.name != FIRST}
    assert not {name: faults for name, faults in found.items() if faults}


@pytest.mark.parametrize(
    "deed",
    [
        'op.drop_column("deployments", "words")',
        'op.drop_table("deployments")',
        'op.alter_column("deployments", "words", nullable=False)',
        'op.rename_table("deployments", "launches")',
        'op.execute("DELETE FROM deployments")',
        'op.add_column("deployments", sa.Column("weight", sa.Integer(), nullable=False))',
        'op.add_column("deployments", sa.Column("weight", sa.Integer()))',
    ],
)
def test_one_that_takes_away_is_found(deed: str) -> None:
    """A rule that finds nothing is none."""
    source = f"def upgrade() -> None:\n    {deed}\n"
    assert takes_away(source)
    assert not takes_away(f'CONTRACTS = "nothing has used it since 1.4"\n\n{source}')


@pytest.mark.parametrize(
    "deed",
    [
        'op.add_column("deployments", sa.Column("note", sa.Text(), nullable=True))',
        'op.add_column("deployments", sa.Column("weight", sa.Integer(), nullable=False, server_default="1"))',
        'op.create_table("parcels", sa.Column("id", sa.Text(), nullable=False, primary_key=True))',
        'op.create_index("ix_parcels_id", "parcels", ["id"])',
    ],
)
def test_one_that_adds_passes(deed: str) -> None:
    """What the version before neither sees nor has to fill."""
    assert not takes_away(f"def upgrade() -> None:\n    {deed}\n")
