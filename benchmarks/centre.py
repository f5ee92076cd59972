"""The mean of a model's embeddings over a folder of photographs, for recognition/centre_sface.json.

    python -m benchmarks.centre --faces DIR > recognition/centre_sface.json

DIR contains <person>/<photograph>; every photograph of `recognition.open_set.Photographs` counts once. Another mean
makes another engine, so recognition.engine.PREPROCESSING must change with it.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import multiprocessing
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.ablation import load, look
from benchmarks.weights import staged
from recognition.open_set import NoFaces, Photographs


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=Path, required=True)
    options = parser.parse_args(arguments)
    try:
        photographs = Photographs.of(options.faces)
    except NoFaces as error:
        raise SystemExit(str(error)) from error
    paths = [*photographs.gallery.values(), *(path for _, path in photographs.mated), *photographs.non_mated]
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count(), context, load, (staged(),)) as pool:
        vectors = [each.vectors["exact"] for each in pool.map(look, paths, chunksize=8) if each is not None]
    mean = [round(float(value), 5) for value in np.mean(vectors, axis=0)]
    print(json.dumps({"photographs": len(vectors), "dataset_sha256": photographs.digest(), "mean": mean}))


if __name__ == "__main__":
    main()
