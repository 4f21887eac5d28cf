"""Names of the reference that this release does not have: known, so that they are refused with a reason and not as a typing error."""

from __future__ import annotations

from odibi_core.transforms.contract import TRANSFORMS

_SUBSTANCES = "Compute the properties in a function of your own, in transforms.py, or join a table of them."

TRANSFORMS.withhold("detect_sequential_phases", hint="Find the phases with 'window_calculation' and SQL, or with a function of your own.")
TRANSFORMS.withhold("fluid_properties", hint=_SUBSTANCES)
TRANSFORMS.withhold("saturation_properties", hint=_SUBSTANCES)
TRANSFORMS.withhold("psychrometrics", hint=_SUBSTANCES)
TRANSFORMS.withhold(
    "geocode", hint="It has no address service to ask, and has never changed a row: take the step out, or join a table of places."
)
