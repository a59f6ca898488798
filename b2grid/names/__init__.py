"""Names that come from outside, checked once where they enter: projects, files, datasets, collections, tags, skims.

Each is a value: made from text, printed back as the same text. What a name may be follows gbasf2 and DIRAC.

>>> path = DatasetPath.parse(
...     "/belle/MC/release-04-00-03/DB00000757/MC13a/prod00009437/s00/e1003/4S/r00000/ccbar/mdst"
... )
>>> path.campaign, path.experiment, path.event_type, path.level
('MC13a', 1003, 'ccbar', 'mdst')
"""

from __future__ import annotations

from b2grid.names.labels import MAX_PROJECT_NAME, GlobalTag, ProjectName
from b2grid.names.parts import is_grid_path
from b2grid.names.paths import COLLECTION_PREFIX, LFN, CollectionPath, DatasetPath, split_lfn
from b2grid.names.skims import Skim, skims

__all__ = [
    "COLLECTION_PREFIX",
    "LFN",
    "MAX_PROJECT_NAME",
    "CollectionPath",
    "DatasetPath",
    "GlobalTag",
    "ProjectName",
    "Skim",
    "is_grid_path",
    "skims",
    "split_lfn",
]
