"""The integrators compared, each behind the same function ``prepare(case, method, threads)``."""

from benchmarks.peers.peer import Job, Peer
from pkpd.solvers.reference.oracle import SCIPY_METHODS
from pkpd.solvers.solve import METHODS, THREADED

__all__ = ["OURS", "PEERS", "SIMULATED", "Job", "Peer"]

# Every method of ours that takes an ensemble at once, whatever their names.
OURS = [
    Peer("pkpd", name, "ours", threads=name in THREADED)
    for name in METHODS
    if name not in ("scipy", *SCIPY_METHODS)
]  # fmt: skip

SIMULATED = Peer("pkpd", "simulate auto", "ours", threads=True)

PEERS = [
    Peer("scipy solve_ivp", "RK45", "scipy_peer", ("numba",), problems="not stiff"),
    Peer("scipy solve_ivp", "DOP853", "scipy_peer", ("numba",), problems="not stiff"),
    Peer("scipy solve_ivp", "LSODA", "scipy_peer", ("numba",)),
    Peer("numbalsoda", "dop853", "numbalsoda_peer", ("numbalsoda",), problems="not stiff", threads=True),
    Peer("numbalsoda", "lsoda", "numbalsoda_peer", ("numbalsoda",), threads=True),
    Peer("diffrax", "Tsit5", "diffrax_peer", ("diffrax", "jax"), problems="not stiff"),
    Peer("diffrax", "Kvaerno5", "diffrax_peer", ("diffrax", "jax"), problems="stiff"),
    Peer("libroadrunner", "CVODE", "roadrunner_peer", ("roadrunner", "antimony")),
    Peer("AMICI", "CVODES", "amici_peer", ("amici", "antimony")),
]
