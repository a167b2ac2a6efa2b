"""Facts of PS3.3 and PS3.6, from generated tables.

>>> ct = iod("1.2.840.10008.5.1.4.1.1.2")
>>> ct.attributes["ImageType"].type, ct.attributes["ImageType"].module
('1', 'ct-image')
>>> section("image-plane")
'C.7.6.2'

``README.md`` says where the tables come from, how to read them, and how to write them anew. Nothing outside
this package and the standard library is read.
"""

from __future__ import annotations

from derive.standard._anatomy import AnatomicRegion, anatomic_region, body_part_of
from derive.standard._confidentiality import (
    CONFIDENTIALITY_EDITIONS,
    ConfidentialityRow,
    ContentRow,
    confidentiality_row,
    confidentiality_rows,
    content_row,
    content_rows,
)
from derive.standard._iods import (
    AttributeRule,
    Iod,
    ModuleUse,
    UnknownIod,
    iod,
    is_image,
    is_single_frame,
    modules_of,
    section,
    sop_class_uids,
    supported,
)
from derive.standard._macros import MacroUse, macros_of
from derive.standard._private import SafePrivate, SafePrivateRow, safe_private, safe_private_of, safe_private_rows
from derive.standard._tables import confidential_tags, keyword_of, tag_of
from derive.standard._types import (
    TypeRule,
    iod_name,
    module_tags,
    rules_of,
    sop_class_named,
    sop_class_names,
    type_of,
    typed_sop_classes,
)
from derive.standard._values import ValueRule, defaults, known_terms, values, values_in_macro

__all__ = [
    "CONFIDENTIALITY_EDITIONS",
    "EDITION",
    "AnatomicRegion",
    "AttributeRule",
    "ConfidentialityRow",
    "ContentRow",
    "Iod",
    "MacroUse",
    "ModuleUse",
    "SafePrivate",
    "SafePrivateRow",
    "TypeRule",
    "UnknownIod",
    "ValueRule",
    "anatomic_region",
    "body_part_of",
    "confidential_tags",
    "confidentiality_row",
    "confidentiality_rows",
    "content_row",
    "content_rows",
    "defaults",
    "iod",
    "iod_name",
    "is_image",
    "is_single_frame",
    "keyword_of",
    "known_terms",
    "macros_of",
    "module_tags",
    "modules_of",
    "rules_of",
    "safe_private",
    "safe_private_of",
    "safe_private_rows",
    "section",
    "sop_class_named",
    "sop_class_names",
    "sop_class_uids",
    "supported",
    "tag_of",
    "type_of",
    "typed_sop_classes",
    "values",
    "values_in_macro",
]

EDITION = "2026b"
"""Edition of the standard that the IODs, modules and attributes are from."""
