# Two tasks to try the provider with: as a program of this folder, and as the image that `./build` makes.

task "program" {
  input {
    provider_image = "ghcr.io/katasec/counter-input-provider:v0.1.0"
    config         = { interval = 0, max_count = 1000 }
  }
  output {
    provider_path = "./provider"
    config        = { path = "records.db" }
  }
}

task "image" {
  input {
    provider_image = "ghcr.io/katasec/counter-input-provider:v0.1.0"
    config         = { interval = 0, max_count = 1000 }
  }
  output {
    provider_image = "my-provider:v0.1.0"
  }
}
