"""Errors whose text is safe to show to people, each with a stable reason code."""

from msgspec.structs import replace

from bot.plain import strip
from bot.reply import Button, Buttons, Markup, Paragraph, Part, Reply, escape, say


class UserError(Exception):
    """Something a person can read and act on: what, which rule, who could, and the next move as buttons.

    `code` is stable: scripts, tests and the audit log rely on it. `moves` become buttons.
    """

    def __init__(self, code: str, text: str | Markup, *, moves: tuple[Button, ...] = ()) -> None:
        super().__init__(str(text))
        self.code = code
        self.text = text
        self.moves = moves

    def __reduce__(self) -> tuple[object, ...]:
        """Let a checkpoint carry the error whole."""
        return _restore, (type(self), self.args, dict(self.__dict__))

    def reply(self) -> Reply:
        """Return this error as the answer to whoever asked."""
        parts: tuple[Part, ...] = (Paragraph(say("{}   ({})", escape(self.text), self.code)),)
        if self.moves:
            parts = (*parts, Buttons(self.moves))
        # What notifications show has no marks, and a moment as words.
        summary = strip(self.text) if isinstance(self.text, Markup) else self.text
        return Reply(summary=summary, parts=parts, code=self.code)


class BadInput(UserError):
    """What was asked cannot be understood: unknown word, missing value, wrong form."""


class Missing(BadInput):
    """A value is missing that a form can ask for; `form` is the button that opens it, filled with what was given."""

    def __init__(self, code: str, text: str | Markup, *, form: Button) -> None:
        super().__init__(code, text, moves=(form,))
        self.form = form

    def reply(self) -> Reply:
        """Return this error with its form."""
        return replace(super().reply(), form=self.form)


class Refused(UserError):
    """What was asked is understood, and a rule says no."""


class NotAllowed(Refused):
    """The person has no permission for this."""


class Degraded(UserError):
    """A system that is needed does not answer; says which, since when, and what still works."""


def _restore(kind: type[UserError], args: tuple[object, ...], state: dict[str, object]) -> UserError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error
