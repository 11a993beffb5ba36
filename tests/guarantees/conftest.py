"""The store and the deployment of the collect tests."""

from tests.collect.conftest import rig, store

__all__ = ["rig", "store"]
