"""Diagnosis of GAN training: records a run's vitals, and says in a sentence what fails and what to try first."""

from gan_ext.doctor.diagnosis import Diagnosis, diagnose
from gan_ext.doctor.findings import Finding
from gan_ext.doctor.rotation import Rotation, rotation
from gan_ext.doctor.watch import Watch

__all__ = ["Diagnosis", "Finding", "Rotation", "Watch", "diagnose", "rotation"]
