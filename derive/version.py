"""Who this application is, in the words of General Equipment (PS3.3 C.7.5.1)."""

MANUFACTURER = "derive project"
MODEL = "dicom-derive"
#: Of the package too: ``pyproject.toml`` takes it from here.
VERSION = "0.1.0"
