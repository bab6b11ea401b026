"""Refusals in one line, before anything is prepared or trained."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from functools import cache

from gencompare.comparisons import HISTORY, PUBLISH, SAMPLE, SCORE
from gencompare.config.contender import CHOICES, Contender, read_contender
from gencompare.config.layers import Values
from gencompare.config.plan import Plan, Planned
from gencompare.config.typed import SettingError, build, flatten, named_path, nearest
from gencompare.evaluation.settings import EvaluationSettings
from gencompare.imagesets import ImageSet, make_image_set
from gencompare.imagesets.arrays import ImageSplits
from gencompare.models.parts.shape import ImageShape
from gencompare.objectives.settings import Denoising
from gencompare.sampling.settings import Diffusion
from gencompare.training.settings import Device


def check_run(plan: Plan, run: Collection[str]) -> None:
    """Refuse what cannot be run, and what the command line says to no effect.

    Asked by the command, before its session has imported all that work needs, and by every session.

    Args:
        plan: of everything.
        run: names of the pipelines that are run.

    Raises:
        SettingError: for the first thing that is wrong.
    """
    check_given(plan, run)
    if plan.asked.engine is None:
        comparisons = [plan.planned[name] for name in run if name in plan.comparisons]
        for device in {
            one.values["training"]["device"] for p in comparisons for one in p.contenders.values()
        }:
            _check_device(device)
    for name in sorted(set(run) & set(plan.planned)):
        check_planned(plan.planned[name], plan.asked.samples)


def check_planned(planned: Planned, samples: str | None) -> None:
    """Refuse a comparison that cannot be run.

    Raises:
        SettingError: for the first thing that is wrong.
    """
    from gencompare.evaluation.features import make_extractor

    image_set = _checked_image_set(planned)
    scoring = build(EvaluationSettings, planned.evaluation.values, "evaluation")
    make_extractor(scoring.extractor, scoring.weights)  # its weights may have to be fetched first
    if planned.name == SCORE:
        path = named_path(str(samples), "samples")
        if not (path.is_dir() or (path.is_file() and path.suffix in (".npz", ".npy"))):
            raise SettingError(
                f"samples={samples!r}: must be an existing folder of images, .npz or .npy file"
            )
    # Channels and classes are known only once the images are prepared: then `check_prepared` looks again.
    shape = ImageShape(
        channels=3, resolution=image_set.resolution, classes=1 if image_set.may_have_labels else 0
    )
    for name, layered in planned.contenders.items():
        _check_together(json.dumps(_without_length(layered.values)), shape, f"contenders.{name}")


def check_prepared(planned: Planned, prepared: ImageSplits) -> None:
    """Refuse contenders for which the prepared images are too few or otherwise not those that they need.

    Raises:
        SettingError: naming the contender and the setting.
    """
    shape = ImageShape.of(prepared.card)
    for name, layered in planned.contenders.items():
        contender = read_contender(_without_length(layered.values))
        try:
            contender.model.check(shape)
            contender.sampler.check_count(len(contender.images.rows(prepared.train)))
        except SettingError as error:
            raise SettingError(f"contenders.{name}.{error}") from None


def _without_length(values: Values) -> Values:
    """A contender's settings but for how long it trains, which may follow from a budget."""
    return values | {"training": {k: v for k, v in values["training"].items() if k != "kimg"}}


def _check_labels(contender: Contender) -> None:
    """Refuse predictions with or without labels that training leaves out."""
    objective, sampler = contender.objective, contender.sampler
    if not (isinstance(objective, Denoising) and isinstance(sampler, Diffusion)):
        return
    if not getattr(contender.model, "conditional", False):
        return
    if objective.label_dropout == 0.0 and sampler.guidance_scale != 1.0:
        raise SettingError(
            f"sampler.guidance_scale={sampler.guidance_scale}: takes what the network predicts without labels, which"
            " it never learns at objective.label_dropout=0; set that above 0"
        )
    if objective.label_dropout == 1.0 and sampler.guidance_scale != 0.0:
        raise SettingError(
            "objective.label_dropout=1.0: the network never sees a label; set it below 1, or sampler.guidance_scale=0"
        )


