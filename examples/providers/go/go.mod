module example.test/go-input-provider

go 1.20
