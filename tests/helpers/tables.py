"""The IODs that the tables of the standard have."""

from __future__ import annotations

import derive.standard as standard

CT, MR, PET = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.128"
SC, ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.5.1.4.1.1.2.1"
EVERY_IOD = [standard.iod(uid) for uid in standard.sop_class_uids()]
