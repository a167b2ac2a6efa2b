"""What several operations share: grids, sampling, filters, projections.

It knows volumes and geometries, and no DICOM. It may import model, parallel and errors.
"""
