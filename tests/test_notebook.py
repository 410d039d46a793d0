"""What a notebook shows: tables, escaped."""

from __future__ import annotations

import pandas as pd
import pytest

import pkpd
from pkpd.notebook import shown, text_block


@pytest.fixture(scope="module")
def fit() -> pkpd.Fit:
    rows = {"arm": ["<a>"] * 4, "time": [1, 2, 4, 8], "output": ["C"] * 4, "value": [2.3, 1.8, 1.0, 0.4]}
    data = pkpd.read_observations(pd.DataFrame(rows), {"<a>": pkpd.bolus("10 mg", "iv")})
    return pkpd.fit(pkpd.load("pk_1cmt"), data, ["CL"], error=pkpd.proportional_error(0.2))


def test_a_model_shows_its_equations_and_parameters() -> None:
    html = pkpd.load("pk_1cmt")._repr_html_()
    assert "One compartment with linear elimination" in html
    assert r"\begin{aligned}" in html
    assert "<th>CL</th>" in html
    assert "<td>L/day</td>" in html


def test_a_regimen_and_an_ensemble_show_what_they_hold() -> None:
    html = pkpd.bolus("10 mg", "iv", every=7, n=3)._repr_html_()
    assert "Regimen of 3 doses" in html
    assert html.count("<tr>") == 3
    html = pkpd.grid(CL=[0.1, 0.2, 0.4])._repr_html_()
    for cell in ("<th>CL</th>", "<td>0.1</td>", "<td>0.2</td>", "<td>0.4</td>"):
        assert cell in html


def test_observations_and_a_fit_show_tables_with_names_escaped(fit: pkpd.Fit) -> None:
    html = fit.data._repr_html_()
    assert "&lt;a&gt;" in html
    assert "<a>" not in html
    html = fit._repr_html_()
    assert "<th>CL</th>" in html
    assert "<summary>Report</summary>" in html
    assert "<a>" not in html


def test_a_page_is_markdown_and_a_reproduction_compares() -> None:
    assert pkpd.page("pk_1cmt")._repr_markdown_() == pkpd.page("pk_1cmt").markdown()
    html = pkpd.reproduce("growth_gompertz")._repr_html_()
    assert "<th>published</th>" in html
    assert "<td>yes</td>" in html


def test_titles_and_text_are_escaped() -> None:
    assert shown("<b>") == "<p><b>&lt;b&gt;</b></p>"
    assert "&lt;i&gt;" in text_block("more", "<i>")


def test_a_table_of_a_result_leaves_out_what_is_constant() -> None:
    run = pkpd.simulate(pkpd.load("pk_2cmt"), times=[0, 1], parameters={"CL": [0.1, 0.2]}, outputs=["C"])
    assert list(pkpd.as_table(run)) == ["member", "time", "C", "status", "ended", "CL"]
