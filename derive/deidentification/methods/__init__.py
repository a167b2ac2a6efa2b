"""What can be done to one attribute: a function each, found by its name.

A file holds the methods of one subject. A method takes the attribute as it was and where it stands, and gives what it
becomes: itself where it stays, nothing where it goes. What a rule may set of it is said in its declaration; so are
the value representations that it can be asked for.
"""

from derive.deidentification.methods import dates, descriptors, dummy, plain, private
from derive.deidentification.methods.registry import METHODS, Method, method

__all__ = ["METHODS", "Method", "dates", "descriptors", "dummy", "method", "plain", "private"]
