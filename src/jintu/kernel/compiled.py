"""Functions compiled by numba whose machine code a new process runs without numba.

    @compiled
    def areas(rings: Rings, first: int, last: int, planar: bool, out: Floats) -> None: ...

numba keeps what it has compiled, but to load it a process first imports the compiler and tells it everything it knows
about NumPy: more than a second on one core, two thirds of an overlay of a million polygons from cold files. A function
decorated with `compiled` keeps its object code beside the types it is for. A process that finds it there links it with
LLVM and calls it through ctypes, which gives up the GIL; only one that does not find it imports numba and compiles.

For numba the decorated function is an ordinary compiled function, so one may call another. Called from Python, it takes
numbers, truths, arrays, and (named) tuples of them. A tuple of arrays that is handed over again and again is made
`resident` once. Object code is kept of functions that *return nothing, a number or numbers* and *allocate nothing*
(they write to arrays the caller has made): such code needs nothing of numba when it runs. Any other function is handed
to numba, which is only slower to start.

Object code is kept in ``NUMBA_CACHE_DIR``, or where the sources are. It is used as long as the sources it can be made
of, numba, LLVM and the processor are the same.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache, update_wrapper
from importlib.machinery import PathFinder
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar, cast, overload

import numpy as np

from jintu.kernel import codecache

__all__ = ["Compiled", "compiled", "resident"]

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

KERNEL = Path(__file__).parent
OUTSIDE = frozenset({"sin", "cos", "atanh", "floor", "fmod", "pow", "memset", "memcpy", "memmove"})
"""Functions of the C library that object code may call."""

NEVER_CALLED = "NRT_MemInfo_call_dtor"
"""Frees an array that numba has allocated. Functions that allocate nothing mention it and never come to it."""

RESULTS: dict[str, Any] = {"none": None, "int64": ctypes.c_int64, "float64": ctypes.c_double, "bool": ctypes.c_uint8}

_FINE = frozenset({0, -2})
"""Statuses of numba's calling convention: returned something, returned None."""

_linked: list[Any] = []
"""LLVM's engines own the code, which is never unloaded."""

_lock = Lock()


@overload
def compiled(function: F) -> F: ...
@overload
def compiled(**options: Any) -> Callable[[F], F]: ...
def compiled(function: Any = None, **options: Any) -> Any:
    """Compile a function when it is first called; ``options`` are those of ``numba.njit``."""
    if function is None:
        return lambda f: Compiled(f, options)
    return Compiled(function, options)


class Compiled:
    """A function as `compiled` leaves it.

    ``signatures`` are the choices of types it has been called with; ``misses`` of them were not found on disk.
    """

    def __init__(self, function: Callable[..., Any], options: dict[str, Any]) -> None:
        update_wrapper(self, function)
        self._function, self._options = function, options
        self._variants: dict[tuple[str, ...], Callable[..., Any]] = {}
        self.misses = 0

    def __call__(self, *arguments: Any) -> Any:
        kinds: list[str] = []
        values: list[Any] = []
        _flatten(arguments, kinds, values)
        key = tuple(kinds)
        variant = self._variants.get(key)
        if variant is None:
            with _lock:
                variant = self._variants.get(key) or self._variant(key, [_plain(a) for a in arguments])
                self._variants[key] = variant
        return variant(values, arguments)

    @property
    def signatures(self) -> list[tuple[str, ...]]:
        return list(self._variants)

    @property
    def _numba_type_(self) -> Any:
        """What numba asks a name for that it meets in another function."""
        from numba.core import types

        return types.Dispatcher(self._dispatcher())

    def _dispatcher(self) -> Any:
        found = self.__dict__.get("_compiler")
        if found is None:
            import numba

            found = self._compiler = numba.njit(nogil=True, cache=True, **self._options)(self._function)
        return found

    def _variant(self, kinds: Sequence[str], arguments: Sequence[Any]) -> Callable[..., Any]:
        """How to call the function for one choice of types: by its object code, or by numba."""
        kept = _Kept(self._function, kinds)
        found = kept.read()
        if found is None:
            self.misses += 1
            found = _compile(self._function, self._options, arguments)
            kept.write(*found)
        facts, code = found
        if code:
            return _native(facts, code, kinds)
        dispatcher = self._dispatcher()
        return lambda _, given: dispatcher(*map(_plain, given))


