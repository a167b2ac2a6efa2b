"""Configurations: rules and settings in the files that people have, read into the values of a run.

``read`` tells by content whose a file is: TOML of a site (``site``), rules of Microsoft's anonymizer (``microsoft``),
a configuration of Google's Healthcare API (``google``), a recipe of pydicom's deid (``recipe``), a string of options
of dcm4chee, or templates alone. Whatever a file says that is not known is refused; what is known and not followed is a
note, which the report shows. To read another kind, add its file and its line in ``read``.
"""
