# One file for CPU and CUDA; only where torch comes from differs.
#
#   CPU    docker build -t gencompare .
#   CUDA   docker build -t gencompare:cuda --build-arg TORCH_OPTIONS= .
#
#   docker run --rm -v "$PWD/data:/project/data" gencompare
#   docker run --rm -v "$PWD/data:/project/data" --gpus all gencompare:cuda kedro run --pipeline=gan_compare --env=gpu
#
# What a run leaves is in data/; MLflow's record stays in the container unless MLFLOW_TRACKING_URI names a server.
# PyPI's torch brings its CUDA libraries along: the machine needs a driver and NVIDIA's container toolkit, no CUDA image.
FROM python:3.12-slim
ARG TORCH_OPTIONS="--index-url https://download.pytorch.org/whl/cpu"
RUN apt-get update \
    && apt-get install --yes --no-install-recommends chromium \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /project
RUN pip install --no-cache-dir $TORCH_OPTIONS "torch>=2.9" "torchvision>=0.24"
COPY . .
RUN pip install --no-cache-dir --editable . \
    && mkdir -p data/01_raw data/04_feature data/05_model_input data/06_models data/07_model_output data/08_reporting
ENV NO_ALBUMENTATIONS_UPDATE=1
CMD ["kedro", "run", "--pipeline=gan_compare"]
