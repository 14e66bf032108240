"""Files that are whole or as they were: written aside, then renamed."""

import tempfile
from pathlib import Path


def write_file(file: Path, content: bytes) -> Path:
    """Write `content`, making folders as needed; an older file stays until the new one is whole."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(prefix=f".{file.name}.", dir=file.parent, delete=False) as stream:
        temporary = Path(stream.name)
        try:
            stream.write(content)
            stream.flush()
            temporary.chmod(0o644)
            temporary.rename(file)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    return file
