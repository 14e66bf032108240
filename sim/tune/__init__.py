"""Which layout and which client settings start a recorded workload soonest on a network."""

from sim.tune.candidate import Candidate
from sim.tune.gather import subject_of_image, subject_of_workload
from sim.tune.subject import Subject, parse_network
from sim.tune.tuning import Tuning, tune

__all__ = ["Candidate", "Subject", "Tuning", "parse_network", "subject_of_image", "subject_of_workload", "tune"]
