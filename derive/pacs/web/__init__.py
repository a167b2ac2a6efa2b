"""An archive that is spoken to by DICOMweb (PS3.18): STOW-RS, QIDO-RS and WADO-RS."""
