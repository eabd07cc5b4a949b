from dstream_sdk import run_provider

from my_provider.provider import MyProvider

run_provider(MyProvider)
