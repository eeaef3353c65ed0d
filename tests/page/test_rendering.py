"""Slack's formats as the page shows them: mrkdwn, Markdown, rich text, dates, emoji."""

import pytest

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow]

RENDER = """async ([module, name, value]) => {
    const workspace = {
        viewer: 'U1', channels: new Map([['C1', {}]]),
        userName: (id) => ({U1: 'Mia', U2: 'Ana'})[id] ?? null,
        channelName: (id) => (id === 'C1' ? 'checkout' : null),
        groupName: (id) => (id === 'S1' ? '@crew' : null),
    };
    const made = await import(`/page/${module}.js`);
    const box = document.createElement('div');
    box.append(made[name](value, workspace));
    for (const node of box.querySelectorAll('*')) {
        const href = node.getAttribute('href');
        for (const attribute of [...node.attributes]) node.removeAttribute(attribute.name);
        if (href) node.setAttribute('href', href);
    }
    return box.innerHTML;
}"""

MRKDWN = [
    ("*bold* _it_ ~no~ `a*b*c`", "<b>bold</b> <i>it</i> <s>no</s> <code>a*b*c</code>"),
    ("_*both*_ *_too_*", "<i><b>both</b></i> <b><i>too</i></b>"),
    ("snake_case_name 2*3*4 a~b~c", "snake_case_name 2*3*4 a~b~c"),
    ("* not bold * and *", "* not bold * and *"),
    ("&lt;b&gt; &amp;amp; &copy;", "&lt;b&gt; &amp;amp; &amp;copy;"),
    ("<https://a.example/x?a=1&amp;b=2|*here*>", '<a href="https://a.example/x?a=1&amp;b=2"><b>here</b></a>'),
    ("<https://a.example>", '<a href="https://a.example/">https://a.example</a>'),
    ("see https://a.example/x, please", 'see <a href="https://a.example/x">https://a.example/x</a>, please'),
    ("<mailto:a@b.example|mail>", '<a href="mailto:a@b.example">mail</a>'),
    ("<javascript:alert(1)|x> <ftp://a.example|y>", "<span>x</span> <span>y</span>"),
    ("<@U2> <@U9|zoe> <@U9>", "<span>@Ana</span> <span>@zoe</span> <span>@U9</span>"),
    ("<#C1> <#C9|secret> <#C9>", "<button>#checkout</button> <span>#secret</span> <span>#private-channel</span>"),
    ("<!here> <!subteam^S1> <!subteam^S9|@deck>", "<span>@here</span> <span>@crew</span> <span>@deck</span>"),
    ("<!unknown> <x>", "&lt;!unknown&gt; &lt;x&gt;"),
    (":ship: :+1::skin-tone-4: :nope: 12:30:45", "<span>🚢</span> <span>👍🏽</span> :nope: 12:30:45"),
    ("a\n&gt; b\n&gt; *c*\nd", "a<blockquote>b\n<b>c</b></blockquote>d"),
    (">>> a\nb", "<blockquote>a\nb</blockquote>"),
    ("• one\n• two", "<span><span>•</span><span>one</span></span><span><span>•</span><span>two</span></span>"),
    ("x\n```\na *b* &lt;c&gt;\n```\ny", "x<pre><code>a *b* &lt;c&gt;</code></pre>y"),
    ("```open", "```open"),
    ("", ""),
]

MARKDOWN = [
    (
        "# Title\n\ntext **b** *i* ~~s~~ `c`",
        "<div><p>Title</p><p>text <strong>b</strong> <em>i</em> <s>s</s> <code>c</code></p></div>",
    ),
    ("- a\n  - b\n- c", "<div><ul><li>a<ul><li>b</li></ul></li><li>c</li></ul></div>"),
    ("1. a\n2. b", "<div><ol><li>a</li><li>b</li></ol></div>"),
    ("```py\n<b> *x*\n```", "<div><pre><code>&lt;b&gt; *x*</code></pre></div>"),
    ("> q\n> r", "<div><blockquote><p>q\nr</p></blockquote></div>"),
    ("[l](https://a.example) [e](javascript:x)", '<div><p><a href="https://a.example/">l</a> <span>e</span></p></div>'),
    ("a\n\n---\n\nb", "<div><p>a</p><hr><p>b</p></div>"),
    (
        "| a | b |\n|---|--:|\n| 1 | `2` |",
        (
            "<div><div><table><thead><tr><th>a</th><th>b</th></tr></thead>"
            "<tbody><tr><td>1</td><td><code>2</code></td></tr></tbody></table></div></div>"
        ),
    ),
    ("\\*not\\* <b>html</b>", "<div><p>*not* &lt;b&gt;html&lt;/b&gt;</p></div>"),
    ("- [x] a\n- [ ] b", "<div><ul><li><span>☑</span>a</li><li><span>☐</span>b</li></ul></div>"),
    ("<div onclick=x>\n\n&copy; &lt;b&gt;", "<div>&lt;div onclick=x&gt;<p>© &lt;b&gt;</p></div>"),
]


