"""A Sigstore in miniature: an authority that certifies any identity, and the two logs that a verifier asks for.

Every key is its own, every proof is real: what is signed here verifies against `trusted_root` and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from datetime import UTC, datetime, timedelta
from typing import Any

import rfc8785
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_ORIGIN = "rekor.sigstore.test"
_ISSUER = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.8")
_TIMESTAMPS = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
_BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
_STATEMENT = "application/vnd.in-toto+json"


class Sigstore:
    """One instance, with its own keys."""

    def __init__(self) -> None:
        self._authority, self._certificates, self._rekor = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
        self._began = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sigstore.test")])
        usage = _usage(digital_signature=False, key_cert_sign=True)
        self._root = (
            self._builder(self._name, self._authority.public_key(), days=3650)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._authority.public_key()), critical=False)
            .sign(self._authority, SHA256())
        )

    @property
    def trusted_root(self) -> str:
        """Its `trusted_root.json`."""
        authority = {
            "subject": {"organization": "sigstore.test", "commonName": "sigstore.test"},
            "uri": "https://fulcio.sigstore.test",
            "certChain": {"certificates": [{"rawBytes": _b64(self._root.public_bytes(Encoding.DER))}]},
            "validFor": {"start": self._began.isoformat().replace("+00:00", "Z")},
        }
        return json.dumps(
            {
                "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
                "tlogs": [self._log(self._rekor, f"https://{_ORIGIN}")],
                "certificateAuthorities": [authority],
                "ctlogs": [self._log(self._certificates, "https://ct.sigstore.test")],
            }
        )

    def sign(
        self, digest: str, *, identity: str, issuer: str, predicate: str = "https://sigstore.dev/cosign/sign/v1"
    ) -> bytes:
        """The bundle by which `identity` signs the image of this digest."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._certify(key.public_key(), identity, issuer)
        envelope, signature = sign_statement(key, digest, predicate)
        payload = base64.b64decode(envelope["payload"])
        pem = certificate.public_bytes(Encoding.PEM)
        body = rfc8785.dumps(
            {
                "apiVersion": "0.0.1",
                "kind": "dsse",
                "spec": {
                    "envelopeHash": _hash(json.dumps(envelope).encode()),
                    "payloadHash": _hash(payload),
                    "signatures": [{"signature": _b64(signature), "verifier": _b64(pem)}],
                },
            }
        )
        material = {
            "certificate": {"rawBytes": _b64(certificate.public_bytes(Encoding.DER))},
            "tlogEntries": [self._logged(body)],
        }
        return json.dumps({"mediaType": _BUNDLE, "verificationMaterial": material, "dsseEnvelope": envelope}).encode()

    def _certify(self, key: ec.EllipticCurvePublicKey, identity: str, issuer: str) -> x509.Certificate:
        name = x509.UniformResourceIdentifier(identity) if "://" in identity else x509.RFC822Name(identity)
        said = issuer.encode()
        builder = (
            self._builder(x509.Name([]), key, days=1)
            .add_extension(_usage(digital_signature=True, key_cert_sign=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._authority.public_key()), critical=False
            )
            .add_extension(x509.SubjectAlternativeName([name]), critical=True)
            .add_extension(x509.UnrecognizedExtension(_ISSUER, b"\x0c" + _der_length(said) + said), critical=False)
        )
        before = builder.sign(self._authority, SHA256())
        stamps = self._timestamp(before.tbs_certificate_bytes)
        return builder.add_extension(x509.UnrecognizedExtension(_TIMESTAMPS, stamps), critical=False).sign(
            self._authority, SHA256()
        )

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, *, days: int) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(int.from_bytes(hashlib.sha256(_der(key)).digest()[:16], "big"))
            .not_valid_before(self._began)
            .not_valid_after(self._began + timedelta(days=days))
        )

    def _timestamp(self, certificate: bytes) -> bytes:
        """The certificate log's promise (RFC 6962) for what becomes the certificate."""
        now = int(self._began.timestamp() * 1000)
        issuer = hashlib.sha256(_der(self._authority.public_key())).digest()
        entry = struct.pack(">BBQH", 0, 0, now, 1) + issuer + len(certificate).to_bytes(3, "big") + certificate
        signature = self._certificates.sign(entry + b"\0\0", ec.ECDSA(SHA256()))
        log = hashlib.sha256(_der(self._certificates.public_key())).digest()
        stamp = b"\0" + log + struct.pack(">QHBBH", now, 0, 4, 3, len(signature)) + signature
        listed = struct.pack(">HH", len(stamp) + 2, len(stamp)) + stamp
        return b"\x04" + _der_length(listed) + listed

    def _logged(self, body: bytes) -> dict[str, Any]:
        """The entry of a log that has no other."""
        log = hashlib.sha256(_der(self._rekor.public_key())).digest()
        at = int((self._began + timedelta(minutes=1)).timestamp())
        promised = rfc8785.dumps({"body": _b64(body), "integratedTime": at, "logID": log.hex(), "logIndex": 0})
        root = hashlib.sha256(b"\0" + body).digest()
        note = f"{_ORIGIN}\n1\n{_b64(root)}\n"
        signature = log[:4] + self._rekor.sign(note.encode(), ec.ECDSA(SHA256()))
        proof = {
            "logIndex": "0",
            "rootHash": _b64(root),
            "treeSize": "1",
            "hashes": [],
            "checkpoint": {"envelope": f"{note}\n\N{EM DASH} {_ORIGIN} {_b64(signature)}\n"},
        }
        return {
            "logIndex": "0",
            "logId": {"keyId": _b64(log)},
            "kindVersion": {"kind": "dsse", "version": "0.0.1"},
            "integratedTime": str(at),
            "inclusionPromise": {"signedEntryTimestamp": _b64(self._rekor.sign(promised, ec.ECDSA(SHA256())))},
            "inclusionProof": proof,
            "canonicalizedBody": _b64(body),
        }

    def _log(self, key: ec.EllipticCurvePrivateKey, url: str) -> dict[str, Any]:
        der = _der(key.public_key())
        return {
            "baseUrl": url,
            "hashAlgorithm": "SHA2_256",
            "publicKey": {
                "rawBytes": _b64(der),
                "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                "validFor": {"start": self._began.isoformat().replace("+00:00", "Z")},
            },
            "logId": {"keyId": _b64(hashlib.sha256(der).digest())},
        }


def sign_statement(key: ec.EllipticCurvePrivateKey, digest: str, predicate: str) -> tuple[dict[str, Any], bytes]:
    """The DSSE envelope that says `predicate` of an image, and the signature in it."""
    algorithm, _, value = digest.partition(":")
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {algorithm: value}}],
        "predicateType": predicate,
        "predicate": {},
    }
    payload = json.dumps(statement).encode()
    signed = b"DSSEv1 %d %b %d %b" % (len(_STATEMENT), _STATEMENT.encode(), len(payload), payload)
    signature = key.sign(signed, ec.ECDSA(SHA256()))
    return {"payload": _b64(payload), "payloadType": _STATEMENT, "signatures": [{"sig": _b64(signature)}]}, signature


def _usage(*, digital_signature: bool, key_cert_sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=key_cert_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _der(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _der_length(content: bytes) -> bytes:
    size = len(content)
    return bytes([size]) if size < 128 else bytes([0x81, size]) if size < 256 else b"\x82" + size.to_bytes(2, "big")


def _hash(content: bytes) -> dict[str, str]:
    return {"algorithm": "sha256", "value": hashlib.sha256(content).hexdigest()}


def _b64(content: bytes) -> str:
    return base64.b64encode(content).decode()
