package page

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// static has the style sheet in its two parts, the module, and the icon.
//
//go:embed static
var static embed.FS

// asset is a file that never changes under its name.
type asset struct {
	kind, etag    string
	plain, zipped []byte
}

// The paths of the assets.
const (
	cssPath  = "/static/page.css"
	jsPath   = "/static/page.js"
	iconPath = "/static/icon.svg"
)

var staticRoutes = []route{
	{method: "GET", path: cssPath, run: serveAsset},
	{method: "GET", path: jsPath, run: serveAsset},
	{method: "GET", path: iconPath, run: serveAsset},
}

// loadAssets reads the assets, which are a part of the program.
func loadAssets() map[string]*asset {
	return map[string]*asset{
		cssPath:  newAsset("text/css; charset=utf-8", "tokens.css", "page.css"),
		jsPath:   newAsset("text/javascript; charset=utf-8", "page.js"),
		iconPath: newAsset("image/svg+xml", "icon.svg"),
	}
}

// newAsset joins files into one asset.
func newAsset(kind string, files ...string) *asset {
	var all []byte
	for _, file := range files {
		text, err := static.ReadFile("static/" + file)
		if err != nil {
			panic(err)
		}
		all = append(append(all, text...), '\n')
	}
	sum := sha256.Sum256(all)
	return &asset{kind, `"` + hex.EncodeToString(sum[:16]) + `"`, all, zip(all)}
}

// serveAsset answers with an asset. A browser asks each time whether the asset is the one that it
// has.
func serveAsset(c *call) error {
	a := c.page.assets[c.r.URL.Path]
	h := c.w.Header()
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", a.etag)
	if slices.Contains(strings.Split(strings.ReplaceAll(c.r.Header.Get("If-None-Match"), " ", ""), ","), a.etag) {
		c.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	write(c.w, c.r, http.StatusOK, a.kind, a.plain, func() []byte { return a.zipped })
	return nil
}

// zip compresses a text.
func zip(text []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(text) // a buffer takes everything
	_ = z.Close()
	return b.Bytes()
}

// acceptsGzip reports whether the browser takes gzip.
func acceptsGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(name, "gzip") {
			q, given := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=")
			weight, err := strconv.ParseFloat(q, 64)
			return !given || err == nil && weight > 0
		}
	}
	return false
}
