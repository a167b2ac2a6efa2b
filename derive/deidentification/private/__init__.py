"""Private attributes: which may stay, told by who defines them and never by the block that they happen to stand in.

``decide`` says what becomes of one. It asks ``safe`` (what PS3.15 E.3.10 and public sources say is no danger),
``claims`` (what an instance itself says of its private attributes), and ``entries`` (what a site says).
``told`` says where one stands without a creator that nobody knows. ``csa`` and ``protocol`` clean what Siemens wraps
into one private attribute.
"""
