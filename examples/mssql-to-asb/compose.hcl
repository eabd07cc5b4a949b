# The same pipeline beside the servers of compose.yaml: `docker compose --profile mssql-to-asb up`.
task "mssql-to-asb" {
  type = "providers"

  input {
    provider_image = "ghcr.io/katasec/mssql-cdc-provider:v0.1.0"
    network        = "dstream-local"
    config {
      connection_string = env("SQL_CONNECTION")
      tables            = ["Persons", "Orders", "Customers"]
    }
  }

  output {
    provider_image = "ghcr.io/katasec/asb-output-provider:v0.1.0"
    network        = "dstream-local"
    config {
      connection_string = env("ASB_CONNECTION")
      admin_endpoint    = "http://servicebus:5300" # the emulator manages queues at another port
      queues            = { ttl = "1h" }           # it keeps no message longer
      auto_create       = true                     # in place of `dstream init`
    }
  }
}
