"""Keeps a hive fast and cheap for years: merges, flips, expires, cleans up and publishes.

`Compactor.run` does what is due; the function and `penstock compact` are thin over it. Nothing here
keeps a state of its own: the ledger says what is live, what is owed, and who is at work.
"""

from penstock.compact.live import Group, Live, Wanted
from penstock.compact.plan import Policy
from penstock.compact.site import Site
from penstock.compact.worker import Compactor, Options, Report

__all__ = ["Compactor", "Group", "Live", "Options", "Policy", "Report", "Site", "Wanted"]
