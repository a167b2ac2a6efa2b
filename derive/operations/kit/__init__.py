"""What several operations share; none of it is an operation, so discovery leaves it out.

``lengths``: millimetres along axes. ``grids``: where a new grid lies in the source, planned without pixels.
``sampling`` and ``linear``: values of a volume at the voxels of a grid, some slices at a time. ``separable`` and
``correlation``: filters axis by axis. ``projection``: slabs. ``images``: to SimpleITK and back. ``functions``: a
function of the user's, found and called.

It knows volumes and geometries, and no DICOM, and padding is NaN in all of it. Four know DICOM, and no operation
imports them before it is done to a series: ``joining`` makes other series sources of the result, ``doses`` reads what
an uptake needs, ``steps`` and ``picturing`` are for the builder. So help needs no pydicom.

May import: model, parallel, errors, and scipy, OpenCV and SimpleITK in the functions that need them. To add a thing
that one operation needs, put it into that operation's file; it comes here with the second one.
"""
