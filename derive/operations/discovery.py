"""Operations are found, not listed: every file beside this one, or in another package, is imported."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

from derive.operations.declaration import REGISTRY, OperationKind


def discover(package: ModuleType) -> dict[str, OperationKind[...]]:
    """Import the files of a package and return the operations that they declare.

    Parameters
    ----------
    package : module
        Its folders are left out: they hold what files share.

    Returns
    -------
    dict
        By name, in its order; they are in ``REGISTRY`` too, which is put in order.
    """
    found = [m.name for m in pkgutil.iter_modules(package.__path__, f"{package.__name__}.") if not m.ispkg]
    modules = {importlib.import_module(name).__name__ for name in found}
    for name in sorted(REGISTRY):
        REGISTRY[name] = REGISTRY.pop(name)
    return {name: kind for name, kind in REGISTRY.items() if kind.function.__module__ in modules}
