"""An archive that is spoken to by DIMSE (PS3.7, PS3.8): associations, C-STORE, C-FIND, C-GET and C-MOVE, commitment."""
