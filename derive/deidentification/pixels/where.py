"""Where a picture is blank whatever it shows: boxes that a person named, ultrasound regions, templates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from derive.deidentification.pixels.box import Box
from derive.deidentification.pixels.layout import sample_layout
from derive.deidentification.pixels.plan import PixelPlan
from derive.deidentification.templates.template import Template, matching
from derive.elements.instance import Instance
from derive.errors import ValuesError
from derive.pixels.area import Area, outside
from derive.pixels.samples import SampleLayout
from derive.told.wording import counted, flag

BOXES, REGIONS, TEMPLATE, RECOGNISED = "boxes", "ultrasound regions", "template", "recognised text"
_REGIONS = "SequenceOfUltrasoundRegions"
_CORNERS = ("RegionLocationMinX0", "RegionLocationMinY0", "RegionLocationMaxX1", "RegionLocationMaxY1")
#: Regions that leave less than this share of the picture are the picture: they do not say where text is.
_LEAST_SHARE = 0.01


class Blank(NamedTuple):
    """Areas that are blank, and who says so: boxes, ultrasound regions, template, recognised text."""

    method: str
    areas: tuple[Area, ...]
    told: str = ""


def named(instance: Instance, plan: PixelPlan) -> Iterator[Blank]:
    """Give what is blanked whatever a picture shows.

    Raises
    ------
    ValuesError
        ``DEID-BOX`` for a box outside of the picture; ``DEID-TILES`` for a picture in tiles; ``DEID-PIXELS``.
    UsageError
        ``DEID-TEMPLATE`` for one of a template.
    """
    templates = matching(plan.templates, instance)
    has_regions = bool(plan.us_regions and instance.lenient.items(_REGIONS))
    if not plan.boxes and not has_regions and not templates:
        return  # whatever it is, nothing is blanked in it
    layout = sample_layout(instance)
    if plan.boxes:
        _refuse_tiles(instance, layout)
        yield Blank(BOXES, tuple(_area(box, layout, instance.name) for box in plan.boxes))
    regions = us_regions(instance, layout) if has_regions else []
    if regions:
        around = outside(regions, layout.columns, layout.rows)
        if sum(map(_size, around)) >= _LEAST_SHARE * layout.rows * layout.columns:
            yield Blank(REGIONS, around)
    for template in templates:
        areas = _of_template(template, instance, layout)
        if areas:
            _refuse_tiles(instance, layout)
            yield Blank(TEMPLATE, areas, template.name)


def us_regions(instance: Instance, layout: SampleLayout) -> list[Area]:
    """Return the ultrasound regions of an image (PS3.3 C.8.5.5): both their corners are in them."""
    found = []
    for item in instance.lenient.items(_REGIONS):
        corners = [item.integer(keyword) for keyword in _CORNERS]
        if any(corner is None or corner < 0 for corner in corners):
            continue
        left, top, right, bottom = (corner or 0 for corner in corners)
        area = Area(left, top, min(right + 1, layout.columns), min(bottom + 1, layout.rows))
        if area.left < area.right and area.top < area.bottom:
            found.append(area)
    return found


def _refuse_tiles(instance: Instance, layout: SampleLayout) -> None:
    """A box of a picture that is stored as tiles is no box of each of its frames (PS3.3 C.8.12.4)."""
    matrix = [instance.lenient.integer(f"TotalPixelMatrix{side}") or 0 for side in ("Columns", "Rows")]
    if layout.frames > 1 and (matrix[0] > layout.columns or matrix[1] > layout.rows):
        raise ValuesError(
            "DEID-TILES",
            f"{instance.name}: its {counted(layout.frames, 'frame')} are tiles of {matrix[0]} x {matrix[1]} pixels, "
            f"and boxes are blanked in every frame; take it out, or leave out {flag('blank')} and {flag('templates')}",
        )


def _area(box: Box, layout: SampleLayout, name: str) -> Area:
    area = box.area(layout.columns, layout.rows)
    if area is None:
        raise ValuesError(
            "DEID-BOX",
            f"{name}: the box {box} lies outside of its {layout.columns} columns and {layout.rows} rows, and blanks "
            f"nothing; change {flag('blank')}",
        )
    return area


def _of_template(template: Template, instance: Instance, layout: SampleLayout) -> tuple[Area, ...]:
    boxes = (box.area(layout.columns, layout.rows) for box in template.boxes_in(layout.rows, layout.columns))
    areas = [area for area in boxes if area is not None]
    areas += us_regions(instance, layout) if template.us_regions else []
    if template.keep_only:
        return outside(areas, layout.columns, layout.rows) if areas else ()
    return tuple(areas)


def _size(area: Area) -> int:
    return (area.right - area.left) * (area.bottom - area.top)
