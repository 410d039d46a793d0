"""Published results computed again: each number agrees with its source, and each figure is drawn."""

from __future__ import annotations

import pytest
from helpers import mostly_slow

import pkpd
from pkpd.library.reproductions import described, reproduced

NAMES = reproduced()


@pytest.mark.parametrize("name", mostly_slow(NAMES))
def test_a_published_result_comes_out_again(name: str) -> None:
    import matplotlib.pyplot as plt

    again = pkpd.reproduce(name)
    assert again.claims
    for claim in again.claims:
        assert claim.holds, f"{claim.what}: published {claim.published}, here {claim.found} ({claim.where})"
        assert isinstance(claim.published, str) or 0 < claim.within <= 0.1 or claim.published == claim.found
    figure = pkpd.reproduction_figure(again)
    assert len(figure.axes) >= len(again.panels) > 0
    for ax in figure.axes[: len(again.panels)]:
        assert ax.has_data()
        assert ax.get_xlabel()
        assert ax.get_ylabel()
    plt.close(figure)


@pytest.mark.parametrize("name", NAMES)
def test_it_belongs_to_a_model_and_says_what_it_is(name: str) -> None:
    assert name in pkpd.catalog().index
    title, _, words = described(name).partition("\n")
    assert title.endswith(".")
    assert len(words.split()) > 15


def test_a_claim_that_does_not_hold_is_seen() -> None:
    assert not pkpd.Claim("size", 100, 102, "table 1", within=0.01).holds
    assert pkpd.Claim("size", 100, 102, "table 1", within=0.03).holds
    assert not pkpd.Claim("fate", "grows", "rests", "figure 1").holds
    assert not pkpd.Claim("size", 100, float("nan"), "table 1", within=0.03).holds


def test_a_model_without_one_is_named() -> None:
    with pytest.raises(pkpd.UnknownNameError, match="Did you mean 'kirschner_panetta_1998'"):
        pkpd.reproduce("kirschner_panetta_1997")


def test_the_method_that_drew_it_warns_and_still_draws() -> None:
    import matplotlib.pyplot as plt

    again = pkpd.reproduce("pk_1cmt")
    with pytest.warns(DeprecationWarning, match=r"now reproduction_figure\(reproduction\)"):
        figure = again.figure()  # type: ignore[attr-defined]
    assert len(figure.axes) >= len(again.panels)
    plt.close(figure)
