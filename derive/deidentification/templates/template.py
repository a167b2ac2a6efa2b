"""A template: for which images it is, and what is blanked in them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from derive.deidentification.pixels.box import Box
from derive.deidentification.templates.condition import Criterion, Every, Test, tests_of
from derive.elements.element import is_standard, keyword_of, tag_of
from derive.elements.instance import Instance
from derive.errors import UsageError

#: A picture as a whole.
WHOLE = Box(0, 0, None, None)
_SIZE = (tag_of("Columns"), tag_of("Rows"))


@dataclass(frozen=True)
class Template:
    """Where the pictures of some device have text.

    Parameters
    ----------
    name : str
        For the report.
    when : Criterion
        What the header of an image says that it is for.
    boxes : tuple of Box
    keep_only : bool
        The boxes stay, and all outside of them is blanked.
    us_regions : bool
        The regions of Sequence of Ultrasound Regions (0018,6011) belong to the boxes.
    further : bool
        Whether templates behind it are for the same image too; otherwise the first one holds.

    Raises
    ------
    UsageError
        ``DEID-TEMPLATE`` for a box outside of images of the size that its condition wants.
    """

    name: str
    when: Criterion
    boxes: tuple[Box, ...] = ()
    keep_only: bool = False
    us_regions: bool = False
    further: bool = False

    def __post_init__(self) -> None:
        columns, rows = (_only_value(self.when, tag) for tag in _SIZE)
        for box in self.boxes:
            if box.area(columns or 1 << 30, rows or 1 << 30) is None:
                raise self._outside(box, columns, rows)

    def boxes_in(self, rows: int, columns: int) -> tuple[Box, ...]:
        """Return the boxes, once all of them are found to lie in an image of a size.

        Raises
        ------
        UsageError
            ``DEID-TEMPLATE`` for a box of which nothing is in the image.
        """
        for box in self.boxes:
            if box.area(columns, rows) is None:
                raise self._outside(box, columns, rows)
        return self.boxes

    def _outside(self, box: Box, columns: int | None, rows: int | None) -> UsageError:
        return UsageError(
            "DEID-TEMPLATE",
            f"{self.name}: nothing of the box {box} lies in an image of {columns or 'any'} columns and "
            f"{rows or 'any'} rows; wanted are x, y, width, height inside, and a condition on Rows and Columns",
        )


def matching(templates: Iterable[Template], instance: Instance) -> tuple[Template, ...]:
    """Return the templates that are for an image: the first, and those behind it where it leaves room for them.

    Where one of them says what alone stays, another that blanks the picture as a whole has no say.
    """
    found: list[Template] = []
    for template in templates:
        if template.when.holds(instance):
            found.append(template)
            if not template.further:
                break
    if any(t.keep_only for t in found):
        return tuple(t for t in found if t.keep_only or t.boxes != (WHOLE,))
    return tuple(found)


def not_looked_at(templates: Iterable[Template]) -> tuple[str, ...]:
    """Return the attributes that conditions name and that are no standard ones: an image never has them."""
    asked = {tag for template in templates for test in tests_of(template.when) for tag in test.tags}
    return tuple(keyword_of(tag) for tag in sorted(asked) if not is_standard(tag) and tag >> 16 != 0x0002)


def _only_value(condition: Criterion, tag: int) -> int | None:
    """The number that a condition wants of an attribute, where it must be equal to it."""
    parts = condition.parts if isinstance(condition, Every) else (condition,)
    for part in parts:
        exact = isinstance(part, Test) and part.relation in ("equals", "equalsIgnoreCase", "isOneOf")
        if isinstance(part, Test) and exact and part.tags == (tag,) and part.text.isdigit():
            return int(part.text)
    return None
