"""The phenomena by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pkpd.fits.phenomena import (
    after_progression,
    against_data,
    durvalumab_alone,
    immunity,
    in_mice,
    radiation_dose,
    safety,
    study_4,
    with_other_drugs,
    with_radiation,
)
from pkpd.fits.phenomena.arms import Phenomenon
from pkpd.fits.phenomena.comparisons import Comparison
from pkpd.fits.phenomena.findings import Finding

__all__ = ["COMPARISONS", "OF_THE_FLAGSHIP", "PHENOMENA"]

OF_THE_FLAGSHIP: Mapping[str, Phenomenon] = {
    "fates": durvalumab_alone.fates,
    "who_benefits": immunity.who_benefits,
    "early_response": immunity.early_response,
    "durable_response": durvalumab_alone.durable_response,
    "late_metastasis": immunity.late_metastasis,
    "pseudoprogression": durvalumab_alone.pseudoprogression,
    "adaptive_resistance": immunity.adaptive_resistance,
    "primary_resistance": durvalumab_alone.primary_resistance,
    "acquired_resistance": durvalumab_alone.acquired_resistance,
    "soluble_pdl1": immunity.soluble_pdl1,
    "synergy": with_radiation.synergy,
    "order_and_gap": with_radiation.order_and_gap,
    "abscopal": with_radiation.abscopal,
    "which_lesion": with_radiation.which_lesion,
    "fraction_dose": radiation_dose.fraction_dose,
    "field_volume": radiation_dose.field_volume,
    "suppressors_after_radiation": radiation_dose.suppressors_after_radiation,
    "rechallenge": after_progression.rechallenge,
    "washout": after_progression.washout,
    "suppressor_depletion": with_other_drugs.suppressor_depletion,
    "infiltration": with_other_drugs.infiltration,
    "chemotherapy_added": with_other_drugs.chemotherapy_added,
    "adverse_events": safety.adverse_events,
}

PHENOMENA: Mapping[str, Callable[[], Finding]] = OF_THE_FLAGSHIP | {
    "order_and_gap_in_mice": in_mice.order_and_gap_in_mice
}

# Beside published numbers.  Those of `study_4` and `inspire` are in tables that are not part of this project.
COMPARISONS: Mapping[str, Callable[[], Comparison]] = {
    "study_4": study_4.compare,
    "response_by_pdl1": against_data.response_by_pdl1,
    "inspire": against_data.inspire,
    "soluble_pdl1_nivolumab": against_data.soluble_pdl1_nivolumab,
    "out_of_field": against_data.out_of_field,
    "mc38_pair": against_data.mc38_pair,
}
