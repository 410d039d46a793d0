"""A composition as text: the model that `pkpd.compose` makes of the same parts, and refusals that name the place."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import run_here
from hypothesis import given, settings
from hypothesis import strategies as st

import pkpd
from pkpd.errors import PkpdError
from pkpd.library.part_words import part_words
from pkpd.models import chemotherapy, clones, growth_logistic, radiotherapy_lq, radiotherapy_lql, tumor_volume
from pkpd.models.pk_1cmt_transit import transit
from pkpd.studies.tables import study_schema

T, D = growth_logistic.T, tumor_volume.D


def study(folder: Path, parts: str, more: str = "") -> pkpd.Study:
    path = folder / "study.toml"
    path.write_text(f'times = "0:10:5"\n[model]\nname = "joined"\n{more}\nparts = {parts}\n', encoding="utf-8")
    return pkpd.read_study(path)


CASES = {
    '["growth_logistic", "pk_1cmt"]': [growth_logistic.model, pkpd.load("pk_1cmt")],
    '["radiotherapy_lq(T)", "growth_logistic"]': [growth_logistic.model, radiotherapy_lq.radiotherapy_lq(T)],
    '["radiotherapy_lql([T], D)", "growth_logistic", "tumor_volume"]': [
        growth_logistic.model, tumor_volume.model, radiotherapy_lql.radiotherapy_lql([T], D),
    ],
    '["radiotherapy_lql([T], D, boost)", "growth_logistic", "tumor_volume"]': [
        growth_logistic.model, tumor_volume.model, radiotherapy_lql.radiotherapy_lql([T], D, "boost"),
    ],
    '["clones.inherited", "chemotherapy({D: [S, R]})", "tumor_volume"]': [
        clones.inherited, tumor_volume.model, chemotherapy.chemotherapy({D: clones.inherited.states}),
    ],
    '["pk_1cmt_transit.transit(5)"]': [transit(5)],
    '["pk_1cmt", { part = "pk_2cmt", renamed = "ctla4_" }]': [
        pkpd.load("pk_1cmt"), pkpd.load("pk_2cmt").renamed("ctla4_"),
    ],
    '[{ part = "pk_1cmt", renamed = { C = "Cp", iv = "infusion" } }]': [
        pkpd.load("pk_1cmt").renamed({"C": "Cp", "iv": "infusion"})
    ],
}  # fmt: skip


@pytest.mark.parametrize("parts", CASES)
def test_a_composition_is_that_of_compose(tmp_path, parts):
    read = study(tmp_path, parts)
    assert read.model == pkpd.compose("joined", *CASES[parts])
    assert pkpd.read_study(pkpd.write_study(read, tmp_path / "again.toml")).hash == read.hash


def test_the_unit_of_time_is_that_of_the_file(tmp_path):
    assert study(tmp_path, '["pk_1cmt"]', 'time = "h"').model == pkpd.compose("joined", pkpd.load("pk_1cmt"), time="h")


def test_a_part_may_be_a_model_file_beside_the_study(tmp_path):
    pkpd.write_model(pkpd.load("pk_1cmt"), tmp_path / "drug.toml")
    read = study(tmp_path, '["drug.toml", "growth_logistic"]').model
    assert read == pkpd.compose("joined", pkpd.load("pk_1cmt"), growth_logistic.model)


def test_the_command_line_takes_a_composition_as_a_model(tmp_path, capsys):
    path = tmp_path / "joined.toml"
    path.write_text('[model]\nname = "joined"\nparts = ["growth_logistic", "radiotherapy_lq(T)"]\n', encoding="utf-8")
    code, out, err = run_here(capsys, "show", str(path))
    assert (code, err) == (0, "")
    assert "radiation" in out


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ('["radiotherapy_lq(Tm)", "growth_logistic"]', "'radiotherapy_lq(Tm)': the composition has no state 'Tm'. Did"),
        ('["radiotherapy_l(T)"]', "no model 'radiotherapy_l'. Did you mean 'radiotherapy_lq'?"),
        ('["pk_2cmt(T)"]', "'pk_2cmt(T)': pk_2cmt acts on no states of other parts; write its name alone."),
        ('["radiotherapy_lq(T"]', "has the end at character 18; expected a comma or ')'"),
        ('["radiotherapy_lq.exp(T)"]', "radiotherapy_lq has no part 'exp'"),
        ('["radiotherapy_lq.__class__"]', "has '_' at character 17; expected a name"),
        ('["radiotherapy_lq(T, T)", "growth_logistic"]', "it was given 2 arguments; expected T."),
        ('["radiotherapy_lq([T])", "growth_logistic"]', "'T' is [T]; expected the name of a state."),
        ('["radiotherapy_lql(T, T)", "growth_logistic"]', "'living' is T; expected a list such as [S, R]."),
        ('["pk_1cmt", "pk_2cmt"]', "the state 'central' is defined twice"),
        ('["../drug.toml"]', "'../drug.toml' lies outside the folder of the file"),
        ('[{ part = "pk_2cmt", renamd = "a" }]', "no key 'renamd'. Did you mean 'renamed'?"),
        ('[{ part = "pk_2cmt", renamed = { CLx = "a" } }]', "pk_2cmt has no name 'CLx'. Did you mean 'CL'?"),
        ("[3]", "is 3; expected text or a table with part, renamed."),
        ("[]", "at least 1 item"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path, parts, told):
    with pytest.raises(PkpdError) as refusal:
        study(tmp_path, parts)
    assert told in str(refusal.value)
    assert str(refusal.value).startswith("study.toml, line 5: [model")


def test_a_link_does_not_lead_out_of_the_folder(tmp_path):
    pkpd.write_model(pkpd.load("pk_1cmt"), tmp_path / "drug.toml")
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "drug.toml").symlink_to(tmp_path / "drug.toml")
    with pytest.raises(PkpdError, match="lies outside the folder"):
        study(inner, '["drug.toml"]')


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="aT_.,:()[]{}5 \n'\"", max_size=30) | st.text(max_size=30))
def test_words_of_any_text_are_read_or_refused(text):
    try:
        words = part_words(text, "study.toml")
    except PkpdError:
        return
    assert words.module.isidentifier()


def test_editors_know_both_forms_of_a_model():
    schema = study_schema()
    assert {"$ref": "#/$defs/CompositionTable"} in schema["properties"]["model"]["anyOf"]
    references = [str(v) for v in _references(schema)]
    assert {r.rpartition("/")[2] for r in references} <= set(schema["$defs"])


def _references(value):
    if isinstance(value, dict):
        yield from ([value["$ref"]] if "$ref" in value else [])
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _references(each)
