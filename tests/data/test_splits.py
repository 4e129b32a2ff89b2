"""Splits: parts that share no row and miss none, and labels that are really hidden."""

import numpy as np
import pytest
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from gan_ext.data import LabeledFold, SemiSupervisedSplit, matching_rows, semi_supervised_split
from gan_ext.estimators import LabeledOnly

Y = np.repeat([0, 1, 2], [40, 50, 60])[np.random.RandomState(0).permutation(150)]


def assert_whole(split: SemiSupervisedSplit, n: int) -> None:
    """Assert that every row is in exactly one part, and that parts are sorted."""
    rows = np.concatenate(split)
    assert np.array_equal(np.sort(rows), np.arange(n))
    for part in split:
        assert np.array_equal(part, np.sort(part))


@pytest.mark.parametrize("balanced", [True, False])
@pytest.mark.parametrize("labeled", [3, 30, 60])
@pytest.mark.parametrize(("validation", "test"), [(0, 0), (0, 20), (15, 0), (10, 20)])
def test_no_row_is_in_two_parts_and_none_is_missing(balanced: bool, labeled: int, validation: int, test: int) -> None:
    for seed in range(30):
        split = semi_supervised_split(
            Y, labeled, balanced=balanced, n_validation=validation, n_test=test, random_state=seed
        )
        assert_whole(split, len(Y))
        assert [len(part) for part in split] == [labeled, 150 - labeled - validation - test, validation, test]
        assert set(Y[split.labeled]) == {0, 1, 2}
        if balanced:
            assert np.bincount(Y[split.labeled]).tolist() == [labeled // 3] * 3


def test_all_rows_may_be_labeled() -> None:
    split = semi_supervised_split(Y, 130, balanced=False, n_test=20, random_state=0)
    assert_whole(split, 150)
    assert len(split.unlabeled) == 0


@pytest.mark.parametrize("balanced", [True, False])
def test_test_and_validation_rows_do_not_depend_on_the_labels_shown(balanced: bool) -> None:
    settings = {"n_validation": 10, "n_test": 20, "random_state": 7}
    splits = [semi_supervised_split(Y, number, balanced=balanced, **settings) for number in (3, 30, 60)]
    other = semi_supervised_split(Y, 30, balanced=not balanced, **settings)
    for split in [*splits[1:], other]:
        assert np.array_equal(split.test, splits[0].test)
        assert np.array_equal(split.validation, splits[0].validation)


def test_test_rows_do_not_depend_on_the_labels_themselves() -> None:
    """Test rows are chosen without a look at y."""
    split = semi_supervised_split(Y, 3, n_test=20, random_state=7)
    other = semi_supervised_split(2 - Y, 3, n_test=20, random_state=7)
    assert np.array_equal(split.test, other.test)


def test_more_labels_keep_the_fewer() -> None:
    for balanced in (True, False):
        few, many = (semi_supervised_split(Y, n, balanced=balanced, random_state=5) for n in (3, 30))
        assert set(few.labeled) <= set(many.labeled)


def test_a_seed_is_a_split() -> None:
    def split(seed: int) -> list[list[int]]:
        return [part.tolist() for part in semi_supervised_split(Y, 30, n_test=20, n_validation=9, random_state=seed)]

    assert split(1) == split(1)
    assert split(1) != split(2)


def test_the_callers_random_state_is_kept() -> None:
    np.random.seed(1)
    before = np.random.get_state()[1].tolist()
    semi_supervised_split(Y, 3, random_state=0)
    assert np.random.get_state()[1].tolist() == before


def test_unbalanced_draws_follow_the_classes() -> None:
    y = np.repeat([0, 1], [900, 100])
    shares = [np.mean(y[semi_supervised_split(y, 100, balanced=False, random_state=s).labeled]) for s in range(40)]
    assert np.mean(shares) == pytest.approx(0.1, abs=0.02)


# --- what fit is given ------------------------------------------------------------------------------------------------

LABELS = {
    "int64": Y,
    "int8": Y.astype(np.int8),
    "uint8": Y.astype(np.uint8),
    "text": np.array(["cat", "dog", "emu"])[Y],
    "object": np.array(["cat", "dog", "emu"], dtype=object)[Y],
    "list": Y.tolist(),
}


@pytest.mark.parametrize("kind", LABELS)
def test_exactly_the_unlabeled_rows_lose_their_label(kind: str) -> None:
    labels = LABELS[kind]
    x = np.arange(150.0)[:, None] * [1, 2]
    split = semi_supervised_split(labels, 30, n_validation=10, n_test=20, random_state=3)
    before = list(labels)
    data, shown = split.training_data(x, labels)
    rows = data[:, 0].astype(int)
    assert np.array_equal(rows, np.concatenate([split.labeled, split.unlabeled]))
    for row, label in zip(rows, shown, strict=True):
        assert label == (labels[row] if row in split.labeled else -1)
    assert sum(label == -1 for label in shown) == len(split.unlabeled) == 90
    assert list(labels) == before, "the true labels are left as they were"
    assert shown.dtype.kind in ("O" if kind in ("text", "object") else "i")


def test_no_label_can_be_text() -> None:
    labels = LABELS["text"]
    split = semi_supervised_split(labels, 30, random_state=3)
    _, shown = split.training_data(np.zeros((150, 1)), labels, unlabeled="unknown")
    assert set(shown[30:]) == {"unknown"}
    assert set(shown[:30]) == {"cat", "dog", "emu"}


def test_test_and_validation_rows_never_reach_fit() -> None:
    for seed in range(20):
        split = semi_supervised_split(Y, 30, n_validation=25, n_test=25, random_state=seed)
        data, _ = split.training_data(np.arange(150), Y)
        assert not set(data) & set(split.test)
        assert not set(data) & set(split.validation)


# --- what cannot be split ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"n_labeled": 0}, r"n_labeled=0 must not be zero"),
        ({"n_labeled": -3}, r"n_labeled=-3 must not be negative"),
        ({"n_labeled": 3, "n_test": -1}, r"n_test=-1 must not be negative"),
        ({"n_labeled": 3, "n_validation": -1}, r"n_validation=-1 must not be negative"),
        ({"n_labeled": 3, "n_test": 140, "n_validation": 8}, r"need more rows than the 150 there are"),
        ({"n_labeled": 31}, r"n_labeled=31 must be a multiple of 3, the number of classes"),
        ({"n_labeled": 2, "balanced": False}, r"n_labeled=2 must be at least 3, the number of classes"),
        ({"n_labeled": 123}, r"Class 0 has 40 rows left to label, 41 are needed"),
    ],
)
def test_impossible_splits_are_refused(settings: dict[str, int], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        semi_supervised_split(Y, random_state=0, **settings)


def test_labels_have_one_dimension() -> None:
    with pytest.raises(ValueError, match=r"one dimension, got shape \(75, 2\)"):
        semi_supervised_split(Y.reshape(75, 2), 3)


def test_the_pool_is_all_that_is_trained_on_and_tensors_are_its_parts() -> None:
    x, test = np.arange(150.0)[:, None], (np.zeros((4, 1)), np.arange(4))
    split = semi_supervised_split(Y, 6, n_validation=10, random_state=0)
    assert split.pool.tolist() == sorted({*split.labeled, *split.unlabeled})
    parts = split.tensors(x, Y, *test)
    assert parts.labeled[:, 0].tolist() == split.labeled.tolist()
    assert parts.classes.tolist() == Y[split.labeled].tolist()
    assert parts.pool[:, 0].tolist() == split.pool.tolist()
    assert parts.held_out[:, 0].tolist() == split.validation.tolist()
    assert parts.truth.tolist() == Y[split.validation].tolist()
    parts = semi_supervised_split(Y, 6, random_state=0).tensors(x, Y, *test)
    assert len(parts.pool) == 150
    assert parts.truth.tolist() == [0, 1, 2, 3]


def test_rows_that_match_labels_are_drawn_once_while_there_are_enough() -> None:
    y, like = np.array(["a", "b", "b", "c", "c", "c"]), np.array(["c", "b", "c", "b", "c"])
    rows = matching_rows(y, like, random_state=0)
    assert y[rows].tolist() == like.tolist()
    assert len(set(rows.tolist())) == 5
    assert matching_rows(y, like, random_state=0).tolist() == rows.tolist()
    assert matching_rows(y, ["a", "a"], random_state=0).tolist() == [0, 0]
    with pytest.raises(ValueError, match="No row of y has the label 'd'"):
        matching_rows(y, ["d"])


@pytest.mark.parametrize("balanced", [True, False])
def test_rows_that_have_no_label_stay_unlabeled(balanced: bool) -> None:
    bare = np.arange(150) % 3 == 0
    y = np.where(bare, -1, Y)
    split = semi_supervised_split(y, 30, balanced=balanced, n_validation=10, n_test=20, random_state=0)
    assert_whole(split, 150)
    assert set(np.flatnonzero(bare)) <= set(split.unlabeled)
    assert set(y[split.labeled]) == {0, 1, 2}
    for missing in (
        np.where(bare, np.nan, Y),
        [None if none else int(name) for none, name in zip(bare, Y, strict=True)],
    ):
        same = semi_supervised_split(missing, 30, balanced=balanced, n_validation=10, n_test=20, random_state=0)
        assert all(np.array_equal(one, other) for one, other in zip(same, split, strict=True))
        _, shown = same.training_data(np.zeros((150, 1)), missing)
        assert shown.dtype == np.int64
        assert shown.tolist() == split.training_data(np.zeros((150, 1)), y)[1].tolist()
    with pytest.raises(ValueError, match="need more rows than the 100 there are with a label"):
        semi_supervised_split(y, 90, n_test=20)
    assert set(y[semi_supervised_split(y, 40, unlabeled=None, random_state=0).labeled]) == {-1, 0, 1, 2}


def test_labeled_folds_test_on_labeled_rows_alone_and_train_on_all_others() -> None:
    y = np.where(np.arange(150) % 2 == 0, -1, Y)
    parts = list(LabeledFold(5).split(np.zeros((150, 1)), y))
    assert LabeledFold(5).get_n_splits() == len(parts) == 5
    assert sorted(row for _, test in parts for row in test) == np.flatnonzero(y != -1).tolist()
    for train, test in parts:
        assert np.array_equal(np.sort(np.concatenate([train, test])), np.arange(150))
        assert set(y[test]) == {0, 1, 2}
    hidden = [None if label == -1 else "abc"[label] for label in y.tolist()]
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(parts, LabeledFold(5).split(None, hidden), strict=True))
    orders = [next(iter(LabeledFold(5, shuffle=True, random_state=seed).split(None, y)))[1] for seed in (0, 0, 1)]
    assert np.array_equal(orders[0], orders[1])
    assert not np.array_equal(orders[0], orders[2])
    with pytest.raises(ValueError, match="n_splits=5 needs as many labeled rows of each class, and class 1 has 2"):
        next(LabeledFold(5).split(None, [0] * 9 + [1, 1, -1]))
    with pytest.raises(ValueError, match="and there are 0"):
        next(LabeledFold(5).split(None, [-1] * 9))


def test_scikit_learn_takes_labeled_folds() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(90, 2)) + 4 * np.repeat([0, 1, 2], 30)[:, None], np.repeat([0, 1, 2], 30)
    y[np.arange(90) % 3 > 0] = -1
    scores = cross_val_score(LabeledOnly(KNeighborsClassifier(3)), X, y, cv=LabeledFold(5), error_score="raise")
    assert scores.mean() > 0.9
