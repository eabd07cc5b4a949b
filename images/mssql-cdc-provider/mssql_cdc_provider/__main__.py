from dstream_sdk import run_provider
from mssql_cdc_provider.provider import MssqlCdc

run_provider(MssqlCdc)
