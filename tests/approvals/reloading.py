"""Other settings, put in force while the rig runs."""

from typing import Any

from bot.catalog import Catalog
from bot.settings import Settings
from tests.deployments.rig import Rig


def use(rig: Rig, settings: Settings) -> None:
    """Put other settings in force, as a reload does."""
    rig.settings = settings
    rig.permissions.replace(settings)
    rig.catalog = Catalog(settings)
    rig.world.add(rig.catalog)


def with_production(rig: Rig, **changes: Any) -> Settings:
    """Return the settings with these of checkout's production."""
    service = rig.settings.services["checkout"]
    staging, production = service.environments
    given = {**production.model_dump(by_alias=True), **changes}
    changed = service.model_copy(update={"environments": (staging, type(production).model_validate(given))})
    return rig.settings.model_copy(update={"services": {**rig.settings.services, "checkout": changed}})
