"""Own reader and loader beside stock webdataset on the same shards: `python tests/bench/bench_read.py`.

The shards are synthetic (speech-like lengths, one row in five a prompt) and stay in the page cache, so the table shows
the cost of the software. Figures are microseconds of processor time per row, child processes included, and rows per
second of wall time; the ratio is of processor time to the first line of each group. "checked" says whether a flipped
byte would be noticed.
"""

import argparse
import hashlib
import json
import os
import tempfile
import time
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
import webdataset

from amharic_tts.data.load import load_steps
from amharic_tts.data.manifest import Row
from amharic_tts.data.plan import Plan
from amharic_tts.data.read import Dataset, DatasetInfo, info_to_json
from amharic_tts.data.shard import CATALOG, FORMAT_VERSION, ROW, core_name, encode_sample, tar_end

BATCH = 20  # rows of a micro-batch, about what an 8k token budget gives


def write_dataset(directory: Path, shards: int, rows_per_shard: int, width: int) -> None:
    """A data set of random content in the format of shards/README.md; prompts are `width` wide."""
    generator = np.random.default_rng(0)
    catalog, records = np.zeros(shards, dtype=CATALOG), np.zeros(shards * rows_per_shard, dtype=ROW)
    for shard in range(shards):
        part = records[shard * rows_per_shard : (shard + 1) * rows_per_shard]
        written = 0
        with open(directory / core_name(shard), "wb") as file:
            for i, record in enumerate(part):
                seconds = float(np.clip(generator.lognormal(np.log(5.8) - 0.19, 0.62), 1, 20))
                uid = generator.bytes(16)
                row = Row(id=uid.hex(), audio="a.flac", text="ሰላም " * 12, speaker="s", recording="r", duration=seconds)
                ids = generator.integers(0, 8000, int(seconds * 6))
                codes = generator.integers(0, 8192, int(seconds * 50))
                prompt = None
                if i % 5 == 0:
                    prompt = generator.normal(size=(int(min(seconds, 10) * 50), width)).astype(np.float16)
                extent = encode_sample(row, ids, codes, prompt)
                file.write(extent)
                record["id"] = np.frombuffer(uid, dtype=np.uint8)
                record["offset"], record["size"], record["crc32"] = written, len(extent), zlib.crc32(extent)
                record["duration"], record["block"] = seconds, i // 15
                record["n_text"], record["n_code"] = len(ids), len(codes)
                record["n_prompt"] = 0 if prompt is None else len(prompt)
                written += len(extent)
            file.write(tar_end(written))
        entry = catalog[shard]
        entry["rows"], entry["core_bytes"] = rows_per_shard, written + len(tar_end(written))
        entry["text"], entry["codes"] = part["n_text"].sum(dtype=np.int64), part["n_code"].sum(dtype=np.int64)
        entry["longest"] = (part["n_text"].astype(int) + part["n_code"]).max()
        entry["rows_crc32"] = zlib.crc32(part)
    (directory / "rows.bin").write_bytes(records.tobytes())
    np.save(directory / "catalog.npy", catalog)
    catalog_hash = hashlib.blake2b((directory / "catalog.npy").read_bytes(), digest_size=16).hexdigest()
    info = DatasetInfo(
        format=FORMAT_VERSION,
        rows=len(records),
        shards=shards,
        rejected=0,
        own_prompt_rows=0,
        tokenizer="",
        front_end="",
        codec="",
        text_size=8000,
        code_size=8192,
        conditioning_width=width,
        conditioning_rows=0,
        rate=50.0,
        sample_rate=16000,
        audio=False,
        speakers=["s"],
        packing={},
        files={"catalog.npy": catalog_hash},
    )
    (directory / "dataset.json").write_bytes(info_to_json(info))


def decode(sample: dict) -> dict:
    """What a webdataset user would write to get the same arrays."""
    json.loads(sample["json"])
    return {"ids": np.frombuffer(sample["ids"], "<u2"), "codes": np.frombuffer(sample["codes"], "<i2")}


