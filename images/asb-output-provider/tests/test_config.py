from __future__ import annotations

from typing import Any

import pytest

from asb_output_provider.config import AsbConfig
from asb_output_provider.names import Table
from dstream_sdk import ProviderError
from dstream_sdk.config import parse_config

CONNECTION = "Endpoint=sb://shop.servicebus.windows.net/;SharedAccessKeyName=dstream;SharedAccessKey=c2VjcmV0"


def config(**values: Any) -> AsbConfig:
    return AsbConfig.model_validate({"connection_string": CONNECTION, **values})


def test_the_originals_spelling_is_known() -> None:
    assert AsbConfig.model_validate({"connectionString": CONNECTION}) == config()


def test_a_namespace_may_be_given_by_its_name_alone() -> None:
    assert AsbConfig(namespace="shop").target.host == "shop.servicebus.windows.net"
    assert AsbConfig(namespace="shop.servicebus.chinacloudapi.cn").target.name == "shop"


def test_a_table_may_differ_from_the_others() -> None:
    given = config(
        queues={"ttl": "336h", "lock_duration": "30s"},
        queue_overrides={"sales.Invoices": {"sessions": True}, "Orders": {"ttl": "1h"}},
    )
    invoices = given.settings(Table("sales", "Invoices"))
    assert (invoices.sessions, invoices.ttl, invoices.lock_duration) == (True, 1_209_600, 30)
    assert given.settings(Table("dbo", "Orders")).ttl == given.settings(Table("", "Orders")).ttl == 3600
    assert given.settings(Table("archive", "Invoices")) == given.queues


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"namespace": "shop"}, "either `connection_string` or `namespace`"),
        ({"connection_string": None}, "either `connection_string` or `namespace`"),
        ({"connection_string": "Endpoint=sb://x"}, "`connection_string`: has neither"),
        ({"queue_name": "events"}, "`queue_name`: `{TableName}` must be in it"),
        ({"queues": {"max_size_mb": 1000}}, "`queues.max_size_mb`"),
        ({"queues": {"lock_duration": "10m"}}, "`queues.lock_duration`"),
        ({"queues": {"ttl": 3600}}, "`queues.ttl`: a duration is text"),
        ({"queue_overrides": {"Orders": {"tll": "1h"}}}, "`queue_overrides.Orders.tll` is not known"),
        ({"admin_endpoint": "sb://localhost"}, "`admin_endpoint`"),
        ({"parallelism": 0}, "`parallelism`"),
    ],
)
def test_what_is_wrong_is_named(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ProviderError) as caught:
        parse_config(AsbConfig, {"connection_string": CONNECTION, **values})
    assert said in caught.value.message


def test_the_key_is_never_shown() -> None:
    assert "c2VjcmV0" not in repr(config())
