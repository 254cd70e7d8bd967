# A service whose health in Consul is the readiness of the Pulsecheck beside it. A sample.
service {
  name = "orders"
  port = 8080
  check {
    name     = "dependencies"
    http     = "http://127.0.0.1:9797/readyz"
    interval = "5s"
    timeout  = "2s"
  }
}
