"""Stand-in for ``b2pandas_utils``: tables of other formats than ROOT."""

from b2grid.steering.standin.module import Module as _Module

_FORMATS = {
    "csv": ("csv",),
    "parquet": ("parquet", "pq"),
    "hdf5": ("h5", "hdf", "hdf5"),
    "feather": ("feather", "arrow"),
}


class VariablesToTable(_Module):
    """Write one row per candidate into a table; the file's ending says in which format."""

    stands_for = "VariablesToTable"

    def __init__(self, listname, variables, filename, hdf_table_name=None, event_buffer_size=100, **writer_kwargs):
        super().__init__()
        ending = filename.split(".")[-1]
        formats = [name for name, endings in _FORMATS.items() if ending in endings]
        if not formats:
            known = ", ".join(f".{one}" for endings in _FORMATS.values() for one in endings)
            raise ValueError(f"no kind of table has the ending .{ending}: give one of {known}")
        self.param(
            {
                "particleList": listname,
                "variables": variables,
                "fileName": filename,
                "format": formats[0],
                "hdf_table_name": hdf_table_name,
                "event_buffer_size": event_buffer_size,
                "writer_kwargs": writer_kwargs,
            }
        )


class VariablesToHDF5(VariablesToTable):
    """Write one row per candidate into an HDF5 table."""

    stands_for = "VariablesToTable"

    def __init__(self, listname, variables, filename, hdf_table_name=None):
        super().__init__(listname, variables, filename, hdf_table_name)
        if self.params["format"] != "hdf5":
            raise AssertionError(f"an HDF5 file ends with .h5, .hdf or .hdf5, and not as in {filename}")


_FLAGS = {
    "Correct": 0,
    "MissFSR": 1,
    "MissingResonance": 2,
    "DecayInFlight": 4,
    "MissNeutrino": 8,
    "MissGamma": 16,
    "MissMassiveParticle": 32,
    "MissKlong": 64,
    "MisID": 128,
    "AddedWrongParticle": 256,
    "InternalError": 512,
    "MissPHOTOS": 1024,
    "AddedRecoBremsPhoton": 2048,
}


def make_mcerrors_readable(dataframe, column="mcErrors"):
    """Split error flags into columns of truth values, such as ``mcErrors_MissFSR``."""
    if column not in dataframe:
        raise KeyError(f"Cannot find column '{column}'")
    errors = dataframe[column].astype(int)
    for flag, value in _FLAGS.items():
        dataframe[f"{column}_{flag}"] = (errors & value) == value if value else errors == 0
