"""`/metrics`: a value, a table, or a picture of a range."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated

from bot.amounts import amount
from bot.catalog import Catalog, Place, Service, fill
from bot.charts import MAX_SERIES, Chart, Charts, Line
from bot.closest import did_you_mean
from bot.command import Call, Effect, arg, arguments, command
from bot.errors import BadInput
from bot.reply import Code, Note, Paragraph, Part, Picture, Reply, Table, escape, say
from bot.settings.services import Metric
from bot.toolbox import Toolbox
from commands.choices import services
from integrations.capabilities.metrics import MetricsSource, Sample, Series

POINTS = 240
LONGEST = timedelta(days=31)
ROWS = 20


@arguments
class MetricsArgs:
    """What to look at, where, and over which time."""

    service: Annotated[str, arg("service to look at", options=services)]
    metric: Annotated[str | None, arg("one of its metrics; all of them without")] = None
    environment: Annotated[str | None, arg("where", word="in")] = None
    over: Annotated[timedelta | None, arg("draw the last 30m, 6h, 7d", word="over")] = None
    query: Annotated[str | None, arg("a PromQL expression of your own", flag="--query")] = None


@command(
    "metrics",
    permission="metrics.read",
    args=MetricsArgs,
    effect=Effect.LOOKUP,
    examples=("metrics checkout", "metrics checkout errors in production over 1h"),
)
async def metrics(call: Call, args: MetricsArgs) -> Reply:
    """Show what a service's metrics are now, or draw a range of them."""
    service = call.use(Catalog).service(args.service)
    environment = service.environment(args.environment) if args.environment else service.environments[-1]
    place = Place(service.name, environment.name)
    asked = [_own(args.query, service)] if args.query else _named(service, environment.name, args.metric)
    if args.over is not None:
        return await _drawn(call, place, asked, args.over)
    return await _now(call, place, asked)


def _known(service: Service) -> dict[str, Metric]:
    found = [(where, metric) for where in service.environments if where.verify for metric in where.verify.metrics]
    return {metric.name: metric for _, metric in found}


def _named(service: Service, environment: str, name: str | None) -> list[Metric]:
    verify = service.environment(environment).verify
    here = {**_known(service), **({metric.name: metric for metric in verify.metrics} if verify else {})}
    if not here:
        raise BadInput("no_metrics", f"{service.name} has no metrics in the catalog. Ask for one with --query.")
    if name is None:
        return list(here.values())
    if name not in here:
        near = did_you_mean(name, here)
        raise BadInput("unknown_metric", f'"{name}" is no metric of {service.name}. {near}'.rstrip())
    return [here[name]]


def _own(query: str, service: Service) -> Metric:
    """Return a query of the person's own as a metric, asked of the source the service uses."""
    known = _known(service)
    if not known:
        raise BadInput("no_metrics", f"{service.name} has no metrics source in the catalog.")
    instance = next(iter(known.values())).instance
    # Built without validation: a limit is required in the catalog, and there is none here.
    return Metric.model_construct(name=query, instance=instance, query=query, max=None, min=None, unit="")


async def _now(call: Call, place: Place, asked: Sequence[Metric]) -> Reply:
    toolbox = call.use(Toolbox)

    async def one(metric: Metric) -> Sequence[Sample]:
        source = toolbox.get(MetricsSource, metric.instance)
        return await source.query(_filled(metric, place), call.now)

    answers = await asyncio.gather(*(one(metric) for metric in asked))
    rows = [
        (escape(_label(metric, sample.labels)), escape(amount(sample.value, metric.unit)), escape(_limit(metric)))
        for metric, samples in zip(asked, answers, strict=True)
        for sample in (samples or [Sample(labels={}, at=call.now, value=math.nan)])
    ]
    where = f"{place.service} {place.environment}"
    if len(rows) == 1:
        name, value, limit = rows[0]
        text = say("{}: *{}* {}", name, value, limit)
        return Reply(summary=f"{where}: {name} {value}", parts=(Paragraph(text), Note(say("{}, now", where))))
    parts: tuple[Part, ...] = (Table(("metric", "now", "limit"), tuple(rows[:ROWS])), Note(say("{}, now", where)))
    if len(rows) > ROWS:
        parts = (*parts, Note(say("… {} more series", len(rows) - ROWS)))
    return Reply(summary=f"{where}: {', '.join(f'{name} {value}' for name, value, _ in rows[:ROWS])}", parts=parts)


async def _drawn(call: Call, place: Place, asked: Sequence[Metric], over: timedelta) -> Reply:
    if not timedelta(minutes=1) <= over <= LONGEST:
        raise BadInput("bad_range", "A range is between 1m and 31d, such as: over 6h.")
    pictures: list[Part] = []
    for metric in asked[:4]:
        source = call.use(Toolbox).get(MetricsSource, metric.instance)
        step = max(timedelta(seconds=1), over / POINTS)
        series = await source.query_range(_filled(metric, place), call.now - over, call.now, step)
        title = f"{metric.name} · {place.service} {place.environment} · last {_words(over)}"
        chart = Chart(
            title=title,
            lines=[_line(metric, one) for one in series[: MAX_SERIES * 4]],
            unit=metric.unit,
            limit=metric.max if metric.max is not None else metric.min,
        )
        png = await call.use(Charts).draw(chart)
        pictures.append(Picture(png, alt=f"{title}: {_last_words(metric, series)}", title=title))
    if len(asked) == 1 and asked[0].name == asked[0].query:
        pictures.append(Code(asked[0].query))
    names = ", ".join(metric.name for metric in asked[:4])
    return Reply(summary=f"{names} of {place.service} in {place.environment}, last {_words(over)}", parts=(*pictures,))


def _filled(metric: Metric, place: Place) -> str:
    return fill(metric.query, place)


def _label(metric: Metric, labels: Mapping[str, str]) -> str:
    shown = ", ".join(f"{key}={value}" for key, value in sorted(labels.items()))
    return f"{metric.name} {shown}".rstrip()


def _limit(metric: Metric) -> str:
    bounds = (("at least", metric.min), ("limit", metric.max))
    said = [f"{word} {amount(value, metric.unit)}" for word, value in bounds if value is not None]
    return f"({', '.join(said)})" if said else ""


def _line(metric: Metric, series: Series) -> Line:
    points = [(at.timestamp(), value if math.isfinite(value) else None) for at, value in series.points]
    return Line(label=_label(metric, series.labels), points=points)


def _last_words(metric: Metric, series: Sequence[Series]) -> str:
    lasts = [f"{_label(metric, one.labels)} {amount(one.points[-1][1], metric.unit)}" for one in series if one.points]
    return "; ".join(lasts[:3]) or "no data"


def _words(over: timedelta) -> str:
    for seconds, letter in ((86400, "d"), (3600, "h"), (60, "m")):
        if over.total_seconds() >= seconds:
            return f"{over.total_seconds() / seconds:.3g}{letter}"
    return f"{over.total_seconds():.0f}s"
