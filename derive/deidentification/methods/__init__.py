"""What can be done to one attribute: a function each, found by its name.

A file holds the methods of one subject; to add one, add its file here, nothing lists it. A method takes the attribute
as it was and where it stands, and gives what it becomes: itself where it stays, nothing where it goes. What a rule may
set of it is said in its declaration; so are the value representations that it can be asked for.
"""

import pkgutil
from importlib import import_module

from derive.deidentification.methods.registry import METHODS, Method, checked_method, checked_rule, method

for _module in pkgutil.iter_modules(__path__, f"{__name__}."):
    import_module(_module.name)

__all__ = ["METHODS", "Method", "checked_method", "checked_rule", "method"]
