"""The mechanisms of the flagship by name, each with the values that take it out and leave all else."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["MECHANISMS"]

MECHANISMS: Mapping[str, Mapping[str, float]] = {
    "antibody occupancy": {"KD": 1e12},
    "PD-L1 brake": {"F50": 1e9},
    "induction of PD-L1": {"fold": 1.0},
    "exhaustion": {"kexh": 0.0},
    "reinvigoration": {"krei": 0.0},
    "killing by effectors": {"kkill": 0.0},
    "priming by antigen": {"kpri": 0.0},
    "memory": {"kmem": 0.0},
    "recall": {"krec": 0.0},
    "trafficking to the metastasis": {"w_metastasis": 0.0},
    "suppression": {"sTreg": 0.0, "sMDSC": 0.0},
    "Treg drawn by effectors": {"rTreg": 0.0},
    "MDSC drawn by tumor": {"rMDSC": 0.0},
    "radiation kills tumor": {"alpha": 0.0, "beta": 0.0},
    "radiation kills lymphocytes": {"D50_L": 1e9},
    "radiation draws MDSC": {"rG": 0.0},
    "second checkpoint": {"ligand_max": 0.0},
    "resistant cells": {"resistant0": 0.0},
    "extinction": {"Tmin": 0.0},
    "infiltrate": {"vI": 0.0},
    "dead cells": {"kcl": 1e3},
    "shedding by tumors": {"s_shed": 0.0},
    "chemotherapy kills tumor": {"Kchemo": 0.0},
    "chemotherapy kills lymphocytes": {"KL": 0.0},
    "depletion of suppressors": {"kdep": 0.0},
    "infiltration drug": {"Emax_inf": 0.0},
    "hazard of the antibody": {"hmax": 0.0},
    "hazard of radiation": {"hW": 0.0},
    "hazard of both together": {"r_ab": 0.0},
}
