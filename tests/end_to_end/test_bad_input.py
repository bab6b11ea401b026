"""What cannot work is refused in one clear line, through the real command line, before anything is trained."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gencompare.running import under_way

from .conftest import make_project

SMOKE = "run --env=smoke"
FOLDER = "--dataset=folder --params=image_sets.folder.path"
BEFORE = {
    # what to run
    "run --pipeline=gan_comparee": "pipeline='gan_comparee': unknown; did you mean gan_compare",
    "run --pipelines=gan_compare,vae_compar": "pipeline='vae_compar': unknown; did you mean vae_compare",
    "run --env=smok": "env='smok': no such folder in conf/; did you mean smoke?",
    f"{SMOKE} everything": "unexpected extra argument (everything)",
    f"{SMOKE} --seed=3": "No such option '--seed'. Did you mean '--seeds'?",
    f"{SMOKE} --runner=ThreadRuner": "runner='ThreadRuner': must be one of SequentialRunner, ThreadRunner",
    f"{SMOKE} --tags=reprot": "tags='reprot': none of this run; did you mean report?",
    f"{SMOKE} --to-nodes=nothing": "to-nodes='nothing': none of this run; known: gan-dcgan.budget",
    f"{SMOKE} --from-nodes=gan-dcgan.trian": "did you mean gan-dcgan.train",
    f"{SMOKE} --nodes=gan-dcgan.trian": "nodes='gan-dcgan.trian': none of this run; did you mean gan-dcgan.train",
    f"{SMOKE} --namespaces=gan-dcgn": "namespaces='gan-dcgn': none of this run; did you mean gan-dcgan",
    f"{SMOKE} --from-inputs=gan_compare.preparedd": "did you mean gan_compare.prepared",
    f"{SMOKE} --to-outputs=gan_compare.reprot": "to-outputs='gan_compare.reprot': none of this run",
    f"{SMOKE} --load-versions=gan_compare.dcgn.weights:2001-01-01T00.00.00.000Z": "load-versions='gan_compare.dcgn",
    f"{SMOKE} --tags=report": "dcgan.cost: there is none yet; run without --tags",
    # how long and how often
    f"{SMOKE} --seeds=0": "seeds=0: should be greater than 0",
    f"{SMOKE} --seeds=three": "'--seeds': 'three' is not a valid integer",
    f"{SMOKE} --params=seeds=2 --seeds=3": "seeds is given twice",
    f"{SMOKE} --minutes=0": "budget.minutes=0.0: should be greater than 0",
    f"{SMOKE} --minutes=nan": "budget.minutes=nan: should be a finite number",
    f"{SMOKE} --kimg=inf": "budget.kimg=inf: should be a finite number",
    f"{SMOKE} --petaflops=-1": "budget.petaflops=-1.0: should be greater than 0",
    f"{SMOKE} --kimg=1 --minutes=1": "budget: give one of minutes, kimg, petaflops",
    f"{SMOKE} --minutes=1 --params=training.kimg=2": "training.kimg: budget.minutes says how long training is",
    # who
    f"{SMOKE} --contenders=": "--contenders: nothing: no such contender; known: advanced_plain",
    f"{SMOKE} --contenders=dcgn": "--contenders: dcgn: no such contender; did you mean dcgan?",
    f"{SMOKE} --contenders=dcgan,dcgan": "--contenders: dcgan stands there twice",
    f"{SMOKE} --contenders=vae,conditional_gan": "conditional_gan.model.conditional=True: the image set has no labels",
    # where
    f"{SMOKE} --engine=nonsense": "engine='nonsense': no scheduler answers there",
    f"{SMOKE} --engine=tcp://127.0.0.1:1": "engine='tcp://127.0.0.1:1': no scheduler answers there",
    f"{SMOKE} --params=training.device=gpu": "training.device='gpu': should be 'auto', 'cpu' or 'cuda'",
    # parameters that there are not
    f"{SMOKE} --params=dataset=sq\udcff": "sq\\udcff': is not UTF-8",
    f"{SMOKE} --params=datset=pandas": "datset: no such parameter; did you mean dataset?",
    f"{SMOKE} --params=sead=1": "sead: no such parameter; did you mean seed or seeds?",
    f"{SMOKE} --params=trainning.lr=5": "trainning: no such parameter; did you mean training?",
    f"{SMOKE} --params=training": "Item `training` must contain a key and a value",
    f"{SMOKE} --params=training=5": "training=5: must be settings by name",
    f"{SMOKE} --params=training.epochs=3": "training.epochs=3: no such setting",
    f"{SMOKE} --params=contenders=dcgan": "contenders='dcgan': must be settings by name",
    f"{SMOKE} --params=contenders.dcgan=5": "contenders.dcgan=5: must be a block of model, objective, sampler",
    f"{SMOKE} --params=contenders.dcgan.modle.width=3": "contenders.dcgan.modle: no such setting; did you mean model?",
    f"{SMOKE} --params=contenders.dcgn.training.kimg=1": "contenders.dcgn: no such contender; did you mean dcgan?",
    f"{SMOKE} --params=contenders.conditional_gan.training.lr=1": "contenders.conditional_gan: not in gan_compare",
    f"{SMOKE} --params=contenders.dcgan.model.widht=3": "contenders.dcgan.model.widht=3: no such setting; did you mean",
    f"{SMOKE} --params=evaluation.sample=10": "evaluation.sample=10: no such setting; did you mean samples?",
    f"{SMOKE} --params=image_sets.sqares.count=64": "image_sets.sqares: no such image set; did you mean squares?",
    f"{SMOKE} --params=image_sets.squares.held_out=1": "squares.held_out=1: no such setting; did you mean heldout?",
    f"{SMOKE} --params=image_sets.pandas.count=10": "image_sets.pandas: not in gan_compare; known: squares",
    f"{SMOKE} --params=samples=/tmp": "samples: has no effect on gan_compare; leave it out",
    f"{SMOKE} --params=n=5": "n: has no effect on gan_compare; leave it out",
    # values that cannot be
    f"{SMOKE} --params=seed=abc": "Error: seed='abc': should be a valid integer",
    f"{SMOKE} --params=seed=-1": "Error: seed=-1: should be greater than or equal to 0",
    f"{SMOKE} --params=seed=99999999999999999999": "seed=99999999999999999999: should be less than",
    f"{SMOKE} --params=seed=1.5": "Error: seed=1.5: should be a valid integer",
    f"{SMOKE} --params=seed=true": "Error: seed=True: must be a number, and is bool",
    f"{SMOKE} --params=training.lr=fast": "Error: training.lr='fast': should be a valid number",
    f"{SMOKE} --params=training.lr=-1": "Error: training.lr=-1: should be greater than 0",
    f"{SMOKE} --params=training.lr.generatr=1": "training.lr.generatr: it has no such network; did you mean generator?",
    f"{SMOKE} --params=training.lr.generator=1": "training.lr.discriminator: must be given",
    f"{SMOKE} --params=training.batch_size=0": "Error: training.batch_size=0: should be greater than 0",
    f"{SMOKE} --params=training.batch_size=1.5": "training.batch_size=1.5: should be a valid integer",
    f"{SMOKE} --params=training.kimg=0": "training.kimg=0: should be greater than 0",
    f"{SMOKE} --params=training.rows=0": "training.rows=0: should be greater than 0",
    f"{SMOKE} --params=training.betas=[0.5]": "training.betas.1: must be given",
    f"{SMOKE} --params=training.processes=5": "processes=5: cannot share a batch",
    f"{SMOKE} --params=training.checkpoint_seconds=-1": "training.checkpoint_seconds=-1: should be greater",
    f"{SMOKE} --params=training.sample_from=first": "training.sample_from='first': should be 'last' or 'best'",
    f"{SMOKE} --params=training.horizontal_flip=perhaps": "training.horizontal_flip='perhaps': should be a valid bool",
    f"{SMOKE} --params=contenders.dcgan.model.width=9999": "contenders.dcgan.model.width=9999: at most model.max_width=",
    f"{SMOKE} --params=contenders.dcgan.model.latent_dim=2000000000": "contenders.dcgan.model: its networks do not fit",
    f"{SMOKE} --params=contenders.dcgan.model.latent_dim=9000000000000000000000": "contenders.dcgan.model.latent_dim=9",
    f"{SMOKE} --params=contenders.dcgan.model.width=wide": "contenders.dcgan.model.width='wide': should be a valid",
    f"{SMOKE} --params=contenders.dcgan.model.name=dcgann": "dcgan.model.name='dcgann': unknown; did you mean dcgan",
    f"{SMOKE} --params=contenders.dcgan.objective.name=hinged": "objective.name='hinged': unknown; did you mean hinge?",
    f"{SMOKE} --params=contenders.dcgan.sampler.name=ddimm": "sampler.name='ddimm': unknown; did you mean ddim",
    f"{SMOKE} --params=contenders.ddpm.sampler.steps=0": "contenders.ddpm.sampler.steps=0: should be greater than 0",
    f"{SMOKE} --params=contenders.progressive_gan.model.growth=1": "model.growth=1: should be less than 1",
    f"{SMOKE} --params=contenders.vae.model.code=image": "contenders.vae.model.code='image': should be 'vector'",
    f"{SMOKE} --params=evaluation.samples=0": "evaluation.samples=0: should be greater than or equal to 16",
    f"{SMOKE} --params=evaluation.samples=abc": "evaluation.samples='abc': should be a valid integer",
    f"{SMOKE} --params=evaluation.batch_size=0": "evaluation.batch_size=0: should be greater than 0",
    f"{SMOKE} --params=evaluation.extractor=incption": "evaluation.extractor='incption': should be 'efficientnet_lite0'",
    f"{SMOKE} --params=evaluation.extractor=inception,evaluation.weights=/no/such.pth": "'/no/such.pth': no such file",
    f"{SMOKE} --params=image_sets.squares.count=0": "image_sets.squares.count=0: should be greater than 0",
    f"{SMOKE} --params=image_sets.squares.colour=red": "image_sets.squares.colour='red': should be a valid tuple",
    f"{SMOKE} --params=image_sets.squares.resolution=50": "resolution=50: mlp_gan makes 16, 32, 64, 128 pixels a side",
    f"{SMOKE} --params=contenders.dcgan.training.ema_decay=1": "dcgan.training.ema_decay=1: should be less than 1",
    # what does not go together
    f"{SMOKE} --params=contenders.dcgan.sampler.name=ddim": "dcgan.sampler.name='ddim': needs one network of kind Deno",
    f"{SMOKE} --params=contenders.vae.sampler.name=autoregressive": "needs one network of kind Prior",
    f"{SMOKE} --params=contenders.ddpm.objective.name=elbo": "ddpm.objective.name='elbo': needs a network 'vae'",
    f"{SMOKE} --params=contenders.ddpm.sampler.steps=10000": "ddpm.sampler.steps=10000: at most the model's 1000",
    f"{SMOKE} --params=contenders.ddpm.sampler.guidance_scale=2": "guidance_scale=2.0: must be 1, since the model",
    f"{SMOKE} --params=contenders.ddpm.training.validations=1": "autoguidance=2.0: takes weights of earlier in training",
    f"{SMOKE} --params=contenders.ddpm.model.widths=[30]": "ddpm.model.widths=(30,): each must be a multiple of 8",
    f"{SMOKE} --params=contenders.ddpm.model.patch=3": "ddpm.model.patch=3 and 2 widths: the resolution 16 must be",
    f"{SMOKE} --params=contenders.dcgan.model.conditional=true": "dcgan.model.conditional=True: the image set has no",
    f"{SMOKE} --params=contenders.wgan_gp.model.critic_norm=batch": "wgan_gp.objective.name='wgan_gp': the gradient",
    f"{SMOKE} --params=contenders.dcgan.objective.n_critic=20": "batch_size=32: too few for objective.n_critic=20",
    # images
    f"{SMOKE} --dataset=squars": "dataset='squars': unknown; did you mean squares?",
    f"{SMOKE} --dataset=folder": "image_sets.folder.path: must be given; name your folder of images",
    f"{SMOKE} --dataset=cub200": "image_sets.cub200.folder: name the folder CUB_200_2011",
    f"{SMOKE} {FOLDER}=/no/such/folder": "image_sets.folder.path=/no/such/folder: no such folder",
    f"{SMOKE} {FOLDER}=/etc/hostname": "image_sets.folder.path=/etc/hostname: no such folder",
    f"{SMOKE} {FOLDER}=EMPTY": "no images in it",
    f"{SMOKE} {FOLDER}=TEXTS": "none of 1 files tried is a readable image: b.png",
    # other pipelines and commands
    "run --pipeline=sample": "must be what to sample, such as from=gan_compare.dcgan",
    "run --pipeline=sample --params=from=gan_compare.dcgan": "from='gan_compare.dcgan': ",
    "run --pipeline=sample --params=from=gan_compare.dcgan,n=0": "Error: n=0: should be greater than 0",
    "run --pipeline=sample --params=from=gan_compare.dcgan --seeds=3": "seeds: has no effect on sample",
    "run --pipeline=score": "samples=None: must be an existing folder of images, .npz or .npy file",
    "run --pipeline=score --params=samples=/no/such.npz": "samples='/no/such.npz': must be an existing folder",
    "run --pipeline=score --params=samples=/etc/hostname": "samples='/etc/hostname': must be an existing folder",
    "run --pipeline=history --params=comparison=gan_compar": "comparison='gan_compar': unknown; did you mean gan_comp",
    "run --pipeline=publish --params=comparison=gan_compar": "comparison='gan_compar': unknown; did you mean gan_comp",
    "plan": "Missing argument 'NAME'",
    "plan gan_compar": "pipeline='gan_compar': unknown; did you mean gan_compare",
    "plan gan_compare --diff dcgan lsgn": "contenders.lsgn: no such contender; did you mean lsgan?",
    "plan gan_compare --env=smok": "env='smok': no such folder in conf/; did you mean smoke?",
    "plan gan_compare --params=training.lrr=1": "training.lrr=1: no such setting; did you mean lr?",
    "plan gan_compare --contenders=dcgn": "--contenders: dcgn: no such contender; did you mean dcgan?",
    "plan gan_compare --minutes=5 --kimg=3": "budget: give one of minutes, kimg, petaflops",
    "prune --keep=0": "'--keep': 0 is not in the range",
    "explore --port=1": "'--port': 1 is not in the range",
    "list everything": "unexpected extra argument (everything)",
}
"""Refused before anything is prepared."""
ONCE_THE_IMAGES_ARE_KNOWN = {
    f"{SMOKE} {FOLDER}=FORTY": "there are 8 distinct held-out images; scoring needs at least 16 of each",
    f"{SMOKE} {FOLDER}=EQUAL": "no image is left for the heldout split; 299 files are copies of others",
    f"{SMOKE} --params=contenders.vae.images.count=3": "vae.sampler.components=4: at most the 3 training images",
    f"{SMOKE} --params=contenders.vae.images.count=999": "contenders.vae.images.count=999: there are only 256 training",
    f"{SMOKE} --params=contenders.vae.images.only.recipe=basic": "contenders.vae.images.only.recipe: the image set",
    "run --pipeline=publish --params=comparison=gan_compare": "comparison='gan_compare': nothing of it is in",
    "run --pipeline=publish": "Error: nothing is in",
    "run --pipeline=history --params=dataset=pandas": "Error: nothing on pandas is in",
}
SIDE_BY_SIDE = 2


@pytest.fixture(scope="module")
def answers(once):
    """What every command above ended with, those of known images when given again, what files were there after the
    others, and what was trained. All of pytest's processes hear of one asking."""
    asked = once("typed", lambda folder: (folder / "answers.json").write_text(json.dumps(ask_all(folder))))
    return json.loads((asked / "answers.json").read_text())


