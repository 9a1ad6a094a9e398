// Command faults puts one fault after another into the library's rules, and has the independent
// model of the rules look for it. It fails if the model does not find one.
//
//	go run ./internal/rulemodel/faults [-histories n] [name ...]
//
// The library's files stay as they are: the compiler is told to read others in their place.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

func main() {
	histories := flag.Int("histories", 5000, "how many histories are played at most, for each fault")
	flag.Parse()
	dir, err := os.MkdirTemp("", "faults")
	if err != nil {
		fail(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	missed := 0
	for _, f := range faults {
		if flag.NArg() > 0 && !slices.Contains(flag.Args(), f.name) {
			continue
		}
		how, err := f.find(dir, *histories)
		if err != nil {
			fail(fmt.Errorf("%s: %w", f.name, err))
		}
		if how == "" {
			missed++
			how = "NOT FOUND"
		}
		fmt.Printf("%-45s %s\n", f.name, how)
	}
	if missed > 0 {
		fail(fmt.Errorf("%d faults were not found", missed))
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "faults:", err)
	os.Exit(1)
}

// fault is a change of one file of the library: was occurs there once, and is takes its place.
type fault struct{ name, file, was, is string }

// differs is what the model's test says of the first difference.
var differs = regexp.MustCompile(`seed \d+`)

// find runs the model beside the library with the fault, and says where it was found; empty if it
// was not.
func (f *fault) find(dir string, histories int) (string, error) {
	overlay, err := f.overlay(dir)
	if err != nil {
		return "", err
	}
	cmd := exec.Command("go", "test", "-overlay", overlay, "-count=1", "-timeout", "30m", "-run", "^TestModel$", "./internal/rulemodel")
	cmd.Env = append(os.Environ(), fmt.Sprint("ACCOUNTS_MODEL=", histories))
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return "", nil
	case !errors.As(err, &exit) || strings.Contains(string(out), "[build failed]") || strings.Contains(string(out), "[setup failed]"):
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	if where := differs.FindString(string(out)); where != "" {
		return where, nil
	}
	return "", fmt.Errorf("the test fails, but not of a difference\n%s", out)
}

// overlay writes the file with the fault, and the list that tells the compiler of it.
func (f *fault) overlay(dir string) (string, error) {
	path, err := filepath.Abs(f.file)
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(text), f.was); n != 1 {
		return "", fmt.Errorf("%q is %d times in %s", f.was, n, f.file)
	}
	faulty, list := filepath.Join(dir, "faulty.go"), filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(faulty, []byte(strings.Replace(string(text), f.was, f.is, 1)), 0o600); err != nil {
		return "", err
	}
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {path: faulty}})
	if err != nil {
		return "", err
	}
	return list, os.WriteFile(list, replace, 0o600)
}
