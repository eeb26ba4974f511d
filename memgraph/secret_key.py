"""The secret key of an installation with the embedded database: created once, readable by its owner only."""

import os
import secrets
from pathlib import Path


def load_or_make_secret_key(data_dir: Path) -> str:
    path = data_dir / "secret_key"
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        pass
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = data_dir / f"secret_key.{os.getpid()}.{secrets.token_hex(4)}"
    with open(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(48) + "\n")
        os.fsync(file.fileno())
    try:
        os.link(draft, path)  # the first process wins, and the others read its key
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text().strip()
