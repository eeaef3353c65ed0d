"""Evidence of a deployment or release: all that was asked, checked, decided and done, as one file to verify offline."""

from bot.evidence.bundles import Bundle, Bundles

__all__ = ["Bundle", "Bundles"]
