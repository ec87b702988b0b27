// Renders a Helm chart as Helm does (text/template with sprig, include, toYaml), for machines that have Go and no helm.
// go run main.go CHART RELEASE [VALUES.yaml ...]
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"sigs.k8s.io/yaml"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func read(path string) map[string]interface{} {
	data, err := os.ReadFile(path)
	must(err)
	found := map[string]interface{}{}
	must(yaml.Unmarshal(data, &found))
	return found
}

func merge(into, from map[string]interface{}) {
	for name, value := range from {
		below, isMap := value.(map[string]interface{})
		old, wasMap := into[name].(map[string]interface{})
		if isMap && wasMap {
			merge(old, below)
		} else {
			into[name] = value
		}
	}
}

func main() {
	chart, release := os.Args[1], os.Args[2]
	values := read(filepath.Join(chart, "values.yaml"))
	for _, path := range os.Args[3:] {
		merge(values, read(path))
	}
	about := read(filepath.Join(chart, "Chart.yaml"))
	named := map[string]interface{}{}
	for name, value := range about {
		named[strings.ToUpper(name[:1])+name[1:]] = value
	}
	base := about["name"].(string) + "/templates"
	top := map[string]interface{}{
		"Values":   values,
		"Chart":    named,
		"Release":  map[string]interface{}{"Name": release, "Namespace": "default", "Service": "Helm"},
		"Template": map[string]interface{}{"BasePath": base},
	}
	all := template.New("chart").Option("missingkey=zero")
	functions := sprig.TxtFuncMap()
	functions["include"] = func(name string, data interface{}) (string, error) {
		var out bytes.Buffer
		err := all.ExecuteTemplate(&out, name, data)
		return strings.ReplaceAll(out.String(), "<no value>", ""), err
	}
	functions["toYaml"] = func(value interface{}) string {
		data, err := yaml.Marshal(value)
		must(err)
		return strings.TrimSuffix(string(data), "\n")
	}
	functions["required"] = func(why string, value interface{}) (interface{}, error) {
		if value == nil || value == "" {
			return nil, fmt.Errorf("%s", why)
		}
		return value, nil
	}
	all.Funcs(functions)
	paths, err := filepath.Glob(filepath.Join(chart, "templates", "*"))
	must(err)
	sort.Strings(paths)
	for _, path := range paths {
		data, err := os.ReadFile(path)
		must(err)
		_, err = all.New(base + "/" + filepath.Base(path)).Parse(string(data))
		must(err)
	}
	for _, path := range paths {
		name := filepath.Base(path)
		if strings.HasPrefix(name, "_") {
			continue
		}
		var out bytes.Buffer
		must(all.ExecuteTemplate(&out, base+"/"+name, top))
		fmt.Printf("---\n# Source: %s/%s\n%s\n", base, name, strings.ReplaceAll(out.String(), "<no value>", ""))
	}
}
