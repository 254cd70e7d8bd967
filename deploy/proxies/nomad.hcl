# A task group whose service is healthy while the Pulsecheck beside it is ready. A sample.
job "orders" {
  group "orders" {
    network {
      port "http" { to = 8080 }
      port "pulsecheck" { to = 9797 }
    }
    service {
      name = "orders"
      port = "http"
      check {
        name     = "dependencies"
        type     = "http"
        port     = "pulsecheck"
        path     = "/readyz"
        interval = "5s"
        timeout  = "2s"
      }
    }
    task "pulsecheck" {
      driver = "docker"
      lifecycle {
        hook    = "prestart"
        sidecar = true
      }
      config {
        image           = "pulsecheck:0.1.0"
        args            = ["--config.file", "/local/pulsecheck.yml", "--watch"]
        readonly_rootfs = true
        cap_drop        = ["all"]
        ports           = ["pulsecheck"]
      }
      # More than server.shutdownDelay.
      kill_timeout = "15s"
      resources { memory = 96 }
    }
  }
}
