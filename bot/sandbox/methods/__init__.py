"""The Web API methods, one module per family; importing this package enters them into `bot.sandbox.call.METHODS`."""

from bot.sandbox.methods import apps, chat, conversations, files, reactions, users, views

__all__ = ["apps", "chat", "conversations", "files", "reactions", "users", "views"]
