package metrics

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

var fqName = regexp.MustCompile(`fqName: "([a-z_]+)"`)

// named is every metric that a scrape may show, as its series are called.
func named(t *testing.T) map[string]bool {
	t.Helper()
	out := make(chan *prometheus.Desc, 1000)
	new(collector).Describe(out)
	collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}).Describe(out)
	close(out)
	found := map[string]bool{}
	for d := range out {
		m := fqName.FindStringSubmatch(d.String())
		if m == nil {
			t.Fatalf("no name in %s", d)
		}
		found[m[1]] = true
	}
	for _, histogram := range []string{"notify_latency_seconds", "sip_transaction_seconds"} {
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			found[prefix+histogram+suffix] = true
		}
		delete(found, prefix+histogram)
	}
	return found
}

// What the dashboard and the alert rules ask for is there.
func TestOpsNameOnlyWhatExists(t *testing.T) {
	t.Parallel()
	known := named(t)
	for _, file := range []string{"../ops/grafana.json", "../ops/alerts.yml"} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		names := regexp.MustCompile(`\b(lamplight|process)_[a-z_]+`).FindAllString(string(b), -1)
		if len(names) < 5 {
			t.Errorf("%s names only %q", file, names)
		}
		for _, name := range names {
			if !known[name] {
				t.Errorf("%s: there is no %s; there are %q", file, name, slices.Sorted(maps.Keys(known)))
			}
		}
	}
}

// Each label that they select or sum by is one of the metrics'.
func TestOpsNameOnlyLabelsThatExist(t *testing.T) {
	t.Parallel()
	known := map[string]bool{"instance": true, "job": true, "le": true}
	for _, d := range all {
		_, list, _ := strings.Cut(d.String(), "variableLabels: {")
		for label := range strings.SplitSeq(strings.TrimRight(list, "}"), ",") {
			known[label] = true
		}
	}
	for _, file := range []string{"../ops/grafana.json", "../ops/alerts.yml"} {
		b, _ := os.ReadFile(file)
		for _, m := range regexp.MustCompile(`\bby \(([a-z, ]+)\)|\b([a-z]+)(?:=~|!=|=)\\?"|\$labels\.([a-z]+)|\{\{([a-z]+)\}\}`).FindAllStringSubmatch(string(b), -1) {
			for label := range strings.SplitSeq(strings.Join(m[1:], ""), ", ") {
				if !known[label] {
					t.Errorf("%s: %s: there is no label %q", file, m[0], label)
				}
			}
		}
	}
}

func TestTheDashboardIsJSON(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../ops/grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(b, &dashboard); err != nil {
		t.Fatal(err)
	}
	for _, p := range dashboard.Panels {
		if p.Title == "" || len(p.Targets) == 0 || p.Targets[0].Expr == "" {
			t.Errorf("a panel shows nothing: %+v", p)
		}
	}
	if len(dashboard.Panels) < 5 {
		t.Errorf("%d panels", len(dashboard.Panels))
	}
}
