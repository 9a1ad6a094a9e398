package page

import (
	"embed"
	"html/template"
	"io/fs"
	"path"
	"strings"

	"github.com/ai-ots/accounts"
)

// templates has layout.html, icons.html and parts.html, which every screen may use, and a file for
// each screen, which defines "main".
//
//go:embed templates
var templates embed.FS

// common are the files that every screen may use.
var common = []string{"templates/layout.html", "templates/icons.html", "templates/parts.html", "templates/chart.html", "templates/form.html"}

// parseScreens parses the templates. They are a part of the program: one that cannot be parsed is a
// fault of the program, which every test finds.
func parseScreens() map[string]*template.Template {
	base := template.Must(template.New("").Funcs(funcs).ParseFS(templates, common...))
	files, err := fs.Glob(templates, "templates/*.html")
	if err != nil {
		panic(err)
	}
	out := map[string]*template.Template{}
	for _, file := range files {
		name := strings.TrimSuffix(path.Base(file), ".html")
		out[name] = template.Must(template.Must(base.Clone()).ParseFS(templates, file))
	}
	return out
}

// funcs are what templates may call.
var funcs = template.FuncMap{
	"lower":   strings.ToLower,
	"plural":  plural,
	"pair":    func(a, b any) []any { return []any{a, b} },
	"input":   inputOf,
	"choice":  choiceOf,
	"options": options,
	"text":    func(id accounts.ProfileID) string { return string(id) },
}
