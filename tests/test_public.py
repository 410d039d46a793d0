"""The public names are there, documented, and all of them."""

from __future__ import annotations

import inspect

import pytest

import pkpd


@pytest.mark.parametrize("name", pkpd.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    thing = getattr(pkpd, name)
    assert (inspect.getdoc(thing) or "").strip(), f"{name} has no docstring"
    assert thing.__module__.startswith("pkpd."), f"{name} comes from {thing.__module__}"


def test_names_are_listed_and_unknown_ones_refused() -> None:
    assert set(pkpd.__all__) <= set(dir(pkpd))
    with pytest.raises(AttributeError, match="no attribute 'simulat'"):
        pkpd.simulat  # noqa: B018


def test_no_module_hides_a_function_of_the_same_name() -> None:
    """``pkpd.fit`` must be the function whatever has been imported, so no module may be called pkpd.fit."""
    import pkgutil

    modules = {m.name for m in pkgutil.iter_modules(pkpd.__path__)}
    assert not modules & set(pkpd.__all__)


def test_models_and_fits_are_not_imported_under_their_bare_names() -> None:
    import importlib
    import sys

    sys.path.insert(0, str(pkpd._ROOT))
    try:
        for name in ("models", "fits"):
            with pytest.raises(ImportError, match=f"import the {name} as pkpd.{name}"):
                importlib.import_module(name)
    finally:
        sys.path.remove(str(pkpd._ROOT))
