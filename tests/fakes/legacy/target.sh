#!/bin/sh
# An output that answers lifecycle commands as the original's do: plain strings, and nothing announced.
read -r envelope
echo '[ConsoleOutput] ready' >&2
echo '{"status":"ready"}'
case $envelope in
  *'"command":"plan"'*) resources='"console_log_target:WILL_CREATE"' metadata='{"resources_to_create":1}' ;;
  *'"command":"status"'*) resources='"console_log_target:HEALTHY","archive:DEGRADED"' metadata='{"last_checked":"now"}' ;;
  *'"command":"init"'*) resources='"console_log_target:CREATED"' metadata=null ;;
  *'"command":"destroy"'*) resources='"console_log_target:DESTROYED"' metadata=null ;;
esac
echo "{\"status\":\"Success\",\"resources\":[$resources],\"metadata\":$metadata,\"message\":null,\"error\":null}"
