"""A small archive for trying out: it stores, finds, gives back and commits, on loopback."""

from derive.pacs.service.service import ArchiveService

__all__ = ["ArchiveService"]
