"""A plugin for Errbot: a command with an argument, one that only administrators may use, and reactions."""

from errbot import BotPlugin, botcmd


class Tide(BotPlugin):  # type: ignore[misc]  # Errbot is in an environment of its own
    """Knows the tide."""

    @botcmd
    def tide(self, msg, args):
        """Tell the tide of a port."""
        return f"High water in {args or 'no port'}, {msg.frm.nick}"

    @botcmd(admin_only=True)
    def sluice(self, msg, args):
        """Open the sluice."""
        return "The sluice is open"

    def callback_reaction(self, reaction):
        """Answer a reaction where it was made."""
        room = self.build_identifier(f"#{self._bot.channelid_to_channelname(reaction.reacted_to['channel'])}")
        self.send(room, f"{reaction.reactor.nick} {reaction.action} {reaction.reaction_name}")
