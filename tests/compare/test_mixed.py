"""The mixed model, against what can be worked out by hand and against statsmodels."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from caml.compare import mixed_model
from caml.errors import InputError


def nested(
    n_cells: int = 6, n_clusters: int = 10, *, replicates: int = 1, crossed: bool = True,
    effect: float = 0.5, seed: int = 0, sd_cell: float = 0.7,
) -> pd.DataFrame:  # fmt: skip
    """Draw logarithms of areas of clusters in cells of two conditions."""
    generator = np.random.default_rng(seed)
    rows = []
    of_day = generator.normal(0, 0.6, 2 * replicates)
    for place, condition in enumerate("ab"):
        for cell in range(n_cells):
            day = cell % replicates + (0 if crossed else place * replicates)
            mean = effect * place + of_day[day] + generator.normal(0, sd_cell)
            name = f"day {day}" if replicates > 1 else ""
            rows += [
                (condition, name, f"cell {cell}", np.exp(mean + generator.normal()))
                for _ in range(n_clusters)
            ]
    return pd.DataFrame(rows, columns=["condition", "replicate", "cell", "area_nm2"])


def test_balanced_clusters_in_cells_are_an_analysis_of_variance() -> None:
    clusters = nested()
    row = mixed_model(clusters, "area_nm2", ["a", "b"]).iloc[0]
    logs = clusters.assign(y=np.log(clusters["area_nm2"]))
    means = logs.groupby(["condition", "cell"])["y"].mean().unstack("condition")
    # Of a balanced design the test of conditions is Student's of the cells' means.
    student = stats.ttest_ind(means["b"], means["a"])
    assert row["estimate"] == pytest.approx(np.exp(means["b"].mean() - means["a"].mean()))
    assert row["t"] == pytest.approx(float(student.statistic), rel=1e-4)
    assert row["p"] == pytest.approx(float(student.pvalue), rel=1e-3)
    assert row["df"] == 10
    low, high = student.confidence_interval(0.95)
    np.testing.assert_allclose(row[["ci_low", "ci_high"]].astype(float), np.exp([low, high]), 1e-4)
    # The variances are those of the mean squares.
    within = logs.groupby(["condition", "cell"])["y"].var().mean()
    between = means.var().mean()
    assert row["sd_cluster"] == pytest.approx(np.sqrt(within), rel=1e-4)
    assert row["sd_cell"] == pytest.approx(np.sqrt(between - within / 10), rel=1e-3)
    assert (row["scale"], row["n_cells_1"], row["n_clusters_2"]) == ("ratio", 6, 60)


@pytest.mark.parametrize("seed", range(3))
def test_unbalanced_clusters_are_fitted_as_statsmodels_does(seed: int) -> None:
    from statsmodels.regression.mixed_linear_model import MixedLM

    clusters = nested(seed=seed, sd_cell=1.5).sample(frac=0.6, random_state=seed)
    row = mixed_model(clusters, "area_nm2", ["a", "b"]).iloc[0]
    design = np.column_stack([clusters["condition"] == one for one in "ab"]).astype(float)
    groups = clusters["condition"] + clusters["cell"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # how statsmodels gets there is its own matter
        logs = np.log(clusters["area_nm2"].to_numpy())
        fit = MixedLM(logs, design, groups=groups.to_numpy()).fit()
    error = np.sqrt(np.square(fit.bse_fe).sum())
    assert np.log(row["estimate"]) == pytest.approx(fit.fe_params[1] - fit.fe_params[0], abs=1e-4)
    assert row["t"] == pytest.approx((fit.fe_params[1] - fit.fe_params[0]) / error, rel=5e-3)
    assert row["sd_cluster"] == pytest.approx(np.sqrt(fit.scale), rel=1e-3)


def test_replicates_are_fitted_as_statsmodels_does() -> None:
    from statsmodels.regression.mixed_linear_model import MixedLM

    clusters = nested(n_cells=9, n_clusters=6, replicates=3, seed=1, sd_cell=1.0)
    row = mixed_model(clusters, "area_nm2", ["a", "b"]).iloc[0]
    frame = clusters.assign(
        y=np.log(clusters["area_nm2"]), one=clusters["condition"] + clusters["cell"]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # how statsmodels gets there is its own matter
        fit = MixedLM.from_formula(
            "y ~ 0 + C(condition)", groups="replicate", re_formula="1",
            vc_formula={"one": "0 + C(one)"}, data=frame,
        ).fit()  # fmt: skip
    assert np.log(row["estimate"]) == pytest.approx(np.diff(fit.fe_params)[0], abs=1e-3)
    assert row["sd_cell"] == pytest.approx(np.sqrt(fit.vcomp[0]), rel=0.01)
    assert row["sd_replicate"] == pytest.approx(np.sqrt(fit.cov_re.iloc[0, 0]), rel=0.02)
    assert row["df"] == 18 - 4


def test_where_conditions_have_replicates_of_their_own_these_are_what_counts() -> None:
    clusters = nested(n_cells=9, n_clusters=10, replicates=3, crossed=False, seed=3)
    row = mixed_model(clusters, "area_nm2", ["a", "b"]).iloc[0]
    assert row["df"] == 6 - 2
    assert row["sd_replicate"] > 0
    assert row["sd_cell"] > 0
    means = np.log(clusters["area_nm2"]).groupby(
        [clusters["condition"], clusters["replicate"]]
    ).mean()  # fmt: skip
    student = stats.ttest_ind(means["b"], means["a"])
    assert row["t"] == pytest.approx(float(student.statistic), rel=1e-3)
    lone = clusters[clusters["replicate"].isin(["day 0", "day 3"])]
    row = mixed_model(lone, "area_nm2", ["a", "b"]).iloc[0]
    assert row["note"] == "too few replicates for a P"
    assert np.isnan(row["p"])


def test_p_is_uniform_where_conditions_do_not_differ() -> None:
    p = [
        mixed_model(nested(effect=0, seed=seed), "area_nm2", ["a", "b"])["p"].item()
        for seed in range(100)
    ]
    assert stats.kstest(p, "uniform").pvalue > 0.01


def test_shares_and_numbers_that_are_not_positive_are_not_logarithmic() -> None:
    clusters = nested().rename(columns={"area_nm2": "circularity"})
    assert mixed_model(clusters, "circularity", ["a", "b"])["scale"].item() == "difference"
    clusters = clusters.rename(columns={"circularity": "n_channel_0"})
    clusters.loc[0, "n_channel_0"] = 0
    assert mixed_model(clusters, "n_channel_0", ["a", "b"])["scale"].item() == "difference"


def test_what_cannot_be_told_is_said() -> None:
    clusters = nested()
    one_each = clusters.groupby(["condition", "cell"]).head(1)
    row = mixed_model(one_each, "area_nm2", ["a", "b"]).iloc[0]
    assert row["note"] == "clusters of one cell do not differ, or each cell has only one"
    few = clusters[(clusters["condition"] == "a") | (clusters["cell"] == "cell 0")]
    row = mixed_model(few, "area_nm2", ["a", "b"]).iloc[0]
    assert row["note"] == "fewer than two cells have clusters"
    assert np.isnan(row[["estimate", "p", "p_adjusted"]].astype(float)).all()
    # Values that repel within a cell: no cell has a mean of its own.
    even = clusters.assign(area_nm2=np.tile([1.0, 5.0], 60))
    row = mixed_model(even, "area_nm2", ["a", "b"]).iloc[0]
    assert row["note"] == "clusters of one cell are no more alike than those of several"
    assert row["sd_cell"] == 0
    with pytest.raises(InputError, match="holm or bonferroni"):
        mixed_model(clusters, "area_nm2", ["a", "b"], adjust="none")  # type: ignore[arg-type]
