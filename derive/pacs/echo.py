"""Ask an archive whether it is there."""

from __future__ import annotations

import time

from derive.errors import NetworkError
from derive.pacs.address import DimseAddress, WebAddress
from derive.pacs.config import Destination
from derive.pacs.dimse import association
from derive.pacs.web import query as web_query


def echo(destination: Destination) -> float:
    """Return after how many seconds an archive answered: C-ECHO, or a query that wants nothing.

    Raises
    ------
    NetworkError
        If it does not.
    """
    address = destination.address
    if isinstance(address, DimseAddress):
        return association.echo(address)
    if isinstance(address, WebAddress):
        begin = time.perf_counter()
        web_query.ping(address)
        return time.perf_counter() - begin
    if address.path.is_dir():
        return 0.0
    raise NetworkError("NET-FOLDER", f"{address} is no folder")
