"""Has the driver verify the server's certificate, which it does only when a file tells it to."""

from __future__ import annotations

import os
import ssl
import tempfile
import threading
from pathlib import Path

from mssql_cdc_provider.sql_errors import SqlError

_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
_lock = threading.Lock()
_file: tempfile._TemporaryFileWrapper[str] | None = None


def demand(host: str | None) -> None:
    """From now on this process connects with TLS only to servers that show a certificate for `host`.

    `host` None means the host connected to. Trusted is whom the system trusts, or the file named by
    `SSL_CERT_FILE`. Raises `SqlError` where neither is there.
    """
    global _file  # noqa: PLW0603 - the driver's settings are the process's
    with _lock:
        if _file is not None:
            return
        lines = ["[global]", f"ca file = {_authorities()}", "check certificate hostname = yes"]
        if host is not None:
            lines.append(f"certificate hostname = {host}")
        _file = tempfile.NamedTemporaryFile("w", prefix="freetds-", suffix=".conf")  # noqa: SIM115 - until the end
        _file.write("\n".join(lines) + "\n")
        _file.flush()
        os.environ["FREETDSCONF"] = _file.name


def _authorities() -> str:
    for bundle in (ssl.get_default_verify_paths().cafile or "", *_BUNDLES):
        if bundle and Path(bundle).exists():
            return bundle
    raise SqlError("no file of trusted certificate authorities on this system: name one in SSL_CERT_FILE")