def collate(samples: list[dict]) -> dict:
    """Padded int64 tensors of the ids and codes of a micro-batch."""
    batch = {}
    for name in ("ids", "codes"):
        arrays = [torch.from_numpy(sample[name].astype(np.int64)) for sample in samples]
        batch[name] = torch.nn.utils.rnn.pad_sequence(arrays, batch_first=True)
    return batch


def processor_seconds() -> float:
    """User and system time of this process and its ended children."""
    return sum(os.times()[:4])


def measure(work: Callable[[], int]) -> tuple[float, float]:
    """(µs of processor time per row, rows per second); `work` returns how many rows it read. Best of three."""
    best = (float("inf"), 0.0)
    for _ in range(3):
        processor, wall = processor_seconds(), time.perf_counter()
        rows = work()
        best = min(best, ((processor_seconds() - processor) / rows * 1e6, rows / (time.perf_counter() - wall)))
    return best


def main() -> None:
    """Writes the shards to a temporary folder, measures and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", type=int, default=8)
    parser.add_argument("--rows-per-shard", type=int, default=1500)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        thin, wide = Path(folder) / "thin", Path(folder) / "wide"
        for directory, width in ((thin, 1), (wide, 80)):
            directory.mkdir()
            write_dataset(directory, arguments.shards, arguments.rows_per_shard, width)
        print("| read | reader | µs per row | rows/s | ratio | checked |\n|---|---|---|---|---|---|")
        for group, lines in cases(Dataset.open(thin), Dataset.open(wide)).items():
            base = None
            for name, checked, work in lines:
                cost, speed = measure(work)
                base = base or cost
                print(f"| {group} | {name} | {cost:.0f} | {speed:.0f} | {cost / base:.1f} | {checked} |", flush=True)


def cases(dataset: Dataset, wide: Dataset) -> dict[str, list[tuple[str, str, Callable[[], int]]]]:
    """Group → [(name, checked, work)]. webdataset gives no prompts; `dataset` has them so thin that they cost little."""
    urls = sorted(map(str, dataset.directory.glob("core-*.tar")))
    rows = [(shard, row) for shard in range(dataset.info.shards) for row in range(int(dataset.catalog["rows"][shard]))]
    mixed = [rows[i] for i in np.random.default_rng(0).permutation(len(rows))]

    def own(places: Iterable[tuple[int, int]]) -> int:
        with dataset.reader() as reader:
            return sum(1 for shard, row in places if json.loads(reader.read(shard, row).json))

    def own_loader(threads: int, of: Dataset = dataset) -> int:
        plan = Plan(of.catalog, of.rows_of_shard, 0, 32_768)
        steps = load_steps(of, plan, 0, 1, 8192, epochs=1, threads=threads)
        return sum(step.rows for step in steps)

    def stock() -> int:
        return sum(1 for _ in webdataset.WebDataset(urls, shardshuffle=False).map(decode))

    def stock_loader(workers: int) -> int:
        data = webdataset.WebDataset(urls, shardshuffle=False, workersplitter=webdataset.split_by_worker)
        data = data.shuffle(1000).map(decode).batched(BATCH, collation_fn=collate)
        return sum(len(batch["ids"]) for batch in torch.utils.data.DataLoader(data, None, num_workers=workers))

    return {
        "rows": [
            ("own, in order", "yes", lambda: own(rows)),
            ("own, at random", "yes", lambda: own(mixed)),
            ("webdataset, in order", "no", stock),
        ],
        "batches": [
            ("own, 1 thread", "yes", lambda: own_loader(1)),
            ("own, 2 threads", "yes", lambda: own_loader(2)),
            ("own, 2 threads, with prompts 80 wide", "yes", lambda: own_loader(2, wide)),
            ("webdataset, this process", "no", lambda: stock_loader(0)),
            ("webdataset, 2 workers", "no", lambda: stock_loader(2)),
        ],
    }


if __name__ == "__main__":
    main()
