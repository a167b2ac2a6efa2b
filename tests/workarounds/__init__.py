"""What libraries do that is gone round here: each test fails once its library is mended, so that the way round can go.

A test shows the library alone, as it comes, and what it does; the test of what is done instead stands in the folder of
its room. A failure here is good news: the release notes of the library say what was mended, and the docstring of the
test names what to take away.
"""