def ask_all(folder):
    """Give all commands in a new project."""
    project = make_project(folder)
    rng = np.random.default_rng(0)
    for name, count in (("FORTY", 40), ("EQUAL", 300), ("TEXTS", 0), ("EMPTY", 0)):
        (project / name).mkdir()
        for number in range(count):
            pixels = np.full((20, 20, 3), 90) if name == "EQUAL" else rng.integers(0, 255, (20, 20, 3))
            Image.fromarray(pixels.astype(np.uint8)).save(project / name / f"{number}.png")
    (project / "TEXTS/b.png").write_text("no image")

    def ask(words):
        script = Path(__file__).with_name("typed.py")
        given = "".join(f"{json.dumps(one.split())}\n" for one in words)
        done = subprocess.run(
            [sys.executable, "-W", "ignore", script],
            cwd=project,
            input=given,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return dict(zip(words, map(json.loads, done.stdout.splitlines()), strict=True))

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        parts = [list(BEFORE)[k::SIDE_BY_SIDE] for k in range(SIDE_BY_SIDE)]
        found = {words: answer for part in pool.map(ask, parts) for words, answer in part.items()}
    files = [path for path in (project / "data").rglob("*") if path.is_file()]
    made = [
        str(path) for path in files if path.parent.name != under_way.FOLDER
    ]  # where runs come in by a lock
    found |= ask(list(ONCE_THE_IMAGES_ARE_KNOWN))
    again = ask(list(ONCE_THE_IMAGES_ARE_KNOWN))  # when the images are there already
    return found, again, made, [str(path) for path in (project / "data/06_models").glob("trainings/*")]


@pytest.mark.parametrize(("words", "said"), BEFORE.items(), ids=list(BEFORE))
def test_refused_in_one_line(answers, words, said):
    answer = answers[0][words]
    assert answer["status"] == 1
    assert answer["said"].startswith("Error: "), answer["said"]
    assert said in answer["said"]
    assert answer["said"].count("\n") == 1


@pytest.mark.parametrize(
    ("words", "said"), ONCE_THE_IMAGES_ARE_KNOWN.items(), ids=list(ONCE_THE_IMAGES_ARE_KNOWN)
)
def test_refused_before_anything_is_trained(answers, words, said):
    for answer in (answers[0][words], answers[1][words]):
        last = answer["said"].splitlines()[-1]
        assert answer["status"] == 1
        assert "Traceback" not in answer["said"]
        assert last.startswith("Error: ")
        assert said in last
        assert answer["said"].count(last.removeprefix("Error: ")) == 1, "by whoever fails and at the end"


def test_before_anything_is_made(answers):
    found, _, made, trained = answers
    assert len(found) > 100
    assert made == []
    assert trained == []


@pytest.mark.alone
@pytest.mark.parametrize("words", ["--env=smok", "--params=contenders.ddpm.sampler.steps=10000", "--seed=3"])
def test_within_eight_seconds_of_the_command(project, words):
    """To the end of what is said, which processes that the command started could still hold open."""
    started = time.monotonic()
    command = [sys.executable, "-m", "kedro", "run", "--pipelines=gan_compare", words]
    assert subprocess.run(command, cwd=project, capture_output=True, check=False).returncode == 1
    assert time.monotonic() - started < 8


def test_the_command_line_without_anything_imported_before(project):
    command = [sys.executable, "-m", "kedro", "run", "--pipeline=gan_compare", "--params=dataset=circles"]
    ended = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    said = ended.stdout + ended.stderr
    assert ended.returncode == 1
    assert (
        said
        == "Error: dataset='circles': unknown; known: cifar10, cub200, fashion_mnist, folder, pandas, squares\n"
    )
    debugged = subprocess.run([*command, "--debug"], cwd=project, capture_output=True, text=True, check=False)
    assert debugged.returncode == 1
    assert "Traceback" in debugged.stderr
    assert debugged.stderr.endswith(said)


def test_a_file_that_is_no_yaml(project):
    (project / "conf/base/parameters.yml").write_text("training: {lr: 1\ncontenders: [")
    command = [sys.executable, "-m", "kedro", "plan", "gan_compare"]
    ended = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith("Error: conf/base/parameters.yml: line 2: ")
    assert ended.stderr.count("\n") == 1
