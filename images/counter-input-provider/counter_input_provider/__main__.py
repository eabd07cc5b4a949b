from counter_input_provider.provider import Counter
from dstream_sdk import run_provider

run_provider(Counter)
