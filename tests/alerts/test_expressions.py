"""What an alert's expression watches: its signal, its limit, its unit; and expressions for some series of many."""

import pytest
from hypothesis import given, strategies as st

from bot.alerts import expressions
from bot.alerts.expressions import read


@pytest.mark.parametrize(
    ("expression", "signal", "limit", "above"),
    [
        ("up == 0", "up{}", 0, None),
        ("x > 5", "x{}", 5, True),
        ("5 <= x", "x{}", 5, True),
        ("((x < bool -(2 + 3) * 2))", "x{}", -10, False),
        ('rate(e{a="b"}[5m]) > 1e3', 'rate(e{a="b"}[5m])', 1000, True),
        ("x > 80 and x < 90", "x{}", 80, True),
        ("(x > 3) unless on(a) y", "x{}", 3, True),
        ("x > on(a) group_left() y", "x{}", None, True),
        ("x > NaN", "x{}", None, True),
        ("x > 1 / 0", "x{}", None, True),
        ("absent(up)", "absent(up)", None, None),
        ("vector(1)", "vector(1)", None, None),
        ("sum(", "sum(", None, None),
        ("", "", None, None),
    ],
)
def test_a_comparison_is_read_as_a_signal_and_its_limit_and_all_else_is_left_whole(expression, signal, limit, above):
    found = read(expression)
    assert (found.signal, found.limit, found.above) == (signal, limit, above)


@pytest.mark.parametrize(
    ("expression", "name", "unit"),
    [
        ("sum(rate(errors_total[5m])) / sum(rate(requests_total[5m])) > 0.05", "", "ratio"),
        ("a / b > 5", "", ""),
        ("histogram_quantile(0.99, sum by (le) (rate(h_seconds_bucket[5m]))) > 0.5", "h_seconds_bucket", "s"),
        ("rate(time_seconds_total[5m]) > 2", "time_seconds_total", ""),
        ("process_resident_memory_bytes > 1e9", "process_resident_memory_bytes", "bytes"),
        ("job:errors:ratio > 0.01", "job:errors:ratio", "ratio"),
    ],
)
def test_a_metrics_name_tells_its_unit(expression, name, unit):
    found = read(expression)
    assert (found.name, found.unit) == (name, unit)


@pytest.mark.parametrize("hostile", ["(" * 5000 + "x", "-" * 1900 + "x", "+".join(["x"] * 900), "x > " * 450 + "1"])
def test_what_is_too_long_or_too_deep_is_drawn_whole_or_read_in_bounds(hostile):
    assert read(hostile).signal


@given(st.text(max_size=60))
def test_whatever_comes_something_is_drawn(text):
    assert read(text).signal == text or read(text).above is not None or read(text).limit is not None


@pytest.mark.parametrize(
    ("url", "expression"),
    [
        ("http://p:9090/graph?g0.expr=up%7Ba%3D%22b%22%7D+%3E+0.5&g0.tab=1", 'up{a="b"} > 0.5'),
        ("https://grafana.example.org/alerting/grafana/abc/view", ""),
        ("http://[broken", ""),
        ("", ""),
    ],
)
def test_the_link_of_an_alert_carries_its_expression(url, expression):
    assert expressions.of_url(url) == expression


def test_some_series_of_many_are_chosen_by_the_source_with_labels_quoted():
    made = expressions.only("x", [{"pod": 'a"b\\$1'}, {"pod": "c", "zn": "z"}])
    assert made == (
        '(x) and on(pod, zn) (label_replace(label_replace(vector(1), "pod", "a\\"b\\\\$$1", "", ""), "zn", "", "", "")'
        ' or label_replace(label_replace(vector(1), "pod", "c", "", ""), "zn", "z", "", ""))'
    )
