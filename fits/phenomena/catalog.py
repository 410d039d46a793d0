"""The phenomena by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pkpd.fits.phenomena import durvalumab_alone, in_mice, with_other_drugs, with_radiation
from pkpd.fits.phenomena.findings import Finding

__all__ = ["PHENOMENA"]

PHENOMENA: Mapping[str, Callable[[], Finding]] = {
    "fates": durvalumab_alone.fates,
    "durable_response": durvalumab_alone.durable_response,
    "pseudoprogression": durvalumab_alone.pseudoprogression,
    "primary_resistance": durvalumab_alone.primary_resistance,
    "acquired_resistance": durvalumab_alone.acquired_resistance,
    "synergy": with_radiation.synergy,
    "order_and_gap": with_radiation.order_and_gap,
    "order_and_gap_in_mice": in_mice.order_and_gap_in_mice,
    "abscopal": with_radiation.abscopal,
    "fraction_dose": with_radiation.fraction_dose,
    "progression_after_durvalumab": with_radiation.progression_after_durvalumab,
    "suppressor_depletion": with_other_drugs.suppressor_depletion,
    "infiltration": with_other_drugs.infiltration,
    "chemotherapy_added": with_other_drugs.chemotherapy_added,
    "adverse_events": durvalumab_alone.adverse_events,
}
