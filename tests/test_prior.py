"""The share of the clustered: estimated, chosen, and what it does to labels."""

import numpy as np
import pytest
from scipy.special import expit

import caml
from caml.classify import classified, labels
from caml.errors import DataWarning, InputError
from caml.models import load_model
from caml.prior import (
    check_prior,
    choose_prior,
    clustered_share,
    score_histogram,
    threshold_under,
)
from caml.simulate import Scenario, simulate


def calibrated(share: float, n: int, seed: int) -> np.ndarray:
    """Draw log odds of two normal kinds, whose difference 2·4·x/4 is the odds themselves."""
    generator = np.random.default_rng(seed)
    is_clustered = generator.random(n) < share
    return expit(generator.normal(np.where(is_clustered, 2, -2), 2)).astype(np.float32)


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.9])
def test_the_share_that_was_mixed_is_found(share: float) -> None:
    # Four standard errors of 40,000 localizations that overlap.
    assert clustered_share(score_histogram(calibrated(share, 40_000, 1))) == pytest.approx(
        share, abs=0.015
    )


def test_the_share_is_that_of_the_largest_likelihood() -> None:
    score = calibrated(0.3, 500, 2).astype(float)
    shares = np.linspace(0.001, 0.999, 999)
    likelihood = [np.log(p * score + (1 - p) * (1 - score)).sum() for p in shares]
    found = clustered_share(score_histogram(score))
    assert found == pytest.approx(shares[int(np.argmax(likelihood))], abs=0.002)


def test_all_of_one_kind() -> None:
    assert clustered_share(score_histogram(np.full(100, 0.01))) < 2e-6
    assert clustered_share(score_histogram(np.full(100, 0.99))) > 1 - 2e-6
    assert clustered_share(score_histogram(np.array([]))) == 0.5
    assert clustered_share(score_histogram(np.array([np.nan, np.nan]))) == 0.5


def test_counts_add_up_whatever_the_division() -> None:
    score = calibrated(0.3, 3_000, 3)
    score[:7] = [0, 1, np.nan, 0.5, 1e-9, 1 - 1e-7, 0.5]
    whole = score_histogram(score)
    parts = score_histogram(score[:1_234]) + score_histogram(score[1_234:])
    np.testing.assert_array_equal(whole, parts)
    assert whole.sum() == 2_999
    assert score_histogram(np.array([0.5])).argmax() == 2_048


@pytest.mark.parametrize("prior", [0.01, 0.2, 0.5, 0.97])
@pytest.mark.parametrize("threshold", [0.1, 0.5, 0.8])
def test_the_threshold_is_bayes_rule(prior: float, threshold: float) -> None:
    score = threshold_under(threshold, prior)
    # The odds of balanced training, times those of the prior.
    odds = score / (1 - score) * prior / (1 - prior)
    assert odds / (1 + odds) == pytest.approx(threshold)


def test_what_is_chosen() -> None:
    few, many = (score_histogram(calibrated(share, 20_000, 4)) for share in (0.004, 0.3))
    estimates = clustered_share(few), clustered_share(many)
    assert choose_prior("balanced", few, 0.02) == 0.5
    assert choose_prior(0.1, few, 0.02) == 0.1
    assert choose_prior("image", many, 0.02) == estimates[1]
    assert choose_prior("auto", many, 0.02) == 0.5
    assert choose_prior("auto", few, 0.02) == estimates[0] < 0.02
    assert choose_prior("auto", few, 0.0001) == 0.5
    # Chance is no reason to call more clustered than balanced labels do.
    most = score_histogram(calibrated(0.8, 20_000, 5))
    assert choose_prior("auto", most, 0.9) == 0.5


@pytest.mark.parametrize("prior", [0, 1, -0.5, float("nan"), 2, "most"])
def test_what_is_no_share_is_refused(prior: float | str) -> None:
    with pytest.raises(InputError, match="prior must be"):
        check_prior(prior)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="prior must be"):
        caml.classify(np.zeros((3, 2)), prior=prior)  # type: ignore[arg-type]


def test_networks_of_several_labels_are_left_alone() -> None:
    score = np.array([[0.2, 0.5, 0.3], [0.6, 0.2, 0.2]])
    found = classified(score, load_model().card, threshold=0.5, prior="auto")
    assert found.label.tolist() == [1, 0]
    assert found.prior == 0.5


def test_chance_is_not_called_clustered_and_clusters_still_are() -> None:
    random = simulate(Scenario(density=60, percent_clustered=0, field_um=30), seed=1).localizations
    with pytest.warns(DataWarning, match="such as chance gives where nothing is clustered"):
        found = caml.classify(random)
    assert found.prior < 0.02
    assert (found.label > 0).mean() < 0.01
    paper = caml.classify(random, prior="balanced")
    assert (paper.label > 0).mean() > 0.02
    np.testing.assert_array_equal(paper.score, found.score)
    cell = simulate(Scenario(density=60, percent_clustered=30, radius_nm=30, field_um=30), seed=1)
    found = caml.classify(cell.localizations)
    assert found.prior == 0.5
    np.testing.assert_array_equal(found.label, labels(found.score, 0.5))
    estimated = caml.classify(cell.localizations, prior="image")
    assert estimated.prior == pytest.approx(0.3, abs=0.08)
    assert (estimated.label > 0).sum() < (found.label > 0).sum()


def test_the_share_of_a_part() -> None:
    cell = simulate(Scenario(density=60, percent_clustered=30, radius_nm=30, field_um=30), seed=1)
    every = caml.classify(cell.localizations, prior="image")
    clustered = cell.true_label > 0
    part = caml.classify(cell.localizations, prior="image", among=clustered)
    np.testing.assert_array_equal(part.score, every.score)
    assert part.prior > 0.9 > every.prior
