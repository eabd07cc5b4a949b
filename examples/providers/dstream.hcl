# An input in one language and an output in another, as programs of these folders.

task "shell-to-node" {
  input {
    provider_path = "./shell/provider"
    config        = { count = 5 }
  }
  output {
    provider_path = "./node/provider"
    config        = { path = "numbers.jsonl" }
  }
}

task "go-to-node" {
  input {
    provider_path = "./go/provider"
    config        = { path = "go/main.go" }
  }
  output {
    provider_path = "./node/provider"
    config        = { path = "lines.jsonl" }
  }
}
