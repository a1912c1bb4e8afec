"""What all tests share: hypothesis judges what comes out, never how fast the machine of the day is."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("ragkit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ragkit")
