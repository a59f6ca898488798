"""Dividing files into jobs."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from b2grid.planning.grouping import PlanLimits, consecutive, fullest, largest_that_works, levels
from b2grid.planning.ordering import codes, sorted_order
from b2grid.planning.packing import pack
from b2grid.planning.scouting import spread

LIMIT = PlanLimits().input_bytes
GB = 1024**3


def first_fit_decreasing(sizes: np.ndarray, room: int) -> int:
    """Count the jobs of the textbook's algorithm, one file after the other."""
    left = np.full(len(sizes), room)
    used = 0
    for size in np.sort(sizes)[::-1]:
        job = int(np.argmax(left[: used + 1] >= size))
        left[job] -= size
        used = max(used, job + 1)
    return used


@pytest.mark.parametrize("count", [30, 500, 3000])
@pytest.mark.parametrize("kind", ["mdst", "wide", "large", "small"])
def test_packing_needs_no_more_jobs_than_first_fit_decreasing(kind: str, count: int) -> None:
    rng = np.random.default_rng(count)
    drawn = {
        "mdst": rng.normal(1.7, 0.2, count).clip(0.1, 4),
        "wide": rng.uniform(0.1, 3, count),
        "large": rng.uniform(2.6, 3, count),
        "small": rng.exponential(0.2, count).clip(0.01, 3),
    }[kind]
    sizes = (drawn * GB).astype(np.int64)
    jobs = pack(sizes, np.array([len(sizes)]), LIMIT)
    assert np.bincount(jobs, weights=sizes).max() <= LIMIT
    assert jobs.max() + 1 <= first_fit_decreasing(sizes, LIMIT)


def test_a_hundred_thousand_files_are_packed_near_the_lower_bound() -> None:
    sizes = (np.random.default_rng(1).uniform(0.1, 3, 100_000) * GB).astype(np.int64)
    jobs = pack(sizes, np.array([len(sizes)]), LIMIT)
    filled = np.bincount(jobs, weights=sizes)
    assert filled.max() <= LIMIT
    assert filled.min() > 0
    assert len(filled) <= 1.005 * sizes.sum() / LIMIT


def test_files_of_similar_size_need_fewer_jobs_than_when_they_are_fitted() -> None:
    sizes = (np.random.default_rng(1).normal(1.7, 0.2, 2000).clip(0.1, 4) * GB).astype(np.int64)
    jobs = pack(sizes, np.array([2000]), LIMIT)
    assert jobs.max() + 1 < 0.97 * first_fit_decreasing(sizes, LIMIT)


def test_many_groups_are_packed_as_each_of_them_is() -> None:
    rng = np.random.default_rng(1)
    lengths = rng.integers(1, 60, 300)
    sizes = (rng.uniform(0.1, 3, lengths.sum()) * GB).astype(np.int64)
    jobs = pack(sizes, lengths, LIMIT)
    groups = np.repeat(np.arange(len(lengths)), lengths)
    assert len(np.unique(jobs)) == jobs.max() + 1 == len(np.unique(groups * len(jobs) + jobs))
    alone = [pack(part, np.array([len(part)]), LIMIT) for part in np.split(sizes, np.cumsum(lengths)[:-1])]
    assert sum(part.max() + 1 for part in alone) == jobs.max() + 1


def test_jobs_are_even() -> None:
    jobs = pack(np.full(9, 100), np.array([9]), 400)
    assert np.bincount(jobs).tolist() == [3, 3, 3]
    jobs = pack(np.full(1001, 1), np.array([1001]), 1000)
    assert sorted(np.bincount(jobs)) == [500, 501]


