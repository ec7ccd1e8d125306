"""Nested settings from a YAML or JSON mapping into frozen dataclasses. Closed: an unknown key or a wrong type is an error.

All problems of a file are collected, so that one run shows everything that is wrong with it.
"""

import dataclasses
import difflib
import sys
import types
import typing
from typing import Any

LARGEST_FLOAT = int(sys.float_info.max)  # float() of a larger whole number is an OverflowError


def nearest(name: str, known: typing.Iterable[str]) -> str:
    """` (did you mean …?)` for the most similar known name, or an empty string."""
    close = difflib.get_close_matches(name, list(known), 1, 0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""


def build(kind: type, values: Any, where: str, problems: list[str]) -> Any:
    """An instance of dataclass `kind` from a mapping; what is wrong is appended to `problems`, each with its path."""
    if not isinstance(values, dict):
        problems.append(f"{where or 'the file'}: expected a mapping of settings, found {describe(values)}")
        return None
    fields = {field.name: field for field in dataclasses.fields(kind)}
    hints = typing.get_type_hints(kind)
    found = {}
    for name, value in values.items():
        path = f"{where}.{name}" if where else str(name)
        if name not in fields:
            problems.append(f"unknown key {path!r}{nearest(str(name), fields)}")
            continue
        found[name] = convert(hints[name], value, path, problems)
    for name, field in fields.items():
        if name in found or field.default is not dataclasses.MISSING:
            continue
        if field.default_factory is dataclasses.MISSING:
            problems.append(f"missing key {f'{where}.{name}' if where else name!r}")
    if problems:
        return None
    return kind(**found)


def convert(hint: Any, value: Any, path: str, problems: list[str]) -> Any:
    """`value` as the type of a field; a whole number is taken where a float is wanted, nothing else is bent."""
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        options = typing.get_args(hint)
        if value is None and type(None) in options:
            return None
        attempts = []
        for option in (o for o in options if o is not type(None)):
            trial: list[str] = []
            result = convert(option, value, path, trial)
            if not trial:
                return result
            attempts.append(trial)
        problems.extend(attempts[0])
        return None
    if origin is typing.Literal:
        allowed = typing.get_args(hint)
        if value not in allowed:
            problems.append(f"{path}: {value!r} is not one of {', '.join(map(str, allowed))}")
        return value
    if dataclasses.is_dataclass(hint):
        return build(hint, value, path, problems)
    if origin is dict:
        _, inner = typing.get_args(hint)
        if not isinstance(value, dict):
            problems.append(f"{path}: expected a mapping, found {describe(value)}")
            return None
        return {str(key): convert(inner, item, f"{path}.{key}", problems) for key, item in value.items()}
    if origin is tuple:
        inners = typing.get_args(hint)
        if inners[1:] == (...,):  # any number of one type
            inners = inners[:1] * (len(value) if isinstance(value, list | tuple) else 1)
        if not isinstance(value, list | tuple) or len(value) != len(inners):
            problems.append(f"{path}: expected a list of {len(inners)}, found {describe(value)}")
            return None
        return tuple(convert(i, v, f"{path}[{n}]", problems) for n, (i, v) in enumerate(zip(inners, value)))
    if hint is float and isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST_FLOAT:
        return float(value)
    if isinstance(value, hint) and not (isinstance(value, bool) and hint is not bool):
        return value
    # YAML 1.1 reads 2e-5 as a string: it wants 2.0e-5. Say so instead of training with a string or guessing.
    hint_about_yaml = " (YAML needs a dot: write 2.0e-5, not 2e-5)" if hint is float and isinstance(value, str) else ""
    problems.append(f"{path}: expected {hint.__name__}, found {describe(value)}{hint_about_yaml}")
    return None


def describe(value: Any) -> str:
    return f"{type(value).__name__} {value!r}"[:200] if value is not None else "nothing"


def merge(base: dict, over: dict) -> dict:
    """`over` laid on `base`, mapping by mapping; anything else is replaced."""
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else value
    return merged
