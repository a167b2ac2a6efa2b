"""Templates: where pictures of some device have text burned in, told by their header.

Three grammars are read into the same values: TOML of our own (``own``), CTP's pixel scripts (``ctp``), and the filters
of recipes of pydicom's deid (``recipe``). ``read`` tells them apart by their content.
"""
