"""From packed shards to a data set: one index, and dataset.json as the sign that all is there."""

import hashlib
import shutil
import zlib
from pathlib import Path

import numpy as np

from amharic_tts.codec.protocol import CodecFacts
from amharic_tts.data.manifest import Reject, write_rejects
from amharic_tts.data.pack import WORK, is_packed, parts_path, read_marker
from amharic_tts.data.pack_plan import PackPlan
from amharic_tts.data.prompts import own_prompt_rows
from amharic_tts.data.read import DatasetInfo, info_to_json
from amharic_tts.data.shard import CATALOG, FORMAT_VERSION, ROW, marker_name
from amharic_tts.errors import InputError
from amharic_tts.publish import publish, sync_directory
from amharic_tts.text.tokenizer import Tokenizer


def finalize(directory: Path, plan: PackPlan, tokenizer: Tokenizer, codec: CodecFacts) -> DatasetInfo:
    """Joins the index parts of all shards into rows.bin and catalog.npy and completes the data set.

    Raises InputError that names the shards that are not packed, and when no row is left. dataset.json comes last.
    """
    gaps = [shard for shard in range(plan.shards) if not is_packed(directory, plan.hash, shard, needs_part=True)]
    if gaps:
        shown = ", ".join(map(str, gaps[:10])) + (", …" if len(gaps) > 10 else "")
        raise InputError(
            f"{len(gaps)} of {plan.shards} shards in {directory} are not packed (numbers {shown}): "
            "run the same build_shards command again, it packs what is missing"
        )
    rejects, catalog, own_prompts = list(plan.rejects), np.zeros(plan.shards, dtype=CATALOG), 0
    with publish(directory / "rows.bin") as file:
        for shard in range(plan.shards):
            records = np.fromfile(parts_path(directory, shard), dtype=ROW)
            marker = read_marker(directory, shard)
            catalog[shard] = describe_shard(directory, shard, marker, records)
            rejects += [Reject.from_dict(one) for one in marker["rejects"]]
            own_prompts += own_prompt_rows(records)
            file.write(records.tobytes())
    rows = int(catalog["rows"].sum(dtype=np.int64))
    if rows + len(rejects) != plan.manifest_rows:
        raise RuntimeError(f"{plan.manifest_rows} manifest rows gave {rows} rows and {len(rejects)} rejects")
    if rows == 0:
        raise InputError(f"all {len(rejects)} rows of the manifest were rejected; the first: {rejects[0].detail}")
    with publish(directory / "catalog.npy") as file:
        np.save(file, catalog, allow_pickle=False)
    write_rejects(directory / "rejects.jsonl", rejects)
    for name, thing in (("tokenizer", tokenizer), ("codec", codec)):
        shutil.rmtree(directory / name, ignore_errors=True)
        thing.save(directory / name)
    info = DatasetInfo(
        format=FORMAT_VERSION,
        rows=rows,
        shards=plan.shards,
        rejected=len(rejects),
        own_prompt_rows=own_prompts,
        tokenizer=tokenizer.fingerprint,
        front_end=tokenizer.front_end.fingerprint,
        codec=codec.fingerprint,
        text_size=tokenizer.size,
        code_size=codec.size,
        conditioning_width=codec.conditioning_width,
        conditioning_rows=codec.conditioning_rows,
        rate=codec.rate,
        sample_rate=codec.sample_rate,
        audio=plan.packing["audio"],
        speakers=plan.speakers,
        packing=plan.packing,
        files=_hash_files(directory, ["catalog.npy", "rows.bin", "rejects.jsonl"], ["tokenizer", "codec"]),
    )
    with publish(directory / "dataset.json") as file:
        file.write(info_to_json(info))
    return info


def clean_up(directory: Path) -> None:
    """Removes what packing left: the frozen plan, index parts, and temporary files of processes that were killed."""
    for path in directory.glob(".*.tmp"):
        path.unlink(missing_ok=True)
    shutil.rmtree(directory / WORK, ignore_errors=True)
    sync_directory(directory)


def describe_shard(directory: Path, shard: int, marker: dict, records: np.ndarray) -> np.ndarray:
    """The CATALOG record () of a packed shard. Raises InputError when its index part is not the one of its marker."""
    if zlib.crc32(records) != marker["rows_crc32"]:
        raise InputError(
            f"{parts_path(directory, shard)} is damaged: remove {directory / marker_name(shard)} and run the same "
            "build_shards command again"
        )
    record = np.zeros((), dtype=CATALOG)
    record["rows"], record["rows_crc32"] = len(records), marker["rows_crc32"]
    lengths = records["n_text"].astype(np.int64) + records["n_code"]
    record["longest"] = lengths.max(initial=0)
    record["text"], record["codes"] = records["n_text"].sum(dtype=np.int64), records["n_code"].sum(dtype=np.int64)
    for column in ("core", "audio"):
        if f"{column}_bytes" in marker:
            record[f"{column}_bytes"] = marker[f"{column}_bytes"]
            record[f"{column}_blake2b"] = np.frombuffer(bytes.fromhex(marker[f"{column}_blake2b"]), dtype=np.uint8)
    content = (directory / marker_name(shard)).read_bytes()
    record["marker_blake2b"] = np.frombuffer(hashlib.blake2b(content, digest_size=16).digest(), dtype=np.uint8)
    return record


def _hash_files(directory: Path, names: list[str], folders: list[str]) -> dict[str, str]:
    """blake2b of files, by their path from the data set's folder."""
    inside = sorted(path for folder in folders for path in (directory / folder).rglob("*") if path.is_file())
    paths = [directory / name for name in names] + inside
    return {path.relative_to(directory).as_posix(): hash_file(path) for path in paths}


def hash_file(path: Path) -> str:
    """blake2b (16 bytes, hex) of a file's content."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
