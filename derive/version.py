"""Who this application is, in the words of General Equipment (PS3.3 C.7.5.1)."""

from importlib.metadata import PackageNotFoundError, version

MANUFACTURER = "derive project"
MODEL = "dicom-derive"
try:
    VERSION = version("dicom-derive")
except PackageNotFoundError:  # used from a checkout that is not installed
    VERSION = "0.0.0+checkout"
