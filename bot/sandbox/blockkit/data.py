"""Blocks of data: tables, tables that can be paged and sorted, and charts.

Reference: https://docs.slack.dev/reference/block-kit/blocks/table-block,
https://docs.slack.dev/reference/block-kit/blocks/data-table-block and
https://docs.slack.dev/reference/block-kit/blocks/data-visualization-block
"""

from collections.abc import Iterator

from bot.sandbox.blockkit import elements
from bot.sandbox.blockkit.objects import block_id, unique
from bot.sandbox.blockkit.rich_text import rich_text
from bot.sandbox.blockkit.schema import (
    Check,
    Field,
    Problem,
    by_type,
    flag,
    items,
    number,
    one_of,
    or_nothing,
    shape,
    text,
    whole,
)
from bot.sandbox.elements import listed

MAX_CHARTS = 2
MAX_CELL_TEXT = 10_000
_MAX_LABEL = 20
_MAX_PARTS = 6
_MAX_CATEGORIES = 20

_raw_text = shape({"type": Field(one_of("raw_text")), "text": Field(text(3000, 1), required=True)})
_raw_number = shape(
    {"type": Field(one_of("raw_number")), "value": Field(number, required=True), "text": Field(text(3000))}
)
_cells = {"raw_text": _raw_text, "raw_number": _raw_number, "rich_text": rich_text}
_column = shape({"align": Field(one_of("left", "center", "right")), "is_wrapped": Field(flag)})

table: Check = shape(
    {
        "type": Field(one_of("table")),
        "block_id": block_id,
        "rows": Field(items(items(by_type(_cells), 20, 1), 100, 1), required=True),
        "column_settings": Field(items(or_nothing(_column), 20)),
    }
)
"""A `table` block; a column's settings may be null."""

_action = shape(
    {
        "type": Field(one_of("action")),
        "element": Field(by_type({"button": elements.button}), required=True),
        "fallback": Field(by_type({"raw_text": _raw_text, "raw_number": _raw_number})),
    }
)


def _square(value: object, pointer: str) -> Iterator[Problem]:
    """Check what spans the cells: rows of one length, no rich text in the header, not too much text altogether."""
    rows = [row for row in listed(value, "rows") if isinstance(row, list)] if isinstance(value, dict) else []
    for index, row in enumerate(rows[1:], start=1):
        if len(row) != len(rows[0]):
            yield f"{pointer}/rows/{index}", "all rows must have the same number of cells"
    for index, cell in enumerate(rows[0] if rows else []):
        if isinstance(cell, dict) and cell.get("type") == "rich_text":
            yield f"{pointer}/rows/0/{index}/type", "unsupported type: rich_text"
    if sum(_length(cell) for row in rows for cell in row) > MAX_CELL_TEXT:
        yield f"{pointer}/rows", f"cells must be less than {MAX_CELL_TEXT + 1} characters together"


def _length(cell: object) -> int:
    """Return how much text a cell holds."""
    if isinstance(cell, dict):
        own = cell.get("text")
        return (len(own) if isinstance(own, str) else 0) + sum(_length(one) for one in listed(cell, "elements"))
    return 0


data_table: Check = shape(
    {
        "type": Field(one_of("data_table")),
        "block_id": block_id,
        "caption": Field(text(3000, 1), required=True),
        "rows": Field(items(items(by_type(_cells | {"action": _action}), 20, 1), 101, 2), required=True),
        "page_size": Field(whole(1, 100)),
        "row_header_column_index": Field(whole(0, 19)),
    },
    _square,
)
"""A `data_table` block; its first row is the header."""

_label = Field(text(_MAX_LABEL, 1), required=True)
_segment = shape({"label": _label, "value": Field(number, required=True)})
_series = shape({"name": _label, "data": Field(items(_segment, _MAX_CATEGORIES, 1), required=True)})
_axes = shape(
    {
        "categories": Field(items(text(_MAX_LABEL, 1), _MAX_CATEGORIES, 1), required=True),
        "x_label": Field(text(50)),
        "y_label": Field(text(50)),
    }
)


def _positive(value: object, pointer: str) -> Iterator[Problem]:
    """Check that no slice of a pie is empty or negative."""
    for index, one in enumerate(listed(value, "segments") if isinstance(value, dict) else []):
        amount = one.get("value") if isinstance(one, dict) else None
        if isinstance(amount, (int, float)) and amount <= 0:
            yield f"{pointer}/segments/{index}/value", "must be greater than 0"


def _plotted(value: object, pointer: str) -> Iterator[Problem]:
    """Check that each series has a name of its own and one value for each category."""
    if not isinstance(value, dict):
        return
    axes = value.get("axis_config")
    categories = [str(one) for one in listed(axes, "categories")] if isinstance(axes, dict) else []
    series = [(n, one) for n, one in enumerate(listed(value, "series")) if isinstance(one, dict)]
    yield from unique(((str(one.get("name")), f"{pointer}/series/{n}/name") for n, one in series), "name")
    for index, one in series:
        labels = [str(point.get("label")) for point in listed(one, "data") if isinstance(point, dict)]
        if categories and sorted(labels) != sorted(categories):
            yield f"{pointer}/series/{index}/data", "must have one data point for each of the categories"


def _plot(kind: str) -> Check:
    return shape(
        {
            "type": Field(one_of(kind)),
            "series": Field(items(_series, _MAX_PARTS, 1), required=True),
            "axis_config": Field(_axes, required=True),
        },
        _plotted,
    )


_pie = shape(
    {"type": Field(one_of("pie")), "segments": Field(items(_segment, _MAX_PARTS, 1), required=True)}, _positive
)

data_visualization: Check = shape(
    {
        "type": Field(one_of("data_visualization")),
        "block_id": block_id,
        "title": Field(text(50, 1), required=True),
        "chart": Field(by_type({"pie": _pie} | {kind: _plot(kind) for kind in ("bar", "area", "line")}), required=True),
    }
)
"""A `data_visualization` block: a pie, bars, areas or lines."""
