"""Templates: where pictures of some device have text burned in, told by their header.

Three grammars are read into the same values: TOML of our own (``own``), CTP's pixel scripts (``ctp``), and the filters
of deid's recipes (``recipe``); ``read`` tells them apart by their content. A ``condition`` says for which images a
``template`` is. To read another grammar, add its file and its line in ``read``.
"""
