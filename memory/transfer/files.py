"""Files of exports. `-` is standard input or output. A name that ends in `.gz` means gzip."""

import gzip
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast

STANDARD_STREAM: Final = "-"
PACK_LEVEL: Final = 1  # three times as fast as the default, and the file is hardly larger


@contextmanager
def written_file(name: str, *, force: bool) -> Iterator[BinaryIO]:
    """Gives the file its name once it is complete. Only the owner can read it. Removes it after an error."""
    if name == STANDARD_STREAM:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(name)
    refuse_to_overwrite(path, force=force)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", suffix=".part", delete=False) as file:
        try:
            with packed(path, cast("BinaryIO", file)) as content:
                yield content
            file.flush()
            os.fsync(file.fileno())
            refuse_to_overwrite(path, force=force)  # hours may have passed
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink()
            raise


def refuse_to_overwrite(path: Path, *, force: bool) -> None:
    """Replaces only regular files, never a device or a directory."""
    if path.exists() and not (force and path.is_file()):
        raise FileExistsError(f"{path} exists. Choose another name, or --force to replace a file.")


@contextmanager
def packed(path: Path, file: BinaryIO) -> Iterator[BinaryIO]:
    if path.suffix != ".gz":
        yield file
        return
    with gzip.GzipFile(filename="", mode="wb", compresslevel=PACK_LEVEL, fileobj=file) as packer:
        yield cast("BinaryIO", packer)


@contextmanager
def read_file(name: str) -> Iterator[BinaryIO]:
    """Doesn't unpack."""
    if name == STANDARD_STREAM:
        yield sys.stdin.buffer
        return
    with Path(name).open("rb") as file:
        yield file


def size_of(file: BinaryIO) -> int | None:
    """None for a pipe, whose size is unknown."""
    return os.fstat(file.fileno()).st_size or None
