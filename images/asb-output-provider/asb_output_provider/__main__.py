from asb_output_provider.provider import AsbOutput
from dstream_sdk import run_provider

run_provider(AsbOutput)
