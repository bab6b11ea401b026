"""Kedro's settings of this project."""

import logging

from gencompare.catalog.whole import WholeCatalog
from gencompare.config_loader import PATTERNS, ComparisonConfigLoader
from gencompare.hooks.announce import AnnounceHook
from gencompare.hooks.engine import EngineHook
from gencompare.hooks.plan import PlanHook
from gencompare.hooks.reuse import ReuseHook
from gencompare.hooks.tracking import TrackingHook
from gencompare.hooks.under_way import UnderWayHook

# conf/logging.yml decides which warnings are shown.
logging.captureWarnings(True)

CONFIG_LOADER_CLASS = ComparisonConfigLoader
# Soft: conf/smoke and conf/gpu override only the parameters they name.
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "base",
    "config_patterns": PATTERNS,
    "merge_strategy": {"parameters": "soft"},
}

DATA_CATALOG_CLASS = WholeCatalog

# What is last here goes first: what cannot work is refused before the engine starts.
HOOKS = (ReuseHook(), PlanHook(), AnnounceHook(), EngineHook(), TrackingHook(), UnderWayHook())
