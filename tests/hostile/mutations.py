"""Hypothesis strategies: genuine values with nodes dropped, replaced, retyped, renamed, repeated or buried."""

import copy
from typing import Any, Final

import hypothesis
from hypothesis import strategies as st

HOSTILE: Final = (
    "", " ", "\0", "a\0b", "\ud800", "\udcff", "\u202egnp.exe", "\u200b", "\x1b]0;title\x07\x1b[31m", "<!here>",
    "<!channel|x>", "<@U0MIA>", "<http://evil.example|http://good.example>", "&lt;!here&gt;", "`x`", "```", "*_~",
    "{}", "{0.__class__}", "%s%n", "${GITLAB_TOKEN}", "$(id)", "; rm -rf /", "' OR 1=1 --", "../../etc/passwd",
    "..\\..\\x", "/etc/passwd", "file:///etc/passwd", "http://169.254.169.254/latest/meta-data/", "javascript:alert(1)",
    "-1", "1e999", "9" * 5000, "\u0661", "\u2163", "true", "null", "NaN", "\n\r\n", "a" * 10_000, "\U0001f600" * 300,
    "=1+1", "D-1", "A-1", "R-1/../../x", "nothing@" + "x" * 300,
)  # fmt: skip
"""Texts that something somewhere once tripped over."""


def _deep(depth: int, *, objects: bool) -> Any:
    made: Any = 1
    for _ in range(depth):
        made = {"a": made} if objects else [made]
    return made


EXAMPLES: Final = 1000 if hypothesis.settings.get_current_profile_name() == "fuzz" else 15
"""Of each kind of delivery: a few with every run of the tests, many by `make fuzz`."""

texts = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=40))
numbers = st.one_of(
    st.integers(-5, 5),
    st.sampled_from([2**31, 2**63, -(2**63), 10**30]),
    st.floats(allow_nan=False),
    st.just(float("inf")),
)
junk: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    texts,
    numbers,
    st.just([]),
    st.just({}),
    st.builds(_deep, st.sampled_from([5, 200]), objects=st.booleans()),
    st.lists(texts, max_size=3),
    st.dictionaries(texts, texts, max_size=3),
)


def places(value: Any) -> list[tuple[Any, ...]]:
    """Return the way to each node below a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [way for name, one in items for way in [(name,), *((name, *rest) for rest in places(one))]]


def change(value: Any, way: tuple[Any, ...], what: str, other: Any) -> None:
    """Change one node in place."""
    for name in way[:-1]:
        value = value[name]
    last = way[-1]
    match what:
        case "drop":
            del value[last]
        case "replace":
            value[last] = other
        case "list":
            value[last] = [value[last]]
        case "object":
            value[last] = {"x": value[last]}
        case "text":
            value[last] = str(value[last])
        case "repeat" if isinstance(value[last], list):
            value[last] = value[last] * 50
        case "rename" if isinstance(value, dict):
            value[str(other)[:50]] = value.pop(last)
        case _:
            value[last] = other


@st.composite
def changed(draw: st.DrawFn, value: Any) -> Any:
    """Draw a copy of a value with up to three of its nodes changed."""
    made = copy.deepcopy(value)
    for _ in range(draw(st.integers(1, 3))):
        ways = places(made)
        if not ways:
            return draw(junk)
        what = draw(st.sampled_from(["drop", "replace", "replace", "list", "object", "text", "repeat", "rename"]))
        change(made, draw(st.sampled_from(ways)), what, draw(junk))
    return made
