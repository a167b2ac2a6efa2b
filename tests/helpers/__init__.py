"""What tests of several files share; fixtures stand in the ``conftest.py`` of the folder that uses them.

* ``archive_peers``: Series of several patients for query, retrieval and the small archive, and ways to store them.
* ``asserting``: Assertions that cannot pass for want of anything to assert.
* ``captures``: Pictures of every form that become Secondary Captures.
* ``changes``: Changes of valid series, each with the code of the one finding that it makes.
* ``conversions``: Volumes in other formats, and what nibabel, SimpleITK, dcm2niix and the validators say of them.
* ``convert_files``: Small volumes that are no DICOM, and what is read back of the series that they become.
* ``dimse_peers``: Archives that do as they are told, and connections that break on the way.
* ``exports``: What is exported, and what the libraries of each format read of it.
* ``foreign_files``: Files of other formats: written, cut short, and refused.
* ``inspections``: What is inspected, and that what is said fits its schema.
* ``instances``: Valid derived series of each class, made by hand, and the ways to spoil them.
* ``multi_frame``, ``multi_frame_macros``: Synthetic multi-frame images, and what scanners and converters do to them.
* ``peers``: What other people's tools say of a folder: dciodvfy, dcentvfy, SimpleITK.
* ``placements``: Grids in every orientation, and that two volumes have the same values at the same places.
* ``refusals``: Series that are refused: how they are changed, and what is asserted of the refusal.
* ``refused_conversions``: Conversions that are refused: input, patients that no message may name.
* ``servers``: Real archives on loopback: Orthanc with DICOMweb, and dcmtk's dcmqrscp and storescp.
* ``shown``: What is shown, and the panels of a drawn page.
* ``source_files``: Copies of real files, changed in one point, on the disk.
* ``sources``: Small synthetic source series of the three classes, in memory: valid, with what must not survive.
* ``tables``: The IODs that the tables of the standard have.
* ``verification``: Series on the disk that are verified, and the ways to change their files.
* ``volumes``: Synthetic volumes and geometries: random, reproducible, in any orientation.
* ``went_through``: Data sets and files as they are after de-identification, read back.
* ``web_services``: A DICOMweb service that says what it is told to, and goes wrong in every way.
"""
