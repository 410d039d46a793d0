"""pkpd: ODE-based pharmacodynamic modeling for immuno-oncology.

    model (what) + regimen (when) + ensemble (who) -> simulate -> labelled results

The public names are listed in ``__all__`` and imported on first use.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from pkpd.version import __version__ as __version__

# In a checkout the folders models/ and fits/ lie beside this package; in a wheel, inside.
_ROOT = Path(__file__).resolve().parent.parent
if (_ROOT / "models" / "__init__.py").exists() and (_ROOT / "pyproject.toml").exists():
    __path__.append(str(_ROOT))

_ROOMS = {
    "errors": [
        "DataError", "FailedMembersWarning", "FitError", "MissingExtraError", "ModelError", "ParameterError",
        "PkpdError", "RegimenError", "SimulationError", "UnitError", "UnknownNameError",
    ],
    "symbolic.symbols": ["clock", "dose", "given", "input_rate", "param", "state"],
    "symbolic.covariates": ["category_effect", "exponential_effect", "linear_effect", "power_effect"],
    "symbolic.model": ["Dosing", "Event", "Model", "Route", "output"],
    "symbolic.composition": ["compose"],
    "model_text.reading": ["read_model"],
    "model_text.writing": ["write_model"],
    "symbolic.hazards": ["hazards", "time_to_event"],
    "library.catalog": ["catalog", "load"],
    "library.findings": ["Finding"],
    "library.lint": ["lint"],
    "library.pages": ["page"],
    "library.reproductions": ["Claim", "reproduce"],
    "treatment.biological_dose": ["bed", "eqd2", "protraction"],
    "treatment.complications": ["lyman_ntcp", "pneumonitis_odds"],
    "treatment.over_time": ["OverTime", "over_time"],
    "treatment.conditions": ["completed", "happened", "measured", "seen"],
    "treatment.protocols": ["Protocol", "delay_at", "start_at", "stop_at"],
    "treatment.therapies": ["Therapy", "therapy", "within"],
    "treatment.regimens": ["Regimen", "bolus", "fractions", "infusion"],
    "ensembles.ensembles": ["Ensemble", "grid", "members"],
    "ensembles.sampling": ["sample"],
    "ensembles.distributions": ["boxcox", "categorical", "empirical", "logitnormal", "lognormal", "normal", "probitnormal", "truncated"],
    "ensembles.chances": ["draw_grades", "event_chances"],
    "ensembles.lifetimes": [
        "draw_times", "exponential_times", "gompertz_times", "loglogistic_times", "lognormal_times", "weibull_times",
        "with_cure",
    ],
    "ensembles.correlated": ["block"],
    "ensembles.resampling": ["resampled"],
    "ensembles.selection": ["select_plausible"],
    "ensembles.targets": ["target"],
    "ensembles.weights": ["weigh"],
    "ensembles.mixtures": ["subpopulation"],
    "ensembles.populations": ["population"],
    "ensembles.variability": ["Variability"],
    "treatment.occasions": ["by_occasion"],
    "records.records": ["Records"],
    "records.nonmem": ["read_nonmem", "write_nonmem"],
    "prepared.prepared": ["Prepared"],
    "prepared.preparing": ["prepare"],
    "prepared.solver": ["Solver"],
    "prepared.values": ["Patients", "Values"],
    "simulation": ["simulate"],
    "prediction": ["predict"],
    "records.observations": ["Dataset", "read_observations"],
    "fitting.curves": ["Curve", "curve"],
    "fitting.free_parameters": ["free"],
    "fitting.outcomes": ["binomial_error", "event_time", "poisson_error"],
    "fitting.bands": ["bands"],
    "fitting.bootstrap": ["Bootstrap", "bootstrap"],
    "fitting.multistart": ["Starts"],
    "fitting.posterior": ["Posterior", "sample_posterior"],
    "fitting.profiles": ["Profile", "Profiles", "profile"],
    "fitting.mixed.statements": ["MixedEffects", "mixed_effects"],
    "fitting.mixed.results": ["MixedFit"],
    "fitting.mixed.comparison": ["CovariateSearch", "likelihood_ratio", "search_covariates"],
    "fitting.mixed.empirical_bayes": ["empirical_bayes"],
    "fitting.mixed.resampling": ["MixedBootstrap", "MixedProfiles"],
    "fitting.mixed.sir": ["sir"],
    "fitting.identifiability": ["Identifiability", "identifiability"],
    "fitting.optimal_times": ["SamplingTimes", "optimal_times"],
    "fitting.results": ["Fit"],
    "fitting.least_squares": ["fit"],
    "storage": ["as_table", "read_result", "write_result"],
    "studies.study": ["Sample", "Study"],
    "studies.study_files": ["read_study", "write_study"],
    "studies.tables": ["study_schema"],
    "studies.opening": ["open_sweep"],
    "studies.running": ["SweepOutcome", "run_study"],
    "studies.forecasts": ["Forecast", "forecast"],
    "studies.rerunning": ["Rerun", "rerun"],
    "studies.tolerance_checks": ["ToleranceCheck", "check_tolerance"],
    "studies.verification": ["Verification", "verify"],
    "analysis.sobol": ["sobol_indices"],
    "analysis.morris": ["morris"],
    "analysis.ranks": ["prcc"],
    "analysis.local": ["elasticities", "one_at_a_time"],
    "analysis.dose_responses": ["dose_response"],
    "analysis.synergies": ["synergy"],
    "analysis.phase_planes": ["phase_plane"],
    "analysis.bifurcations": ["bifurcation"],
    "fitting.comparison": ["Comparison", "compare"],
    "fitting.continuing": ["refit"],
    "fitting.fit_json": ["read_fit", "write_fit"],
    "app.serving": ["explore"],
    "figures.bifurcation_diagrams": ["bifurcation_diagram"],
    "figures.contours": ["contours"],
    "figures.phase_portraits": ["phase_portrait"],
    "figures.sensitivities": ["sensitivity_bars", "tornado"],
    "figures.synergy_surfaces": ["synergy_surface"],
    "figures.benefit_risk": ["benefit_risk_chart"],
    "figures.correlations": ["estimate_correlations"],
    "figures.fit_quality": ["goodness_of_fit"],
    "figures.fit_reports": ["write_report"],
    "figures.fits": ["fit_overlay"],
    "figures.individuals": ["individual_fits"],
    "figures.pairs": ["parameter_pairs"],
    "figures.profiles": ["likelihood_profiles"],
    "figures.start_waterfalls": ["start_waterfall"],
    "figures.traces": ["posterior_traces"],
    "figures.forests": ["forest"],
    "figures.survival": ["incidence_curves", "survival_curves"],
    "figures.heat_maps": ["heat_map"],
    "figures.patients": ["spider", "swimmer"],
    "figures.populations": ["spaghetti"],
    "figures.waterfalls": ["waterfall"],
    "figures.recommendations": ["recommendation_gains", "recommended_regimens"],
    "figures.response_surfaces": ["decision_curve", "response_surface"],
    "figures.reproductions": ["Reproduction", "reproduction_figure"],
    "figures.responses": ["response_curve"],
    "figures.saving": ["save"],
    "figures.small_multiples": ["small_multiples"],
    "figures.schematics": ["schematic"],
    "figures.style": ["house_style"],
    "figures.time_courses": ["time_course"],
    "figures.treatments": ["treatment_timeline"],
    "figures.vpcs": ["vpc"],
    "measures.exposure": ["exposure"],
    "measures.rates": ["rate"],
    "measures.dependent_errors": ["autocorrelated", "correlated"],
    "measures.residual_error": [
        "additive_error", "combined_error", "lognormal_error", "observe", "power_error", "proportional_error",
    ],
    "measures.irecist": ["irecist"],
    "measures.recist": ["recist"],
    "measures.recist_rules": ["RecistRules"],
    "measures.response_codes": ["response_names"],
    "measures.response_rates": ["response_rates"],
    "trials.lesions": ["draw_lesions", "lesion_diameters", "sphere_diameter", "sphere_volume"],
    "trials.scanning": ["Reader", "scan"],
    "trials.target_lesions": ["select_targets"],
    "trials.scans": ["collect_scans"],
    "trials.scan_tables": ["read_scans"],
    "trials.visits": ["VisitSchedule", "schedule_visits", "visit_days"],
    "measures.event_times": ["accrual", "censored_at", "first_event"],
    "measures.survival": [
        "kaplan_meier", "landmark_survival", "median_survival", "numbers_at_risk", "restricted_mean",
    ],
    "measures.survival_tests": ["logrank"],
    "measures.survival_incidence": ["cumulative_incidence"],
    "measures.survival_regression": ["cox"],
    "measures.benefit_risk": ["benefit_and_risk"],
    "measures.hazard_ratios": ["hazard_ratio"],
    "measures.subgroups": ["subgroup_hazard_ratios"],
    "trials.imaging": ["Imaging"],
    "trials.treated": ["Treated"],
    "trials.treating": ["treat"],
    "trials.splitting": ["split_at"],
    "trials.goals": ["at_least", "at_most"],
    "trials.personalization": ["PatientPosteriors", "personalize"],
    "trials.recommendations": ["compare_recommendations"],
    "trials.scan_records": ["scan_records"],
    "trials.regimen_optimization": ["optimize_regimen"],
    "trials.regimen_refinement": ["RefinedRegimen", "refine_regimen"],
    "trials.response_surfaces": ["ResponseSurface"],
    "trials.trials": ["Trial"],
    "trials.conducting": ["simulate_trial", "treat_trial"],
    "trials.forests": ["trial_subgroups"],
    "trials.replicates": ["replicate_intervals", "replicate_trial"],
    "trials.power": ["power", "sample_size", "schoenfeld_events", "schoenfeld_power"],
    "measures.responses": ["best_change", "complete_response", "percent_change"],
}  # fmt: skip

_HOME = {name: room for room, names in _ROOMS.items() for name in names}
_RENAMED = {
    "plausible": "select_plausible", "prevalence": "weigh", "bootstrap_subjects": "bootstrap",
    "profile_objective": "profile", "read_mixed_fit": "read_fit", "write_mixed_fit": "write_fit",
}  # until 0.3  # fmt: skip

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _RENAMED:
        import warnings

        warnings.warn(f"pkpd.{name} is now pkpd.{_RENAMED[name]}.", DeprecationWarning, stacklevel=2)
        return __getattr__(_RENAMED[name])
    if name not in _HOME:
        raise AttributeError(f"module 'pkpd' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"pkpd.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
