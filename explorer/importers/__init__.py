"""Direction files of other programs, read as control sets: one file a format, found by its ``IMPORTER``."""