@cache
def _check_together(settings: str, shape: ImageShape, where: str) -> None:
    """Refuse a network, an objective, a sampler and learning rates that do not belong together.

    Args:
        settings: of a contender, as JSON: what was found to belong together is not made a second time.

    Raises:
        SettingError: naming the setting.
    """
    import torch

    from gencompare.running.exhaustion import is_out_of_memory

    contender = read_contender(json.loads(settings), where)
    try:
        contender.model.check(shape)
        with torch.random.fork_rng(devices=[]):
            networks = contender.model.networks(shape)
        contender.objective.check(contender.training.batch_size)
        trained = contender.objective.objective(networks).networks
        contender.sampler.check(networks, shape)
        _check_labels(contender)
        if contender.sampler.guide is not None and contender.training.validations < 2:
            raise SettingError(
                f"sampler.autoguidance={contender.sampler.autoguidance}: takes weights of earlier in training;"
                " set training.validations to 2 or more"
            )
    except SettingError as error:
        part = str(error).partition(".")[0]
        raise SettingError(f"{where}.{error}" if part in CHOICES else str(error)) from None
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise SettingError(
            f"{where}.model: its networks do not fit into this machine's memory; make them smaller"
        ) from None
    if isinstance(rates := contender.training.lr, dict):
        for name in rates:
            if name not in trained:
                raise SettingError(
                    f"{where}.training.lr.{name}: it has no such network; {nearest(name, trained)}"
                )
        for name in trained:
            if name not in rates:
                raise SettingError(f"{where}.training.lr.{name}: must be given, as that of every network")


def check_given(plan: Plan, run: Collection[str]) -> None:
    """Refuse what the command line says if it has no effect on what is run.

    Args:
        plan: of everything.
        run: names of the comparisons that are run; `score`, `history` and `publish` among them.

    Raises:
        SettingError: naming the first such parameter.
    """
    given, asked = plan.sources.given, plan.asked
    comparisons = [plan.planned[name] for name in run if name in plan.comparisons]
    jobs = [*comparisons, *(plan.planned[name] for name in run if name == SCORE)]
    what = " and ".join(sorted(run))
    trains = ("training", "contenders", "chosen_contenders", "seeds", "seed", "budget")
    used = ("seed",) if SAMPLE in run else ()
    of_no_use = [name for name in trains if name in given and not (comparisons or name in used)]
    of_no_use += [name for name in ("image_sets", "evaluation") if name in given and not jobs]
    of_no_use += ["samples"] if "samples" in given and SCORE not in run else []
    of_no_use += ["comparison"] if "comparison" in given and not {HISTORY, PUBLISH} & set(run) else []
    of_no_use += [name for name in ("from", "n", "labels", "pngs") if name in given and SAMPLE not in run]
    for name in of_no_use:
        raise SettingError(f"{name}: has no effect on {what}; leave it out")
    if asked.comparison is not None and asked.comparison not in plan.comparisons:
        raise SettingError(
            f"comparison={asked.comparison!r}: unknown; {nearest(asked.comparison, plan.comparisons)}"
        )
    if SAMPLE in run and not asked.from_:
        raise SettingError("from=None: must be what to sample, such as from=gan_compare.dcgan")
    _check_named(
        given.get("contenders") or {}, (n for p in comparisons for n in p.contenders), "contenders", what
    )
    _check_named(
        given.get("image_sets") or {}, (p.image_set.values["name"] for p in jobs), "image_sets", what
    )
    if asked.budget is not None and "budget" in given:
        _check_one_budget(plan)


def _check_device(device: Device) -> None:
    from gencompare.training.device import find_device

    try:
        find_device(device)
    except SettingError as error:
        raise SettingError(f"training.{error}") from None


def _check_named(given: Iterable[str], used: Iterable[str], section: str, what: str) -> None:
    """Refuse settings of something that is not in the run."""
    known = list(dict.fromkeys(used))
    for name in given:
        if name not in known:
            advice = "; training.… holds for all of them" if section == "contenders" else ""
            raise SettingError(f"{section}.{name}: not in {what}; {nearest(name, known)}{advice}")


def _check_one_budget(plan: Plan) -> None:
    """Refuse a length of training that is given beside a budget."""
    given = plan.sources.given
    blocks = {
        "": given,
        **{f"contenders.{n}.": block for n, block in (given.get("contenders") or {}).items()},
    }
    for where, block in blocks.items():
        if "training.kimg" in flatten({"training": block.get("training") or {}}):
            unit = next(iter(plan.asked.budget or {}))
            raise SettingError(
                f"{where}training.kimg: budget.{unit} says how long training is; give one of the two"
            )


def _checked_image_set(planned: Planned) -> ImageSet:
    """Make an image set and check its source, naming its settings as the user writes them."""
    values = planned.image_set.values
    try:
        image_set = make_image_set(values)
        image_set.check()
    except SettingError as error:
        raise SettingError(str(error).replace("image_set.", f"image_sets.{values['name']}.", 1)) from None
    return image_set
