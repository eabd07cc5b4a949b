"""What a Sigstore bundle from `cosign sign` says: an in-toto statement in a DSSE envelope. Pure, and unverified."""

from __future__ import annotations

import base64

import msgspec

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for JSON that is not what was asked for."""

STATEMENT_TYPE = "application/vnd.in-toto+json"
SIGNED_BY_COSIGN = (
    "https://sigstore.dev/cosign/sign/v1"  # others attest something: where it was built, what it contains
)


class MalformedError(Exception):
    """What was found is no signature of an image; the message says why."""


class NotTheSignerError(Exception):
    """This signer did not sign, or nothing proves it; the message says why."""


class _EnvelopeSignature(msgspec.Struct):
    sig: bytes


class Envelope(msgspec.Struct, rename="camel"):
    """`payload`, and the signatures that were made over `signed`."""

    payload: bytes
    payload_type: str
    signatures: list[_EnvelopeSignature]

    @property
    def signed(self) -> bytes:
        """The bytes that a signer of the payload signs, as DSSE defines them."""
        kind = self.payload_type.encode()
        return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(self.payload), self.payload)


class _PublicKey(msgspec.Struct):
    hint: str = ""


class _Certificate(msgspec.Struct, rename="camel"):
    raw_bytes: bytes


class _Material(msgspec.Struct, rename="camel"):
    public_key: _PublicKey | None = None
    certificate: _Certificate | None = None


class Bundle(msgspec.Struct, rename="camel"):
    """A Sigstore bundle, as far as it is needed to verify it with a key. The material only claims who signed."""

    dsse_envelope: Envelope
    verification_material: _Material = msgspec.field(default_factory=_Material)

    @classmethod
    def parse(cls, text: bytes) -> Bundle:
        """Raises `MalformedError`."""
        try:
            return msgspec.json.decode(text, type=cls)
        except UNREADABLE as error:
            raise MalformedError(f"its bundle cannot be read: {error}") from error

    @property
    def claimed_key(self) -> str | None:
        """The fingerprint of the key that the bundle says it was signed with."""
        material = self.verification_material.public_key
        try:
            hint = base64.b64decode(material.hint, validate=True) if material else b""
        except ValueError:
            return None
        return f"sha256:{hint.hex()}" if len(hint) == 32 else None

    @property
    def certificate(self) -> bytes | None:
        """The certificate, in DER, that the bundle says it was signed with."""
        material = self.verification_material.certificate
        return None if material is None else material.raw_bytes


class _Subject(msgspec.Struct):
    digest: dict[str, str]


class _Statement(msgspec.Struct, rename="camel"):
    predicate_type: str
    subject: list[_Subject]


class _Image(msgspec.Struct, rename="kebab"):
    docker_manifest_digest: str


class _Critical(msgspec.Struct):
    image: _Image


class _Payload(msgspec.Struct):
    critical: _Critical


def statement_digests(payload_type: str, payload: bytes) -> list[str]:
    """The digests of the images that a statement signs. Raises `MalformedError` for one that attests something else."""
    if payload_type != STATEMENT_TYPE:
        raise MalformedError(f"its payload is of type `{payload_type}`")
    try:
        statement = msgspec.json.decode(payload, type=_Statement)
    except UNREADABLE as error:
        raise MalformedError(f"its statement cannot be read: {error}") from error
    if statement.predicate_type != SIGNED_BY_COSIGN:
        raise MalformedError(f"it attests `{statement.predicate_type}`, which does not sign the image")
    return [f"{algorithm}:{value}" for subject in statement.subject for algorithm, value in subject.digest.items()]


def payload_digest(payload: bytes) -> str:
    """The digest of the image that a simple signing payload is for. Raises `MalformedError`."""
    try:
        return msgspec.json.decode(payload, type=_Payload).critical.image.docker_manifest_digest
    except UNREADABLE as error:
        raise MalformedError(f"its payload cannot be read: {error}") from error
