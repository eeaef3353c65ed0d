"""The process that draws: reads a chart as JSON, answers with a PNG. Started by `bot.charts` only.

Each message is four bytes of length (big endian) and a body; an answer has one byte before them, `P` for a picture
and `E` for the words of an error.
"""

import io
import json
import math
import os
import struct
import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.amounts import amount

NICE = 10
"""What people wait for goes before what follows it."""
WIDTH, HEIGHT, DPI = 6.4, 4.4, 187.5  # 1200 pixels: letters are 9 points high where a phone shows it
ROW, ROWS_WITHIN = 0.22, 2  # what each line of the legend past the second adds to the height
FEW = 3
HIGH = 0.6  # where all is above this part of the highest value, the axis does not begin at zero
MARK_ROWS, LETTER = 3, 0.021  # rows of names, and a letter's part of the width
INK, SOFT, PAPER, ALARM = "#1d1c1d", "#616061", "#ffffff", "#b3261e"
# Okabe and Ito's palette, told apart without colour vision; the line styles differ too.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8a6d00")
STYLES = ("-", "--", "-.", ":", "-", "--", "-.", ":")
MAX_LINES = 8


def draw(chart: Mapping[str, Any]) -> bytes:
    """Return the PNG of one chart (the fields of `bot.charts.Chart`)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - only this process loads it
    from matplotlib.figure import Figure  # noqa: PLC0415

    unit = str(chart["unit"])
    rows = min(len(chart["lines"]), MAX_LINES)
    height = HEIGHT + ROW * max(rows - ROWS_WITHIN, 0)
    figure = Figure(figsize=(WIDTH, height), dpi=DPI, facecolor=PAPER, layout="constrained")
    axes = figure.add_subplot()
    title = "\n".join(textwrap.wrap(_plain(chart["title"], most=96), 48, max_lines=2, placeholder=" …"))
    figure.suptitle(title, x=0.02, ha="left", fontsize=13, fontweight="bold", color=INK)
    lines = sorted(chart["lines"], key=lambda line: -_last(line["points"]))
    for span in chart["spans"]:
        axes.axvspan(_day(span["start"]), _day(span["end"]), color=ALARM, alpha=0.1, lw=0, label=_plain(span["label"]))
    for number, line in enumerate(lines[:MAX_LINES]):
        times = [_day(at) for at, _ in line["points"]]
        values = [math.nan if value is None else value for _, value in line["points"]]
        axes.plot(
            times,
            values,
            color=COLOURS[number],
            linestyle=STYLES[number],
            linewidth=2.2,
            marker="." if sum(map(math.isfinite, values)) < FEW else None,
            label=f"{_plain(line['label'], most=46)}   {_last_words(line['points'], unit)}",
        )
    if chart["limit"] is not None:
        label = f"limit   {amount(chart['limit'], unit)}"
        axes.axhline(chart["limit"], color=ALARM, linestyle=(0, (6, 3)), linewidth=1.8, label=label)
    _set_axes(axes, chart, lines)
    _mark(axes, chart["marks"])
    _legend(figure, axes, left_out=max(len(lines) - MAX_LINES, 0) + int(chart["left_out"]))
    out = io.BytesIO()
    FigureCanvasAgg(figure).print_png(out)  # type: ignore[no-untyped-call]
    return out.getvalue()


def _set_axes(axes: Any, chart: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> None:  # noqa: ANN401 - matplotlib's types are its own
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter  # noqa: PLC0415 - loaded by now
    from matplotlib.ticker import FuncFormatter  # noqa: PLC0415

    zone = _zone(str(chart["zone"]))
    unit = str(chart["unit"])
    locator = AutoDateLocator(tz=zone, maxticks=6)  # type: ignore[no-untyped-call]  # matplotlib leaves it so
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=zone))  # type: ignore[no-untyped-call]  # same
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: amount(value, unit)))
    known = [value for line in lines for _, value in line["points"] if value is not None and math.isfinite(value)]
    known += [] if chart["limit"] is None else [chart["limit"]]
    if known and 0 <= min(known) < HIGH * max(known):
        axes.set_ylim(bottom=0)
    axes.margins(x=0.01)
    axes.tick_params(labelsize=12, colors=INK)
    axes.grid(visible=True, color="#e8e8e8", linewidth=1)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.set_xlabel(zone.key, fontsize=10, color=SOFT, loc="left")


def _mark(axes: Any, marks: Sequence[Mapping[str, Any]]) -> None:  # noqa: ANN401 - matplotlib's types are its own
    """Draw the marks; of those so close that their names would overlap, the later ones are named a line lower."""
    left, right = axes.get_xlim()
    ends: list[float] = [-math.inf] * MARK_ROWS
    for mark in sorted(marks, key=lambda one: one["at"]):
        at = _day(mark["at"])
        share = (at - left) / (right - left) if right > left else 0.0
        if not 0 <= share <= 1:
            continue
        axes.axvline(at, color=SOFT, linewidth=1.4)
        text = _plain(mark["label"], most=24)
        wide = len(text) * LETTER
        starts = min(max(share - wide / 2, 0.0), max(1 - wide, 0.0))
        row = next((row for row in range(MARK_ROWS) if ends[row] < starts), None)
        if row is None:
            continue
        ends[row] = starts + wide
        axes.annotate(
            text, (starts, 1), xycoords="axes fraction", xytext=(0, 3 - 15 * row), textcoords="offset points",
            fontsize=11, color=INK, ha="left", annotation_clip=False,
            bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1, "alpha": 0.85} if row else None,
        )  # fmt: skip


def _legend(figure: Any, axes: Any, *, left_out: int) -> None:  # noqa: ANN401 - matplotlib's types are its own
    handles, labels = axes.get_legend_handles_labels()
    if not handles:
        axes.text(0.5, 0.5, "no data in this range", transform=axes.transAxes, ha="center", fontsize=14, color=SOFT)
        return
    columns = 1 if max(map(len, labels)) > 26 else 2  # noqa: PLR2004 - as many characters as half a phone's width
    title = f"… and {left_out} more" if left_out > 0 else None
    figure.legend(
        handles, labels, loc="outside lower left", ncols=columns, fontsize=11, frameon=False, labelcolor=INK,
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


def _plain(text: str, *, most: int = 60) -> str:
    """Return text in one line in which matplotlib sees no mathematics, of a length that fits."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    short = line if len(line) <= most else f"{line[: most - 1]}…"
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
    os.nice(NICE)
    serve(sys.stdin.buffer, sys.stdout.buffer)
