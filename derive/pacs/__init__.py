"""To an archive and back: DIMSE, DICOMweb, or a folder, behind one protocol."""
