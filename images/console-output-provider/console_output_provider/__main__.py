from console_output_provider.provider import Console
from dstream_sdk import run_provider

run_provider(Console)
