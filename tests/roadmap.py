"""The owner's snippets, as they stand in the roadmap."""

from __future__ import annotations

OCI_VALIDATION = """\
   task "oci-validation" {
     type = "providers"
     
     input {
       provider_image = "ghcr.io/katasec/counter-input-provider:v0.1.0"
       config = { interval = 1000; max_count = 5 }
     }
     
     output {
       provider_image = "ghcr.io/katasec/console-output-provider:v0.1.0"
       config = { outputFormat = "simple" }
     }
   }
"""  # noqa: W293

EVOLUTION = """\
# Phase 1: Local development (current)
task "mssql-to-asb" {
  input {
    provider_path = "../dstream-mssql-cdc-provider/bin/Release/net9.0/osx-x64/mssql-cdc-provider"
  }
}

# Phase 2: OCI container distribution (future)
task "mssql-to-asb" {
  input {
    provider_image = "ghcr.io/katasec/mssql-cdc-provider:v2.1.0"
  }
  output {
    provider_image = "ghcr.io/katasec/asb-output-provider:v1.3.0"
  }
}
"""

SCENARIO = """\
# dstream.hcl
task "mssql-to-asb" {
  type = "providers"
  
  input {
    provider_path = "./mssql-cdc-provider"
    config {
      connection_string = "{{ env \\"SQL_CONNECTION\\" }}"
      tables = ["Persons", "Orders", "Customers"]
    }
  }
  
  output {
    provider_path = "./dstream-dbtable-asb-output-provider"
    config {
      connection_string = "{{ env \\"ASB_CONNECTION\\" }}"
    }
  }
}
"""  # noqa: W293