async def render(page, module, name, value):
    return await page.evaluate(RENDER, [module, name, value])


async def test_mrkdwn(harbour):
    page = await harbour.open()
    assert [await render(page, "mrkdwn", "renderMrkdwn", text) for text, _ in MRKDWN] == [html for _, html in MRKDWN]


async def test_markdown(harbour):
    page = await harbour.open()
    assert [await render(page, "markdown", "renderMarkdown", text) for text, _ in MARKDOWN] == [
        html for _, html in MARKDOWN
    ]


async def test_plain_text_knows_emoji_and_nothing_else(harbour):
    page = await harbour.open()
    assert (
        await render(page, "mrkdwn", "renderPlain", "*a* &lt;b&gt; <@U1> :tada:")
        == "*a* &lt;b&gt; &lt;@U1&gt; <span>🎉</span>"
    )


async def test_rich_text(harbour):
    page = await harbour.open()
    section = [
        {"type": "text", "text": "a", "style": {"bold": True, "italic": True}},
        {"type": "user", "user_id": "U2"},
        {"type": "channel", "channel_id": "C1"},
        {"type": "broadcast", "range": "channel"},
        {"type": "emoji", "name": "mystery", "unicode": "1f680"},
        {"type": "link", "url": "javascript:x", "text": "l"},
    ]
    block = {
        "type": "rich_text",
        "elements": [
            {"type": "rich_text_section", "elements": section},
            {
                "type": "rich_text_list",
                "style": "ordered",
                "elements": [{"type": "rich_text_section", "elements": section[:1]}],
            },
            {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "x <y>"}]},
        ],
    }
    assert await render(page, "richtext", "renderRichText", block) == (
        "<div><div><i><b>a</b></i><span>@Ana</span><button>#checkout</button><span>@channel</span>🚀<span>l</span></div>"
        "<ol><li><i><b>a</b></i></li></ol><pre><code>x &lt;y&gt;</code></pre></div>"
    )


async def test_dates_are_in_the_readers_zone(harbour):
    page = await harbour.open(timezone_id="Asia/Kolkata", locale="en-GB")
    token = "<!date^1700000000^{date_num} {time} {unknown}|2023-11-14>"
    assert await render(page, "mrkdwn", "renderMrkdwn", token) == "<time>2023-11-15 03:43 {unknown}</time>"
    assert await render(page, "mrkdwn", "renderMrkdwn", "<!date^soon^{date}|later>") == "<time>later</time>"


async def test_blocks_the_page_does_not_know_are_shown_as_data(harbour):
    page = await harbour.open()
    html = await page.evaluate(
        """async () => {
            const {renderBlock} = await import('/page/blocks.js');
            return renderBlock({type: 'hologram', x: '<b>'}, {}).textContent;
        }"""
    )
    assert "hologram" in html
    assert '"x": "<b>"' in html


async def test_many_short_names_are_known_and_each_is_an_emoji(harbour):
    page = await harbour.open()
    found = await page.evaluate(
        """async () => {
            const {emojiOf, findEmoji} = await import('/page/emoji.js');
            const isEmoji = /\\p{Extended_Pictographic}|\\p{Emoji_Presentation}|\\u20e3|\\p{RI}/u;
            const all = [...'abcdefghijklmnopqrstuvwxyz'].flatMap((letter) => findEmoji(letter, 5000));
            return {
                known: new Set(all).size, toned: emojiOf('wave::skin-tone-6'),
                strange: [...new Set(all)].filter((name) => !isEmoji.test(emojiOf(name))),
                rocket: findEmoji('rocke')[0], nothing: findEmoji('qqqq').length,
            };
        }"""
    )
    assert found["known"] > 1500
    assert found["toned"] == "👋🏿"
    assert found["strange"] == []
    assert (found["rocket"], found["nothing"]) == ("rocket", 0)
