package metrics

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v2"
)

const (
	page       = "../../docs/metrics.md"
	tableBegin = "<!-- metrics: go test ./internal/metrics -run TestDocumented -update -->\n"
	tableEnd   = "<!-- end of metrics -->\n"
)

// TestDocumented: the table of docs/metrics.md has the families of this package, with their texts.
func TestDocumented(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(text), tableBegin)
	got, after, ok2 := strings.Cut(rest, tableEnd)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no table of metrics", page)
	}
	want := "| name | labels | kind | what |\n|---|---|---|---|\n"
	for _, f := range families() {
		labels := strings.Join(f.labels, ", ")
		want += fmt.Sprintf("| `%s` | %s | %s | %s |\n", f.name, labels, f.kind, f.help)
	}
	if *update {
		if err := os.WriteFile(page, []byte(before+tableBegin+want+tableEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("the table of %s (-code +page; write it with -update):\n%s", page, d)
	}
}

var (
	yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")
	named     = regexp.MustCompile(`\blogis_[a-z0-9_]+`)
)

// TestDocumentedConfiguration: the blocks of YAML are YAML with what Prometheus looks for, and what they and the examples beside them
// name is there. Where promtool is installed, it has the last word.
func TestDocumentedConfiguration(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, f := range families() {
		there[f.name] = true
		if f.kind == histogram {
			there[f.name+"_bucket"] = true
		}
	}
	for _, name := range named.FindAllString(string(text), -1) {
		if !there[name] {
			t.Errorf("%s names %s, which is not there", page, name)
		}
	}
	blocks := yamlBlock.FindAllStringSubmatch(string(text), -1)
	if len(blocks) != 2 {
		t.Fatalf("%d blocks of YAML", len(blocks))
	}
	var scrape struct {
		ScrapeConfigs []struct {
			JobName       string `yaml:"job_name"`
			StaticConfigs []struct {
				Targets []string
			} `yaml:"static_configs"`
		} `yaml:"scrape_configs"`
	}
	if err := yaml.Unmarshal([]byte(blocks[0][1]), &scrape); err != nil {
		t.Fatal(err)
	}
	if len(scrape.ScrapeConfigs) != 1 || scrape.ScrapeConfigs[0].StaticConfigs[0].Targets[0] != "127.0.0.1:9783" {
		t.Errorf("%+v", scrape)
	}
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr string
				Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal([]byte(blocks[1][1]), &rules); err != nil {
		t.Fatal(err)
	}
	if len(rules.Groups) != 1 || len(rules.Groups[0].Rules) != 3 {
		t.Fatalf("%+v", rules)
	}
	for _, r := range rules.Groups[0].Rules {
		if r.Alert == "" || !named.MatchString(r.Expr) || r.Annotations["summary"] == "" {
			t.Errorf("%+v", r)
		}
	}
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Log("promtool is not here: expressions are not parsed")
		return
	}
	file := filepath.Join(t.TempDir(), "rules.yml")
	if err := os.WriteFile(file, []byte(blocks[1][1]), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), promtool, "check", "rules", file).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
