"""Any `Message` there can be, for property tests."""

from hypothesis import strategies as st

from bot.reply import (
    Button,
    Buttons,
    Code,
    Confirm,
    Divider,
    Headline,
    Markup,
    Message,
    Note,
    Paragraph,
    Picture,
    Step,
    Steps,
    StepState,
    Style,
    Table,
    code,
    escape,
    link,
)

_short = st.text(max_size=40)
_any_text = st.one_of(
    _short,
    st.text(max_size=400),
    st.builds(lambda text, times: text * times, st.text(min_size=1, max_size=12), st.integers(1, 900)),
)
_urls = st.one_of(
    st.just("https://example.org/a?b=1&c=<2>|3"),
    st.just("javascript:alert(1)"),
    st.builds(lambda n: "https://example.org/" + "x" * n, st.integers(0, 4000)),
)
_pieces = st.one_of(
    _any_text.map(escape),
    st.builds(code, _short),
    st.builds(link, _urls, _short),
    st.sampled_from(
        [
            Markup("*bold*"),
            Markup("_it_"),
            Markup("<@U01MIA>"),
            Markup("<!date^1700000000^{time}|14:02>"),
            Markup("<!subteam^S01>"),
        ]
    ),
)
markup = st.lists(_pieces, max_size=6).map(lambda pieces: Markup(" ".join(pieces)))
_args = st.dictionaries(st.sampled_from(["service", "version", "reason"]), _any_text, max_size=3)
buttons = st.builds(
    Button,
    label=_any_text,
    command=st.sampled_from(["deploy", "approve", "where"]),
    args=_args,
    style=st.sampled_from(Style),
    confirm=st.none() | st.builds(Confirm, title=_any_text, text=_any_text, yes=_any_text, no=_any_text),
    ask=st.booleans(),
    url=st.just("") | _urls,
)
_steps = st.builds(
    Step, key=_short, title=_any_text, state=st.sampled_from(StepState), detail=markup, url=st.just("") | _urls
)
_parts = st.one_of(
    st.builds(Headline, markup),
    st.builds(Paragraph, markup),
    st.builds(Note, markup),
    st.builds(Code, _any_text),
    st.builds(
        Table,
        st.lists(_short, max_size=25).map(tuple),
        st.lists(st.lists(markup, max_size=22).map(tuple), max_size=4).map(tuple),
    ),
    st.builds(Picture, st.binary(max_size=8), _any_text, _any_text),
    st.builds(Steps, _any_text, st.lists(_steps, max_size=6).map(tuple)),
    st.builds(Buttons, st.lists(buttons, max_size=12).map(tuple)),
    st.just(Divider()),
)
messages = st.builds(
    Message,
    summary=_any_text,
    parts=st.one_of(
        st.lists(_parts, max_size=6).map(tuple),
        st.builds(lambda part, times: (part,) * times, _parts, st.integers(45, 120)),
    ),
)
