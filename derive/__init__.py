"""derive: author derived medical images as new, valid DICOM series."""
