# The rows of two SQL Server tables and then every change of them, shown as they are committed:
#
#   export SQL_CONNECTION='Server=host.docker.internal,1433;Database=Shop;User Id=dstream;Password=…'
#   dstream check mssql-to-console   # says what is missing, with the T-SQL that mends it
#   dstream run mssql-to-console
task "mssql-to-console" {
  type = "providers"

  input {
    provider_image = "ghcr.io/katasec/mssql-cdc-provider:v0.1.0"
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
