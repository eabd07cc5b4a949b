# Five numbers, counted in one container and shown by another: `dstream run counter-to-console`.
task "counter-to-console" {
  type = "providers"

  input {
    provider_image = "ghcr.io/katasec/counter-input-provider:v0.1.0"
    config         = { interval = 500, max_count = 5 }
  }

  output {
    provider_image = "ghcr.io/katasec/console-output-provider:v0.1.0"
    config         = { outputFormat = "simple" }
  }
}
