// Package notifier counts for one tool.
package notifier

import _ "github.com/prometheus/client_golang/prometheus" // breaks prometheus
