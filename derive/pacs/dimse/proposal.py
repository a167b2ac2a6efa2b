"""What is proposed, and taken, for the storage of instances: SOP Classes, transfer syntaxes, roles (PS3.7 D.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydicom import uid

#: Storage SOP Classes of images that are common, where an archive does not say what a series consists of.
COMMON: tuple[str, ...] = (
    uid.CTImageStorage,
    uid.MRImageStorage,
    uid.PositronEmissionTomographyImageStorage,
    uid.SecondaryCaptureImageStorage,
    uid.EnhancedCTImageStorage,
    uid.EnhancedMRImageStorage,
    uid.EnhancedPETImageStorage,
    uid.LegacyConvertedEnhancedCTImageStorage,
    uid.LegacyConvertedEnhancedMRImageStorage,
    uid.LegacyConvertedEnhancedPETImageStorage,
    uid.NuclearMedicineImageStorage,
    uid.ComputedRadiographyImageStorage,
    uid.DigitalXRayImageStorageForPresentation,
    uid.DigitalXRayImageStorageForProcessing,
    uid.DigitalMammographyXRayImageStorageForPresentation,
    uid.BreastTomosynthesisImageStorage,
    uid.XRayAngiographicImageStorage,
    uid.XRay3DAngiographicImageStorage,
    uid.UltrasoundImageStorage,
    uid.UltrasoundMultiFrameImageStorage,
    uid.RTImageStorage,
    uid.RTDoseStorage,
    uid.SegmentationStorage,
    uid.ParametricMapStorage,
    uid.MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    uid.MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    uid.MultiFrameTrueColorSecondaryCaptureImageStorage,
    uid.VLPhotographicImageStorage,
    uid.VLEndoscopicImageStorage,
    uid.OphthalmicPhotography8BitImageStorage,
)
#: Transfer syntaxes that are common, the most common first.
_FIRST: tuple[str, ...] = (
    uid.ExplicitVRLittleEndian,
    uid.JPEGLosslessSV1,
    uid.JPEG2000Lossless,
    uid.RLELossless,
    uid.JPEGLSLossless,
    uid.JPEGBaseline8Bit,
    uid.JPEG2000,
    uid.JPEGExtended12Bit,
    uid.JPEGLossless,
    uid.JPEGLSNearLossless,
    uid.ImplicitVRLittleEndian,
    uid.DeflatedExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
)
_PLAIN: tuple[str, ...] = (uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian)


def transfer_syntaxes() -> tuple[str, ...]:
    """Return all that a data set may come in, the common ones first; not those that only say where its pixels are."""
    from pynetdicom import ALL_TRANSFER_SYNTAXES

    rest = [t for t in map(uid.UID, ALL_TRANSFER_SYNTAXES) if "JPIP" not in t.name and t not in _FIRST]
    return (*_FIRST, *rest)


def storage_contexts(classes: Sequence[str], room: int) -> list[Any]:
    """Propose storage classes so that each instance can come in the transfer syntax that it is stored in.

    Of the transfer syntaxes of one context the other side accepts one alone (PS3.8 9.3.2), so as many as there is
    room for have a context of their own.

    Parameters
    ----------
    classes : sequence of str
        Those that there is no room for are left out, from the last.
    room : int
        How many contexts there may be.
    """
    from pynetdicom import build_context

    syntaxes, classes = transfer_syntaxes(), classes[:room]
    if not classes:
        return []
    alone = min(room // len(classes), len(syntaxes)) - 1
    groups = [*([s] for s in syntaxes[:alone]), list(syntaxes[alone:])]
    return [build_context(name, group) for name in classes for group in groups]


def storage_roles(contexts: Sequence[Any]) -> list[Any]:
    """Propose to be the receiver of these, as an SCU of C-GET is (PS3.7 D.3.3.4)."""
    from pynetdicom import build_role

    return [build_role(name, scp_role=True) for name in dict.fromkeys(str(c.abstract_syntax) for c in contexts)]


def supported_storage(*, both_roles: bool = False) -> list[Any]:
    """Return what a listener takes: every storage class in every transfer syntax.

    Parameters
    ----------
    both_roles : bool
        Whether it sends them as well, where the other side opened the association (C-GET).
    """
    from pynetdicom import AllStoragePresentationContexts

    syntaxes = transfer_syntaxes()
    return [
        supported_context(str(c.abstract_syntax), syntaxes, both_roles=both_roles)
        for c in AllStoragePresentationContexts
    ]


def supported_context(sop_class_uid: str, syntaxes: Sequence[str] = (), *, both_roles: bool = False) -> Any:
    """Return what a listener takes of one SOP Class; without transfer syntaxes, those of messages without pixels."""
    from pynetdicom.presentation import PresentationContext

    class Shared(PresentationContext):
        """pynetdicom copies all contexts, to the last UID, for each association, which takes most of its time."""

        def __deepcopy__(self, memo: object) -> PresentationContext:
            return self

    made = Shared()
    made.abstract_syntax = uid.UID(sop_class_uid)
    made.transfer_syntax = [uid.UID(s) for s in syntaxes or _PLAIN]
    if both_roles:
        made.scu_role = made.scp_role = True
    return made
