"""Scenarios and the cells simulated from them, with the truth about every localization.

`scenario` says what there is and `listing` reads it from a file; `cell` draws the outline,
`clusters` places and fills clusters, `detection` lets molecules blink and blurs them, `image` puts
it together.
"""

from caml.simulate.image import Simulation, simulate
from caml.simulate.listing import read_scenarios
from caml.simulate.scenario import (
    Scenario,
    evaluation_scenarios,
    fibre_scenarios,
    random_scenarios,
    training_scenarios,
)

__all__ = [
    "Scenario",
    "Simulation",
    "evaluation_scenarios",
    "fibre_scenarios",
    "random_scenarios",
    "read_scenarios",
    "simulate",
    "training_scenarios",
]
