"""What is said in a call, and written in a text message. Pure.

TwiML: https://www.twilio.com/docs/voice/twiml, with <Gather> taking the key: https://www.twilio.com/docs/voice/twiml/gather
"""

import re
from typing import Final
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from integrations.capabilities.paging import Page, reply_code
from integrations.twilio.settings import TwilioSettings

NOTHING: Final = "<Response/>"
ANSWERED: Final = "<Response><Say>Thank you. Your answer was taken.</Say><Hangup/></Response>"
PRESS_AGAIN: Final = (
    '<Response><Gather input="dtmf" numDigits="1" timeout="10"><Say>Press 1 if you are on it.</Say></Gather></Response>'
)
_LONGEST_SPOKEN = 1200  # characters as XML; a call's whole TwiML may have 4,000
_LONGEST_TEXT = 400
_UNSPEAKABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def address_of(settings: TwilioSettings, page_id: str, *, detect: bool = False) -> str:
    """Return where Twilio tells of a page, "" without `webhook_url`. `detect`: who took the call is told by itself."""
    if settings.webhook_url is None:
        return ""
    return f"{settings.webhook_url}?page={quote(page_id, safe='')}{'&detect=1' if detect else ''}"


def spoken(settings: TwilioSettings, page: Page) -> str:
    """Return what a call says: the page twice, and that key 1 acknowledges where a key can come back."""
    voice = f" voice={quoteattr(settings.voice)}" if settings.voice else ""
    words = _cut(page.spoken or page.title)

    def say(text: str) -> str:
        return f"<Say language={quoteattr(settings.language)}{voice}>{text}</Say>"

    twice = f'{say(words)}<Pause length="1"/>{say(words)}'
    action = address_of(settings, page.id)
    if not action:
        return f"<Response>{twice}{say('Please answer in the chat.')}</Response>"
    gather = f'<Gather input="dtmf" numDigits="1" timeout="10" method="POST" action={quoteattr(action)}>'
    press = say("Press 1 if you are on it.")
    return f"<Response>{gather}{press}{twice}{press}</Gather>{say('No key was pressed. Goodbye.')}</Response>"


def written(settings: TwilioSettings, page: Page) -> str:
    """Return a text message. Its code names the page in a reply, and finds the message again."""
    code = reply_code(page.id)
    how = f"Reply 1 {code} if you are on it." if settings.webhook_url else f"Page {code}."
    text = f"{page.title}\n{page.text}".strip()
    if len(text) > _LONGEST_TEXT:
        text = f"{text[: _LONGEST_TEXT - 1]}…"
    return "\n".join(one for one in (_UNSPEAKABLE.sub("", text), page.url, how) if one)


def marks(page_id: str, text: str) -> bool:
    """Tell whether a text message is a page's."""
    code = reply_code(page_id)
    last = text.rstrip().rpartition("\n")[2]
    return last in {f"Reply 1 {code} if you are on it.", f"Page {code}."} or last.endswith(
        (f" Reply 1 {code} if you are on it.", f" Page {code}.")  # a trial account writes before it
    )


def _cut(text: str) -> str:
    clean = _UNSPEAKABLE.sub("", text)
    while len(escape(clean)) > _LONGEST_SPOKEN:
        clean = clean[: len(clean) * 9 // 10]
    return escape(clean)
