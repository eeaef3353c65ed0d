"""A page as an e-mail, and a mail server's codes to our errors. Pure.

The format: https://www.rfc-editor.org/rfc/rfc5322. The codes: https://www.rfc-editor.org/rfc/rfc5321#section-4.2
"""

import hashlib
import re
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from integrations.capabilities.paging import Page
from integrations.errors import IntegrationError, NotAuthenticated, Refused, Unavailable
from integrations.smtp.settings import SmtpSettings

_MAILBOXES = re.compile(r"[^\s<>@]+@[^\s<>@]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]+")
_LONGEST_SUBJECT = 200
_PERMANENT = 500
_WRONG_CREDENTIALS = {530, 534, 535, 538}


def message(settings: SmtpSettings, to: str, page: Page, now: datetime) -> EmailMessage:
    """Return a page as an e-mail; sent again it has the same Message-ID, and pages of one trouble share a thread."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = settings.sender
    mail["To"] = to
    if settings.reply_to:
        mail["Reply-To"] = settings.reply_to
    subject, title = _line(page.subject), _line(page.title)
    mail["Subject"] = (title if subject in title.split() else f"{subject} {title}")[:_LONGEST_SUBJECT]
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = message_id(settings, page.id)
    mail["References"] = message_id(settings, f"subject:{page.subject}")
    mail["Auto-Submitted"] = "auto-generated"  # nobody's holiday notice answers this
    if page.important:
        mail["Importance"] = "high"
        mail["X-Priority"] = "1"
    lines = [page.text or page.title, "", f"Firing since {page.opened_at:%Y-%m-%d %H:%M %Z}."]
    if page.url:
        lines += [f"Acknowledge it there: {page.url}"]
    lines += ["An answer to this e-mail acknowledges nothing."]
    mail.set_content("\n".join(lines).replace("\0", ""))
    return mail


def message_id(settings: SmtpSettings, page_id: str) -> str:
    """Return the Message-ID of a page."""
    domain = settings.sender.rpartition("@")[2]
    return f"<{hashlib.sha256(page_id.encode()).hexdigest()[:32]}@{domain}>"


def error_of(instance: str, code: int, words: str) -> IntegrationError:
    """Return what a server's refusal means for the caller. Who the mail was for is taken out of its words."""
    said = f"{code} {_MAILBOXES.sub('…', ' '.join(words.split()))[:300]}".strip()
    if code in _WRONG_CREDENTIALS:
        return NotAuthenticated(instance, f"the name or the password is missing or wrong: {said}")
    if code >= _PERMANENT:
        return Refused(instance, said)
    return Unavailable(instance, said)


def _line(text: str) -> str:
    return _CONTROL.sub(" ", text).strip()
