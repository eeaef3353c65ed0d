"""The process that draws: reads a chart as JSON, answers with a PNG. Started by `bot.charts` only.

Each message is four bytes of length (big endian) and a body; an answer has one byte before them, `P` for a picture
and `E` for the words of an error.
"""

import io
import json
import math
import struct
import sys
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.amounts import amount

WIDTH, HEIGHT, DPI = 8.0, 4.6, 150
INK, SOFT, PAPER, ALARM = "#1d1c1d", "#616061", "#ffffff", "#b3261e"
# Okabe and Ito's palette, told apart without colour vision; the line styles differ too.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8a6d00")
STYLES = ("-", "--", "-.", ":", "-", "--", "-.", ":")
MAX_LINES = 8


def draw(chart: Mapping[str, Any]) -> bytes:
    """Return the PNG of one chart (the fields of `bot.charts.Chart`)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - only this process loads it
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415
    from matplotlib.ticker import FuncFormatter  # noqa: PLC0415

    zone = _zone(str(chart["zone"]))
    unit = str(chart["unit"])
    figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DPI, facecolor=PAPER, layout="constrained")
    axes = figure.add_subplot()
    figure.suptitle(_plain(chart["title"]), x=0.02, ha="left", fontsize=14, fontweight="bold", color=INK)
    lines = sorted(chart["lines"], key=lambda line: -_last(line["points"]))
    for number, line in enumerate(lines[:MAX_LINES]):
        times = [_day(at) for at, _ in line["points"]]
        values = [math.nan if value is None else value for _, value in line["points"]]
        axes.plot(
            times,
            values,
            color=COLOURS[number],
            linestyle=STYLES[number],
            linewidth=2.2,
            label=f"{_plain(line['label'])}   {_last_words(line['points'], unit)}",
        )
    if chart["limit"] is not None:
        label = f"limit   {amount(chart['limit'], unit)}"
        axes.axhline(chart["limit"], color=ALARM, linestyle=(0, (6, 3)), linewidth=1.8, label=label)
    for mark in chart["marks"]:
        at = _day(mark["at"])
        axes.axvline(at, color=SOFT, linewidth=1.4)
        axes.annotate(
            _plain(mark["label"]), (at, 1), xycoords=("data", "axes fraction"), xytext=(0, 3),
            textcoords="offset points", fontsize=11, color=SOFT, ha="center",
        )  # fmt: skip
    locator = AutoDateLocator(tz=zone, maxticks=7)  # type: ignore[no-untyped-call]  # matplotlib leaves it so
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=zone))  # type: ignore[no-untyped-call]  # same
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: amount(value, unit)))
    if all(value is None or value >= 0 for line in lines for _, value in line["points"]):
        axes.set_ylim(bottom=0)
    axes.margins(x=0.01)
    axes.tick_params(labelsize=12, colors=INK)
    axes.grid(visible=True, color="#e8e8e8", linewidth=1)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.set_xlabel(zone.key, fontsize=10, color=SOFT, loc="left")
    _legend(figure, axes, left_out=len(lines) - MAX_LINES)
    out = io.BytesIO()
    FigureCanvasAgg(figure).print_png(out)  # type: ignore[no-untyped-call]
    return out.getvalue()


def _legend(figure: Any, axes: Any, *, left_out: int) -> None:  # noqa: ANN401 - matplotlib's types are its own
    handles, labels = axes.get_legend_handles_labels()
    if not handles:
        axes.text(0.5, 0.5, "no data in this range", transform=axes.transAxes, ha="center", fontsize=14, color=SOFT)
        return
    columns = 1 if max(map(len, labels)) > 34 else 2  # noqa: PLR2004 - as many characters as half a phone's width
    title = f"… and {left_out} more" if left_out > 0 else None
    figure.legend(
        handles, labels, loc="outside lower left", ncols=columns, fontsize=11.5, frameon=False, labelcolor=INK,
        title=title, title_fontsize=10, alignment="left", handlelength=2.6,
    )  # fmt: skip


def _day(at: float) -> float:
    """Return unix seconds as matplotlib counts time: days since 1970."""
    return at / 86400


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def _last(points: Sequence[Sequence[float | None]]) -> float:
    for _, value in reversed(points):
        if value is not None and math.isfinite(value):
            return value
    return -math.inf


def _last_words(points: Sequence[Sequence[float | None]], unit: str) -> str:
    last = _last(points)
    return amount(last if math.isfinite(last) else None, unit)


def _plain(text: str) -> str:
    """Return text in which matplotlib sees no mathematics, of a length that fits."""
    short = text if len(text) <= 70 else f"{text[:69]}…"  # noqa: PLR2004 - what fits the width at this size
    return short.replace("$", r"\$")


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer requests until the input ends."""
    while len(head := source.read(4)) == 4:  # noqa: PLR2004 - the length's size
        body = source.read(struct.unpack(">I", head)[0])
        try:
            kind, answer = b"P", draw(json.loads(body))
        except ImportError:
            kind, answer = b"E", b"matplotlib is not installed; install shipmate[charts]."
        except (ValueError, TypeError, KeyError, OverflowError, RuntimeError) as error:
            kind, answer = b"E", f"{type(error).__name__}: {error}".encode()
        sink.write(kind + struct.pack(">I", len(answer)) + answer)
        sink.flush()


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
