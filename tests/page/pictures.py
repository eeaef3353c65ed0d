"""Where the pictures of a test run go, and what axe-core finds on a page."""

import functools
from pathlib import Path

AXE = Path(__file__).parent / "vendor" / "axe.min.js"

RUN = """async () => {
    const {violations} = await axe.run(document, {resultTypes: ['violations'], rules: {'page-has-heading-one': {enabled: true}}});
    return violations.map(({id, impact, nodes}) => ({id, impact, where: nodes.map(({target, failureSummary}) => `${target} ${failureSummary}`)}));
}"""  # noqa: E501 - one call, as axe-core documents it
GRAVE = ("serious", "critical")


@functools.cache
def axe():
    """Return the source of axe-core, which is no part of the page: its policy would refuse a script tag."""
    return AXE.read_text(encoding="utf-8")


class Pictures:
    """Keeps a picture of each view in a folder, and checks each for accessibility on the way."""

    def __init__(self, folder):
        self.folder = folder

    async def keep(self, page, name, *, checked=True):
        """Write `name`.png once all pictures inside are there; return what axe-core finds serious or critical."""
        await page.evaluate("Promise.all([...document.images].map((image) => image.decode().catch(() => null)))")
        await page.screenshot(path=self.folder / f"{name}.png", animations="disabled")
        if not checked:
            return []
        if not await page.evaluate("'axe' in window"):
            await page.evaluate(axe())
        found = await page.evaluate(RUN)
        return [(name, one["id"], one["where"][:3]) for one in found if one["impact"] in GRAVE]
