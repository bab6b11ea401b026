"""What every piece of work imports: once for all workers, which are forked from a process that has done so."""

import gc

import kedro.framework.cli.cli  # noqa: F401  the parent's main module, which each of its processes imports
import sklearn.mixture  # noqa: F401
import torch
import torch._dynamo  # noqa: F401  behind torch's FLOP counter; it takes a second and a half
import torchvision  # noqa: F401

import gencompare.pipelines.modelling.nodes  # noqa: F401

gc.freeze()  # never searched for garbage, so that workers share this memory
