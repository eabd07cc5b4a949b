# Every change of three SQL Server tables, each table's in its own queue of Azure Service Bus:
#
#   export SQL_CONNECTION='Server=host.docker.internal,1433;Database=Shop;User Id=dstream;Password=…'
#   export ASB_CONNECTION='Endpoint=sb://shop.servicebus.windows.net/;SharedAccessKeyName=…;SharedAccessKey=…'
#   dstream plan mssql-to-asb      # says what would be made in the database and in the namespace
#   dstream init mssql-to-asb      # makes it: Persons_cdc_events, Orders_cdc_events, Customers_cdc_events
#   dstream run mssql-to-asb
#   dstream destroy mssql-to-asb   # removes what init made, and nothing else
task "mssql-to-asb" {
  type = "providers"

  input {
    provider_image = "ghcr.io/katasec/mssql-cdc-provider:v0.1.0"
    config {
      connection_string = env("SQL_CONNECTION")
      tables            = ["Persons", "Orders", "Customers"]
    }
  }

  output {
    provider_image = "ghcr.io/katasec/asb-output-provider:v0.1.0"
    config {
      connection_string = env("ASB_CONNECTION")
    }
  }
}
