"""Stand-in for ``mdst``: files of events."""

from b2grid.steering.standin.build import step as _step


def add_mdst_output(path, mc=True, filename="mdst.root", additionalBranches=(), dataDescription=None):
    """Write mDST."""
    return _step(
        path,
        "RootOutput",
        outputFileName=filename,
        branchNames=list(additionalBranches),
        additionalDataDescription={"dataLevel": "mdst", **(dataDescription or {})},
    )


def add_mdst_dump(path, print_untested=False, print_mutable=True):
    """Print mDST as text."""
    from b2grid.steering.standin.opaque import opaque_step

    opaque_step("mdst.add_mdst_dump", [path], {})
