"""Stand-in for ``b2pandas_utils``: tables of other formats than ROOT."""

from b2grid.steering.standin.path import Module as _Module


class VariablesToTable(_Module):
    """Write values into a table; runs in basf2 only."""

    def __init__(self, listname, variables, filename, hdf_table_name=None, event_buffer_size=100, **writer_kwargs):
        super().__init__()
        self.param(
            {
                "particleList": listname,
                "variables": variables,
                "fileName": filename,
                "hdf_table_name": hdf_table_name,
                "event_buffer_size": event_buffer_size,
                **writer_kwargs,
            }
        )


class VariablesToHDF5(VariablesToTable):
    """Write values into an HDF5 table; runs in basf2 only."""

    def __init__(self, listname, variables, filename, hdf_table_name=None):
        super().__init__(listname, variables, filename, hdf_table_name)


def make_mcerrors_readable(dataframe, column="mcErrors"):
    """Split error flags into columns."""
    for bit in range(10):
        dataframe[f"{column}_{1 << bit}"] = (dataframe[column].astype(int) >> bit) & 1