def test_equal_files_fill_jobs_exactly() -> None:
    jobs = pack(np.full(100_000, LIMIT // 4), np.array([100_000]), LIMIT)
    assert set(np.bincount(jobs)) == {4}


def test_a_file_takes_the_largest_of_its_shares() -> None:
    limits = PlanLimits(input_bytes=1000, walltime=100.0, files=10)
    filled = levels(np.array([500, 10, 10, 10]), np.array([10.0, 25.0, 0.0, 400.0]), 100.0, limits)
    assert filled.tolist() == [5000, 2500, 1000, 10_000]
    assert limits.room == 10_000


def test_no_time_left_after_the_set_up_gives_one_file_per_job() -> None:
    filled = levels(np.array([1, 1]), np.array([1.0, 0.0]), -5.0, PlanLimits(input_bytes=1000, files=100))
    assert filled.tolist() == [100_000, 1000]


def test_consecutive_files_never_cross_groups() -> None:
    assert consecutive(np.array([5, 1, 4]), 2).tolist() == [0, 0, 1, 1, 2, 3, 4, 4, 5, 5]


def test_the_largest_number_that_works_is_found() -> None:
    sizes, lengths = np.array([3, 3, 3, 3, 1, 1, 1, 1]), np.array([4, 4])
    assert largest_that_works(sizes, lengths, 6, 100) == 2
    assert largest_that_works(sizes, lengths, 12, 100) == 100
    assert largest_that_works(sizes, lengths, 11, 100) == 3
    assert largest_that_works(sizes, lengths, 12, 3) == 3
    assert largest_that_works(sizes, lengths, 5, 100) == 1


@pytest.mark.parametrize("seed", range(20))
def test_the_largest_number_that_works_is_that_of_trying_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 30, 5)
    sizes = rng.integers(1, 10, lengths.sum())
    limit = int(rng.integers(10, 60))
    works = [count for count in range(1, 41) if fullest(sizes, lengths, count) <= limit]
    assert largest_that_works(sizes, lengths, limit, 40) == works[-1]
    assert all(
        fullest(sizes, lengths, count) == np.bincount(consecutive(lengths, count), weights=sizes).max()
        for count in range(1, 41)
    )


def test_scouts_see_every_sample_before_a_second_global_tag() -> None:
    groups = np.repeat(np.arange(4), [10, 10, 10, 1])
    samples = np.repeat([0, 0, 0, 1], [10, 10, 10, 1])
    assert groups[spread(groups, samples, 2)].tolist() == [0, 3]
    assert groups[spread(groups, samples, 4)].tolist() == [0, 1, 2, 3]
    assert len(spread(groups, samples, 99)) == 31
    assert len(spread(groups, samples, 0)) == 0


@pytest.mark.parametrize("many", [10, 3000])
@pytest.mark.parametrize("alphabet", ["ab/_1", "aäß/\U0001f600"])
def test_paths_are_sorted_by_their_bytes(many: int, alphabet: str) -> None:
    rng = np.random.default_rng(many)
    texts = ["/belle/" + "".join(rng.choice(list(alphabet), rng.integers(1, 20))) for _ in range(many)]
    array = pa.array(texts)
    assert array.take(sorted_order(array)).to_pylist() == sorted(texts, key=str.encode)
    assert array.slice(3).take(sorted_order(array.slice(3))).to_pylist() == sorted(texts[3:], key=str.encode)
    assert array.take(pc.sort_indices(array)).to_pylist() == array.take(sorted_order(array)).to_pylist()


@pytest.mark.parametrize("texts", [["a\0", "a"], ["b", "b\0a", "b\0"], ["é", "e" * 9, ""]])
def test_texts_that_padding_would_confuse_are_sorted_all_the_same(texts: list[str]) -> None:
    array = pa.array([*texts, *(f"{number:09d}" for number in range(2000, 0, -1))])
    assert array.take(sorted_order(array)).to_pylist() == sorted(array.to_pylist(), key=str.encode)


def test_codes_sort_as_the_texts() -> None:
    numbers, texts = codes(pa.chunked_array([["b", "a"], ["c", "a"]]))
    assert [texts[number] for number in numbers] == ["b", "a", "c", "a"]
    assert texts == sorted(texts)
