"""An input file: what its name says it is, whether that is so, and its bytes."""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, Self, cast

from alerts.errors import ConfigurationError

if TYPE_CHECKING:
    from types import TracebackType

Format = Literal["jsonl", "csv", "parquet"]

# One row longer than this is no row: an unclosed quote, or a file without line ends. Reading on
# would take unbounded memory, and Postgres holds no text of a gigabyte anyway.
MAX_RECORD_BYTES = 64 << 20

_ENDINGS: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".parquet": "parquet",
}
_GZIP_MAGIC = b"\x1f\x8b"
_PARQUET_MAGIC = b"PAR1"
_BOM = b"\xef\xbb\xbf"


class Source:
    """An opened input file. `stream` gives the text's bytes, unpacked and without a BOM."""

    def __init__(self, path: str | Path) -> None:
        self.name = str(path)
        self.path = Path(path)
        self.format, self.packed = _kind(self.name)
        try:
            self.size = self.path.stat().st_size
            self._file: IO[bytes] = self.path.open("rb")
            self._text: io.TextIOWrapper | None = None
        except OSError as error:
            raise ConfigurationError(f"{self.name}: {error.strerror or error}") from None
        try:
            self._check_magic()
            self.stream: IO[bytes] = self._file
            if self.packed:
                self.stream = cast("IO[bytes]", _Unpacked(self._file, self.name))
            self._skip_mark()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        """The source itself; leaving closes the file."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        if self._text is not None:
            self._text.close()
        self.stream.close()
        self._file.close()

    def text(self) -> io.TextIOWrapper:
        """The stream as lines of text with their own ends; to be asked for once.

        Bytes that are no UTF-8 travel as lone surrogates, so that only their row is lost.
        """
        self._text = io.TextIOWrapper(
            self.stream, encoding="utf-8", errors="surrogateescape", newline=""
        )
        return self._text

    @property
    def position(self) -> int:
        """How many bytes of the file on disk have been read; all of them once it is closed."""
        return self.size if self._file.closed else self._file.tell()

    def check_record(self, length: int) -> None:
        """Refuse a row that is longer than any row can be."""
        if length > MAX_RECORD_BYTES:
            raise ConfigurationError(
                f"{self.name}: a row longer than {MAX_RECORD_BYTES >> 20} MiB: "
                "a quote that is never closed, or a file without line ends?"
            )

    def _check_magic(self) -> None:
        magic = self._file.read(4)
        self._file.seek(0)
        if (magic[:2] == _GZIP_MAGIC) != self.packed and (magic or self.packed):
            what = "is not gzip" if self.packed else "is gzip: name it with .gz"
            raise ConfigurationError(f"{self.name}: its content {what}")
        if not self.packed:
            self._refuse_other_format(magic)

    def _refuse_other_format(self, magic: bytes) -> None:
        if (magic == _PARQUET_MAGIC) != (self.format == "parquet"):
            what = "is not Parquet" if self.format == "parquet" else "is Parquet: name it .parquet"
            raise ConfigurationError(f"{self.name}: its content {what}")

    def _skip_mark(self) -> None:
        """Leave out a byte order mark, which spreadsheets write and neither format has."""
        if self.format == "parquet":
            return
        head = self.stream.read(4)
        if self.packed:
            self._refuse_other_format(head)
        self.stream.seek(3 if head[:3] == _BOM else 0)


class _Unpacked(gzip.GzipFile):
    """A gzip stream whose damage is the user's to mend, not a traceback."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        super().__init__(fileobj=file, mode="rb")
        self._label = name

    def read(self, size: int | None = -1) -> bytes:
        """As GzipFile.read; a broken file raises ConfigurationError."""
        try:
            return super().read(size)
        except (EOFError, OSError, zlib.error) as error:
            raise ConfigurationError(f"{self._label}: broken gzip file: {error}") from None

    def read1(self, size: int = -1) -> bytes:
        """As GzipFile.read1; a broken file raises ConfigurationError."""
        try:
            return super().read1(size)
        except (EOFError, OSError, zlib.error) as error:
            raise ConfigurationError(f"{self._label}: broken gzip file: {error}") from None


def _kind(name: str) -> tuple[Format, bool]:
    """Format and whether packed, by the ending."""
    if not name:
        raise ConfigurationError("an empty file name: name a .jsonl, .csv or .parquet file")
    path = Path(name)
    if path.is_dir():
        raise ConfigurationError(f"{name}: is a directory: name the files in it")
    packed = path.suffix.lower() == ".gz"
    ending = (path.with_suffix("") if packed else path).suffix.lower()
    kind = _ENDINGS.get(ending)
    if kind is None or (packed and kind == "parquet"):
        raise ConfigurationError(
            f"{name}: unknown ending: .jsonl, .ndjson or .csv (each also .gz), or .parquet"
        )
    return kind, packed
