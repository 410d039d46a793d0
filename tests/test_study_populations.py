"""The population of a study file is what `pkpd.population` draws: blocks, published variability, covariates."""

from __future__ import annotations

import numpy as np
import pytest

import pkpd
from pkpd.errors import PkpdError
from pkpd.models import durvalumab_baverel_2018 as durvalumab

NAME = "durvalumab_baverel_2018"
HEAD = f'model = "{NAME}"\ntimes = [0, 7]\n[ensemble.sample]\nmembers = 40\nseed = 3\n'


def read(folder, text, head=HEAD):
    path = folder / "study.toml"
    path.write_text(head + text, encoding="utf-8")
    return pkpd.read_study(path)


def same(study, **how):
    wanted = pkpd.population(study.model, 40, 3, **how)
    assert set(study.ensemble.columns) == set(wanted.columns)
    for name in wanted.columns:
        assert np.array_equal(study.ensemble[name], wanted[name]), name


CASES = {
    "published = true": {"variability": durvalumab.variability},
    'published = true\nvariability = { Q = { kind = "lognormal", cv = 0.2 } }': {
        "variability": [durvalumab.variability, {"Q": pkpd.lognormal(cv=0.2)}]
    },
    'blocks = [{ parameters = ["CL", "V1"], correlations = [["CL", "V1", 0.5]] }]': {
        "variability": pkpd.block(["CL", "V1"], correlations={("CL", "V1"): 0.5})
    },
    'blocks = [{ parameters = ["CL", "V1"], covariance = [0.09, 0.03, 0.04] }]': {
        "variability": pkpd.block(["CL", "V1"], covariance=[0.09, 0.03, 0.04])
    },
    'variability = { V2 = { kind = "none" } }': {"variability": {"V2": None}},
    'variability = { CL = { kind = "boxcox", omega = 0.4, shape = -0.3 } }': {
        "variability": {"CL": pkpd.boxcox(omega=0.4, shape=-0.3)}
    },
    'covariates = { WT = { kind = "normal", mean = 75, sd = 15, within = [40, 120] } }': {
        "covariates": {"WT": pkpd.truncated(pkpd.normal(75, sd=15), 40, 120)}
    },
    'covariates = { WT = { kind = "categorical", values = [60, 80, 95], probabilities = [0.1, 0.7, 0.2] } }': {
        "covariates": {"WT": pkpd.categorical({60: 0.1, 80: 0.7, 95: 0.2})}
    },
    """[[ensemble.sample.covariate_blocks]]
    parameters.WT = { kind = "lognormal", median = 75, cv = 0.2 }
    parameters.ALB = { kind = "lognormal", median = 38, cv = 0.1 }
    correlations = [["WT", "ALB", 0.3]]""": {
        "covariates": pkpd.block(
            {"WT": pkpd.lognormal(75, cv=0.2), "ALB": pkpd.lognormal(38, cv=0.1)}, correlations={("WT", "ALB"): 0.3}
        )
    },
}


@pytest.mark.parametrize("text", CASES)
def test_a_file_says_what_python_says_and_loses_nothing(tmp_path, text):
    study = read(tmp_path, text)
    same(study, **CASES[text])
    in_python = pkpd.Study(study.model, times=[0, 7], sample=pkpd.Sample(40, 3, **CASES[text]))
    assert in_python.hash == study.hash
    again = pkpd.read_study(pkpd.write_study(in_python, tmp_path / "again.toml"))
    assert again.hash == study.hash
    same(again, **CASES[text])


def test_what_is_drawn_is_part_of_the_hash(tmp_path):
    assert len({read(tmp_path, text).hash for text in CASES}) == len(CASES)


def test_values_in_many_steps_are_written_to_the_bit(tmp_path):
    values = np.random.default_rng(1).normal(75, 15, 200)
    study = read(tmp_path, "")
    study = study.but(sample=pkpd.Sample(40, 3, covariates={"WT": pkpd.empirical(values)}))
    assert pkpd.read_study(pkpd.write_study(study, tmp_path / "again.toml")).hash == study.hash


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("published = 1", "published is 1; expected true or false"),
        ('variability = { CL = { kind = "lognorm" } }', "'logitnormal', 'probitnormal', 'boxcox', 'categorical'"),
        ('variability = { CL = { kind = "normal", cv = 1 } }', "a normal distribution has mean, sd; it was given cv."),
        ('blocks = [{ parameters = ["CL"], correlation = [] }]', "no key 'correlation'. Did you mean 'correlations'?"),
        ('blocks = [{ parameters = ["CL", "V1"], correlations = [["CL", "V1"]] }]', '["CL", "V1", 0.28]'),
        ('blocks = [{ parameters = ["CL", "V1"], correlations = [["CL", "V9", 0.2]] }]', "'V9'"),
        ('covariates = { WT = { kind = "categorical", values = [1], probabilities = [0.5, 0.5] } }', "1 values and 2"),
        ('covariates = { WT = { kind = "normal", mean = 1, sd = 1, within = [3] } }', "two numbers, the lower"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line(tmp_path, text, told):
    with pytest.raises(PkpdError) as refusal:
        read(tmp_path, text)
    assert told in str(refusal.value)
    assert str(refusal.value).startswith("study.toml, line 6: [ensemble.sample")


def test_nothing_is_published_of_a_model_in_the_file_or_without_any(tmp_path):
    with pytest.raises(PkpdError, match="pk_1cmt holds no variability"):
        read(tmp_path, "published = true", HEAD.replace(NAME, "pk_1cmt"))
    with pytest.raises(PkpdError, match="not one of the library by name"):
        read(tmp_path, 'published = true\n[model]\nname = "x"\nparts = ["pk_1cmt"]', HEAD.partition("\n")[2])


def test_an_axis_that_varies_in_the_sample_too_is_refused_with_the_cure(tmp_path):
    study = read(tmp_path, "[ensemble.axes]\nCL = [0.1, 0.2]\n")
    with pytest.raises(PkpdError, match=r"'CL' is an axis, and varies in the sample too.*CL = \{ kind = \"none\" \}"):
        _ = study.ensemble
    study = read(tmp_path, 'variability = { CL = { kind = "none" } }\n[ensemble.axes]\nCL = [0.1, 0.2]\n')
    assert study.members == 80
