"""Scripts of tools/ as modules, to be tested."""

import importlib.util
import sys
from types import ModuleType

from tests.architecture.tree import ROOT


def tool(name: str) -> ModuleType:
    """Return a script as a module."""
    known = f"shipmate_tools_{name}"
    if known not in sys.modules:
        spec = importlib.util.spec_from_file_location(known, ROOT / "tools" / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[known] = module
        spec.loader.exec_module(module)
    return sys.modules[known]
