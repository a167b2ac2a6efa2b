"""Fetch a series from an archive: C-GET, or C-MOVE to a listener of ours (PS3.4 C.4.2, C.4.3)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydicom.dataset import Dataset

from derive.errors import NetworkError
from derive.pacs.address import DimseAddress
from derive.pacs.dimse.association import abort, associated
from derive.pacs.dimse.find import find_series, images_of, twice
from derive.pacs.dimse.finder import Unanswered, in_words
from derive.pacs.dimse.intake import Intake, failed_uids
from derive.pacs.dimse.listener import listening, watched
from derive.pacs.dimse.proposal import COMMON, storage_contexts, storage_roles
from derive.pacs.found import Listing
from derive.told.wording import counted

#: SOP Classes of C-GET and C-MOVE; with the Patient Root model the patient has to be named as well.
_GET = {"STUDY": "1.2.840.10008.5.1.4.1.2.2.3", "PATIENT": "1.2.840.10008.5.1.4.1.2.1.3"}
_MOVE = {"STUDY": "1.2.840.10008.5.1.4.1.2.2.2", "PATIENT": "1.2.840.10008.5.1.4.1.2.1.2"}
_PENDING = (0xFF00, 0xFF01)
_DESTINATION_UNKNOWN = 0xA801
#: As many UIDs stand in a message; all of them are in its facts.
_NAMED = 5
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Asked:
    """What is retrieved, from where, and how."""

    address: DimseAddress
    study_uid: str
    series_uid: str
    listen: int | None
    classes: tuple[str, ...]
    only: str = ""


def retrieve_series(
    address: DimseAddress,
    study_uid: str,
    series_uid: str,
    take: Callable[[bytes], None],
    *,
    listen: int | None,
    only: Sequence[str] = (),
) -> None:
    """Fetch a series, or some instances of it; every instance is handed over as it comes.

    C-GET where the archive offers it, C-MOVE otherwise.

    Parameters
    ----------
    address : DimseAddress
    study_uid, series_uid : str
    take : callable (bytes)
        Given each instance once: a Part 10 file with the data set's bytes as they came, in the transfer syntax that
        they came in. Never twice at once; with C-MOVE from another thread. What it raises ends the retrieval, and is
        raised here.
    listen : int, optional
        Port of ours for C-MOVE; the archive has to know our AE title at it. None: C-GET only.
    only : sequence of str
        SOP Instance UIDs, each of which is asked for by itself (level IMAGE); without them all of the series.

    Raises
    ------
    NetworkError
        ``NET-RETRIEVE`` unless every instance came that the archive says it has; ``NET-DESTINATION`` if the archive
        does not know where to send them; ``NET-LISTEN`` if the port cannot be used; and if it cannot be reached.
    """
    listed = _images(address, study_uid, series_uid)
    expected = dict(listed)
    classes = set(expected.values()) - {""}
    # Of a part of the series the classes of the rest are not known.
    known = listed.whole and bool(expected) and all(expected.values())
    wanted = (*sorted(classes), *(() if known else COMMON))
    asked = _Asked(address, study_uid, series_uid, listen, tuple(dict.fromkeys(wanted)))
    intake = Intake(study_uid, series_uid, take)
    failures: list[NetworkError] = []
    for uid in only or ("",):
        one = replace(asked, only=uid)
        final, identifier = twice(lambda one=one: _once(one, intake))  # type: ignore[misc]  # a default is a binding
        try:
            _settle(one, intake, final, failed_uids(identifier), frozenset((uid,)) if uid else frozenset(expected))
        except NetworkError as error:
            failures.append(error)
    if failures:
        raise failures[0]
    _log.info("%s sent %d instances of %s", address, len(intake.uids), series_uid)


def _images(address: DimseAddress, study_uid: str, series_uid: str) -> Listing[tuple[str, str]]:
    """Return what the archive says the series consists of; nothing where it cannot be asked."""
    try:
        found = images_of(address, study_uid, series_uid)
    except NetworkError as error:
        if error.code != "NET-FIND":
            raise
        _log.warning("%s does not list what it has; what it should send is not known beforehand", address)
        return Listing((), error.message)
    if not found and found.whole:
        raise NetworkError("NET-RETRIEVE", f"{address} has no instance of {series_uid}", received=[], missing=[])
    return found


def _once(asked: _Asked, intake: Intake) -> tuple[Dataset, Dataset | None]:
    """Retrieve on one association; return the last response, and what came with it."""
    from pynetdicom import build_context, evt

    services = [build_context(uid) for uid in (*_GET.values(), *_MOVE.values())]
    storage = storage_contexts(asked.classes, room=128 - len(services))
    proposed, handlers = [*services, *storage], [(evt.EVT_C_STORE, intake.store)]
    with associated(asked.address, proposed, roles=storage_roles(storage), handlers=handlers) as association:
        accepted = association.accepted_contexts
        known = {str(c.abstract_syntax) for c in accepted}
        get, move = (_model(known, models) for models in (_GET, _MOVE))
        if get is not None and any(c.as_scp for c in accepted):
            return _responses(asked, intake, association, association.send_c_get(_wanted(asked, get), _GET[get]))
        if move is None or asked.listen is None:
            raise _nothing_offered(asked, move)
        with listening(asked.address, asked.listen, intake.store), watched(asked.address, association, intake):
            sent = association.send_c_move(_wanted(asked, move), asked.address.calling_aet, _MOVE[move])
            return _responses(asked, intake, association, sent)


def _model(accepted: set[str], models: Mapping[str, str]) -> str | None:
    return next((name for name, uid in models.items() if uid in accepted), None)


def _wanted(asked: _Asked, model: str) -> Dataset:
    """Identifier of the retrieval: unique keys alone (PS3.4 C.4.2.1.4)."""
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "IMAGE" if asked.only else "SERIES"
    identifier.StudyInstanceUID, identifier.SeriesInstanceUID = asked.study_uid, asked.series_uid
    if asked.only:
        identifier.SOPInstanceUID = asked.only
    if model == "PATIENT":
        keys = {"StudyInstanceUID": asked.study_uid, "SeriesInstanceUID": asked.series_uid}
        identifier.PatientID = next((s.patient_id for s in find_series(asked.address, keys)), "")
    return identifier


def _responses(
    asked: _Asked, intake: Intake, association: Any, responses: Iterable[tuple[Dataset, Dataset | None]]
) -> tuple[Dataset, Dataset | None]:
    """Go through the responses; give the last one."""
    for status, identifier in responses:
        intake.hear()
        if intake.error is not None:
            # The rest would come in vain.
            abort(association)
            break
        if "Status" not in status:
            raise Unanswered(
                "NET-RETRIEVE",
                f"{asked.address} fell silent while it sent {asked.series_uid}, after "
                f"{counted(len(intake.uids), 'instance')}",
                received=sorted(intake.uids),
                silent=True,
            )
        if status.Status not in _PENDING:
            return status, identifier
    return Dataset(), None


def _nothing_offered(asked: _Asked, move: str | None) -> NetworkError:
    if move is None:
        what = "offers neither C-GET of these SOP Classes nor C-MOVE"
    else:
        what = (
            "offers C-MOVE and no C-GET of these SOP Classes; give a port to listen at, at which the archive knows "
            f"{asked.address.calling_aet}"
        )
    return NetworkError("NET-RETRIEVE", f"{asked.address} {what}")


def _settle(asked: _Asked, intake: Intake, final: Dataset, failed: Sequence[str], expected: frozenset[str]) -> None:
    """Hold what came against what the archive says it has and sent; what is not whole is an error."""
    if intake.error is not None:
        raise intake.error
    came, address = intake.uids, asked.address
    if final.Status == _DESTINATION_UNKNOWN:
        raise NetworkError(
            "NET-DESTINATION", f"{address} does not know where {address.calling_aet} is; {_to_be_known(asked)}"
        )
    missing = sorted((expected | set(failed) | intake.refused.keys()) - came - intake.strangers)
    counts = {name: int(final.get(f"NumberOf{name}Suboperations") or 0) for name in ("Failed", "Warning", "Completed")}
    beyond = 0 if asked.only else counts["Completed"] + counts["Warning"] - len(came)
    absent = max(len(missing), counts["Failed"], beyond)
    if final.Status == 0x0000 and not absent and not counts["Warning"] and came:
        return
    facts = {"received": sorted(came), "missing": missing, "status": int(final.Status)}
    raise NetworkError(
        "NET-RETRIEVE", "; ".join(_words(asked, intake, final, absent, counts["Warning"], missing)), **facts
    )


def _words(
    asked: _Asked, intake: Intake, final: Dataset, absent: int, warned: int, missing: Sequence[str]
) -> Iterator[str]:
    came = len(intake.uids)
    if final.Status == 0x0000 and not (absent or warned):
        yield f"{asked.address} has no instance of {asked.series_uid}"
        return
    names = ", ".join(missing[:_NAMED]) + (f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else "")
    lacking = f"{absent or 'an unknown number'} did not" + (f" ({names})" if missing else "")
    yield f"{counted(came, 'instance')} of {asked.series_uid} came from {asked.address}, {lacking}"
    if warned:
        yield f"{warned} with a warning"
    if final.Status != 0x0000:
        yield f"it says {in_words(final)}"
    if intake.refused:
        yield f"not taken: {', '.join(sorted(set(intake.refused.values())))}"
    elif not came and asked.listen is not None:
        yield _to_be_known(asked)


def _to_be_known(asked: _Asked) -> str:
    aet = asked.address.calling_aet
    return f"if it sends by C-MOVE, it has to know the AE title {aet} at this host, port {asked.listen}"
