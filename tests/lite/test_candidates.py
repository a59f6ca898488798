"""Modules that copy, change and make candidates, against loops over the same lists."""

from __future__ import annotations

from textwrap import dedent

import numpy as np


def write(name: str, *columns: str, tree: str = "") -> str:
    """A line of a steering that writes columns of a list; the tree is called like the list's label."""
    tree = tree or name.partition(":")[2]
    return f"ma.variablesToNtuple({name!r}, {list(columns)!r}, treename={tree!r}, path=main)\n"


def rows(tree, *columns):
    """Rows of a tree, as tuples."""
    return list(zip(*(tree[column].tolist() for column in columns), strict=True))


# ---- mergeListsWithBestDuplicate


def test_the_best_of_equal_candidates_is_kept_whatever_the_flavour_of_the_mother(real_data, lite):
    """The same pairs as D0 and as anti-D0, with values of opposite sign: of both the positive one stays."""
    body = """
        ma.fillParticleLists([('K-:x', ''), ('pi+:x', '')], path=main)
        ma.reconstructDecay('D0:a -> K-:x pi+:x', '1.7 < M < 2', path=main)
        ma.reconstructDecay('anti-D0:b -> K-:x pi+:x', '1.7 < M < 2', path=main)
        ma.variablesToExtraInfo('D0:a', {'daughter(0, cosTheta)': 'v'}, path=main)
        ma.variablesToExtraInfo('anti-D0:b', {'formula(0 - daughter(0, cosTheta))': 'v'}, path=main)
        inputs = ['D0:a', 'anti-D0:b']
        ma.mergeListsWithBestDuplicate('D0:best', inputs, 'extraInfo(v)', preferLowest=False,
                                       ignoreMotherFlavor=True, path=main)
        ma.mergeListsWithBestDuplicate('D0:each', inputs, 'extraInfo(v)', preferLowest=False, path=main)
    """
    columns = ["daughter(0, PDG)", "daughter(0, mdstIndex)", "daughter(1, mdstIndex)"]
    tail = "".join(write(f"D0:{name}", "PDG", "extraInfo(v)", *columns) for name in ("a", "best", "each"))
    trees = lite(dedent(body) + tail, real_data / "mdst.root").trees
    best, each = trees["best"], trees["each"]
    assert sorted(rows(best, "__event__", *columns)) == sorted(rows(trees["a"], "__event__", *columns))
    assert (best["extraInfo(v)"] > 0).all()
    assert set(best["PDG"]) == {421, -421}
    assert len(each["PDG"]) == 2 * len(best["PDG"]) > 20
    # filled with the highest first, and read face by face
    for face in (421, -421):
        face_rows = each["PDG"] == face
        events, steps = each["__event__"][face_rows], np.diff(each["extraInfo(v)"][face_rows])
        assert (steps[events[1:] == events[:-1]] <= 0).all()
