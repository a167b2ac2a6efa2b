"""What a base other than the Basic Profile makes of an attribute, before private rules and the table are asked.

The engine asks after the user's own rules. ``basic`` answers nothing, so that all the rest decides; ``keep-all``
answers for everything but UIDs, which are left to the column of the table (an instance that changed is another one,
PS3.3 C.12.1.1): ``--retain uids`` keeps them.
"""

from __future__ import annotations

from derive.deidentification.profile import Profile
from derive.deidentification.ruling import Ruling
from derive.rewriting.stored import AttributePath


def base_action(path: AttributePath, sop_class_uid: str, profile: Profile) -> Ruling | None:
    """Return what the base of a profile makes of an attribute; None where it leaves it to the steps that follow.

    Parameters
    ----------
    path : AttributePath
    sop_class_uid : str
        Of the instance that it stands in.
    profile : Profile
    """
    if profile.base == "keep-all" and not (path.vr == "UI" and not path.is_private):
        return Ruling.of("K", "profile keep-all")
    return None