# --- arguments ----------


class _Resident:
    """A tuple with the words that stand for it. Its members are read as those of the tuple."""

    __slots__ = ("kinds", "value", "words")

    def __init__(self, value: Any) -> None:
        self.value = value
        self.kinds: list[str] = []
        self.words: list[Any] = []
        _flatten((value,), self.kinds, self.words)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.value, name)


def resident(value: T) -> T:
    """A named tuple of arrays that is told only once where they lie: a quarter of a millisecond for two layers.

    Compiled functions take it as an argument by itself; its arrays may change, but not be replaced.
    """
    return cast("T", _Resident(value))


def _plain(argument: Any) -> Any:
    return argument.value if isinstance(argument, _Resident) else argument


@cache
def _array_kind(dtype: np.dtype[Any], dimensions: int, contiguous: bool) -> str:
    return f"{dtype.str}{dimensions}{'C' if contiguous else 'A'}"


def _flatten(arguments: Sequence[Any], kinds: list[str], values: list[Any]) -> None:
    """Types of arguments, and the machine words that stand for them in numba's calling convention."""
    for a in arguments:
        if isinstance(a, np.ndarray):
            kinds.append(_array_kind(a.dtype, a.ndim, a.flags.c_contiguous))
            # owner and parent (nobody), items, bytes an item, address, shape, strides
            values += (0, 0, a.size, a.itemsize, a.__array_interface__["data"][0], *a.shape, *a.strides)
        elif isinstance(a, _Resident):
            kinds += a.kinds
            values += a.words
        elif isinstance(a, tuple):
            kinds.append(f"({type(a).__name__}")
            _flatten(a, kinds, values)
            kinds.append(")")
        elif isinstance(a, bool | np.bool_):
            kinds.append("b")
            values.append(bool(a))
        elif isinstance(a, int | np.integer):
            kinds.append("i")
            values.append(int(a))
        elif isinstance(a, float | np.floating):
            kinds.append("f")
            values.append(float(a))
        else:
            raise TypeError(f"compiled functions take numbers, arrays and tuples of them, not {type(a).__name__}")


def _numba_type(a: Any) -> Any:
    from numba.core import types
    from numba.np.numpy_support import from_dtype

    if isinstance(a, np.ndarray):
        return types.Array(from_dtype(a.dtype), a.ndim, "C" if a.flags.c_contiguous else "A")
    if isinstance(a, tuple):
        members = [_numba_type(member) for member in a]
        if hasattr(a, "_fields"):
            alike = len(set(members)) == 1
            kind = type(a)
            return types.NamedUniTuple(members[0], len(a), kind) if alike else types.NamedTuple(members, kind)
        return types.BaseTuple.from_types(members)
    if isinstance(a, bool | np.bool_):
        return types.boolean
    return types.int64 if isinstance(a, int | np.integer) else types.float64


# --- object code ----------


def _compile(
    function: Callable[..., Any], options: dict[str, Any], arguments: Sequence[Any]
) -> tuple[dict[str, Any], bytes]:
    """(facts, object code) of a function for the types of arguments; no code where it needs numba to run."""
    from numba.core.compiler import Flags, compile_extra
    from numba.core.registry import cpu_target as target

    flags = Flags()
    target.options.parse_as_flags(flags, options | {"no_cpython_wrapper": True, "no_cfunc_wrapper": True})
    types = tuple(_numba_type(a) for a in arguments)
    result = compile_extra(target.typing_context, target.target_context, function, types, None, flags, {})
    returned = result.signature.return_type
    members = [str(t) for t in getattr(returned, "types", [returned])]
    needed = {f.name for f in result.library._final_module.functions if f.is_declaration}
    needed = {name for name in needed if not name.startswith("llvm.")}
    if not needed <= OUTSIDE | {NEVER_CALLED} or not set(members) <= RESULTS.keys():
        return {}, b""
    facts = {"symbol": result.fndesc.llvm_func_name, "returns": members, "tuple": hasattr(returned, "types")}
    return facts, result.library._get_compiled_object()


