# The same pipeline beside the SQL Server of compose.yaml: `docker compose --profile mssql-to-console up`.
task "mssql-to-console" {
  type = "providers"

  input {
    provider_image = "ghcr.io/katasec/mssql-cdc-provider:v0.1.0"
    network        = "dstream-local"
    config {
      connection_string = env("SQL_CONNECTION")
      tables            = ["Persons", "Orders"]
      poll_interval     = "250ms"
    }
  }

  output {
    provider_image = "ghcr.io/katasec/console-output-provider:v0.1.0"
    config         = { outputFormat = "json" }
  }
}
