# Two tasks to try the provider with: as a program of this folder, and as the image that `./build` makes.

task "program" {
  input {
    provider_path = "./provider"
    config        = { rows = 3 }
  }
  output {
    provider_image = "ghcr.io/katasec/console-output-provider:v0.1.0"
  }
}

task "image" {
  input {
    provider_image = "my-provider:v0.1.0"
    config         = { rows = 3 }
  }
  output {
    provider_image = "ghcr.io/katasec/console-output-provider:v0.1.0"
  }
}