def _native(facts: dict[str, Any], code: bytes, kinds: Sequence[str]) -> Callable[..., Any]:
    """Link object code by LLVM's linker alone; the function takes what `_flatten` makes of the arguments."""
    import llvmlite.binding as llvm

    machine = _target().create_target_machine(jit=True)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    words = [word for kind in kinds for word in _words(kind)]
    native = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, *words)(
        engine.get_function_address(facts["symbol"])
    )
    _linked.append(engine)
    members = [RESULTS[name] for name in facts["returns"]]
    fields = [(f"r{k}", kind) for k, kind in enumerate(members) if kind is not None]
    room: Any = type("_Result", (ctypes.Structure,), {"_fields_": fields or [("r0", ctypes.c_void_p)]})

    def call(values: Sequence[Any], _: Any) -> Any:
        result, trouble = room(), ctypes.c_void_p()
        status = native(ctypes.addressof(result), ctypes.addressof(trouble), *values)
        if status not in _FINE:
            raise RuntimeError(f"{facts['symbol']} failed with status {status}")
        if facts["tuple"]:
            return tuple(getattr(result, name) for name, _ in fields)
        return result.r0 if fields else None

    return call


@cache
def _target() -> Any:
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    if llvm.address_of_symbol(NEVER_CALLED) is None:
        llvm.add_symbol(NEVER_CALLED, ctypes.cast(ctypes.CDLL(None).abort, ctypes.c_void_p).value)
    return llvm.Target.from_default_triple()


def _words(kind: str) -> list[Any]:
    """The C types that stand for a kind of argument."""
    if kind[0] in "()":
        return []
    if len(kind) == 1:
        return [{"b": ctypes.c_uint8, "i": ctypes.c_int64, "f": ctypes.c_double}[kind]]
    return [ctypes.c_int64] * (5 + 2 * int(kind[-2]))


# --- on disk ----------


class _Kept:
    """The file with the object code of one function for one choice of types: a line of JSON, then the code."""

    def __init__(self, function: Callable[..., Any], kinds: Sequence[str]) -> None:
        name = f"{function.__module__}.{function.__qualname__}"
        which = hashlib.sha256(repr((name, kinds, _processor())).encode()).hexdigest()[:16]
        self._path = _directory() / f"{name}-{which}.o"
        self._stamp = _stamp(function.__code__.co_filename)

    def read(self) -> tuple[dict[str, Any], bytes] | None:
        try:
            line, _, code = self._path.read_bytes().partition(b"\n")
            facts = json.loads(line)
        except (OSError, ValueError):
            return None
        whole = facts.get("stamp") == self._stamp and facts.get("sha256") == hashlib.sha256(code).hexdigest()
        return (facts, code) if whole else None

    def write(self, facts: dict[str, Any], code: bytes) -> None:
        """Keep it for other processes. A directory that may not be written to only means they compile, too."""
        facts |= {"stamp": self._stamp, "sha256": hashlib.sha256(code).hexdigest()}
        fresh = self._path.with_suffix(f".{os.getpid()}")
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_bytes(json.dumps(facts).encode() + b"\n" + code)
            fresh.replace(self._path)


def _directory() -> Path:
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    return Path(chosen) / "objects" if chosen else KERNEL / "__pycache__" / "objects"


_kernel = cache(codecache.digest)


@cache
def _stamp(file: str) -> str:
    """What object code of functions in a file depends on: the kernel, and that file where it lies elsewhere."""
    made_by = f"{sys.version} {_kernel()}".encode() + _release("numba") + _release("llvmlite")
    return hashlib.sha256(made_by + Path(file).read_bytes()).hexdigest()


@cache
def _release(package: str) -> bytes:
    """Which release of a package is installed, without importing it or `importlib.metadata`, which takes 20 ms."""
    found = PathFinder.find_spec(package)
    assert found is not None and found.origin is not None, f"{package} is not installed"
    return Path(found.origin).with_name("_version.py").read_bytes()


@cache
def _processor() -> str:
    import llvmlite.binding as llvm

    return f"{llvm.get_host_cpu_name()} {llvm.get_host_cpu_features().flatten()}"
