"""The composition root: the only package that sees everything, puts it together and takes it apart."""

from bot.app.first import put_in_place
from bot.app.serving import serve, stop_local_places

__all__ = ["put_in_place", "serve", "stop_local_places"]
