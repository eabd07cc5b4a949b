# The same pipeline without containers, from a checkout: `dstream --config local.hcl run counter-to-console`.
task "counter-to-console" {
  type = "providers"

  input {
    provider_path = "../../images/counter-input-provider/provider"
    config        = { interval = 500, max_count = 5 }
  }

  output {
    provider_path = "../../images/console-output-provider/provider"
    config        = { outputFormat = "simple" }
  }
}
