"""Base models for tests: what IndexTTS-2's vocabulary is like (capitals only, no bytes), and other kinds."""

import functools
import io
import random

import sentencepiece

SIGNS = "0123456789.,?!'-"


@functools.cache
def base_model(size: int = 12000, model_type: str = "bpe", lower: bool = False, **options) -> bytes:
    """A SentencePiece model of invented Latin words, with SentencePiece's default normaliser; ids 0, 1, 2 as ours."""
    chance = random.Random(size)
    syllables = [
        c + v
        for c in [
            "B",
            "C",
            "D",
            "F",
            "G",
            "H",
            "J",
            "K",
            "L",
            "M",
            "N",
            "P",
            "QU",
            "R",
            "S",
            "SH",
            "T",
            "V",
            "W",
            "X",
            "Y",
            "Z",
        ]
        for v in ["A", "E", "I", "O", "U"]
    ]
    words = ["".join(chance.choices(syllables, k=chance.randint(1, 5))) for _ in range(3 * size)]
    model = io.BytesIO()
    settings = {"bos_id": 0, "eos_id": 1, "unk_id": 2, "pad_id": -1} | options
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=(word.lower() if lower else word for word in words),
        model_writer=model,
        model_type=model_type,
        vocab_size=size,
        required_chars=SIGNS,
        num_threads=1,
        minloglevel=2,
        **settings,
    )
    return model.getvalue()


@functools.cache
def processor(model: bytes) -> sentencepiece.SentencePieceProcessor:
    return sentencepiece.SentencePieceProcessor(model_proto=model)
