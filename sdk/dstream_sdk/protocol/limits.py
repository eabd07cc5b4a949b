"""Sizes and times that both sides of the contract keep. Bytes and seconds."""

PROTOCOL_VERSION = 1

LABEL = "io.dstream.provider"
"""Image label (and manifest annotation) that holds a provider's description as JSON."""

LABEL_LIMIT = 32 * 1024
ENVELOPE_LIMIT = 8 * 1024 * 1024
STATE_LIMIT = 1024 * 1024
LINE_LIMIT = 64 * 1024 * 1024

HOLD_BACK = 1024 * 1024
"""How much of an unfinished line the relay keeps to itself before it lets the line stream."""

PENDING_CHECKPOINTS = 256
PENDING_STATE = 16 * 1024 * 1024
"""Checkpoints, and bytes of their state, that may await an ack; the relay leaves out further ones."""

CATALOG_VERSION = 1
CATALOG_TYPE = "application/vnd.dstream.catalog"
"""Artifact type of a catalog, and media type of its only layer."""

CATALOG_NAME = "dstream-catalog"
"""The repository, in a namespace, whose tag `latest` is the namespace's catalog."""

CATALOG_LIMIT = 16 * 1024 * 1024

ACK_LINGER_S = 5.0
"""The longest an output may hold back an ack while nothing follows."""
