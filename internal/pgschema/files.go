package pgschema

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"
)

// Migrations returns the migrations for the schema in the form that goose reads: one file with both
// directions for each version.
func (s *Set) Migrations(n Name, variant string) (fs.FS, error) {
	names, err := fs.Glob(s.Files, "migrations/*.down.sql")
	if err != nil {
		return nil, err
	}
	files := memoryFS{}
	for _, down := range names {
		base := strings.TrimSuffix(down, ".down.sql")
		up := base + ".up.sql"
		if other := base + "." + variant + ".up.sql"; variant != "" && s.has(other) {
			up = other
		}
		upText, err := fs.ReadFile(s.Files, up)
		if err != nil {
			return nil, err
		}
		downText, err := fs.ReadFile(s.Files, down)
		if err != nil {
			return nil, err
		}
		text := fmt.Sprintf("-- +goose Up\n%s\n-- +goose Down\n%s", upText, downText)
		files[strings.TrimPrefix(base, "migrations/")+".sql"] = []byte(n.In(text))
	}
	return files, nil
}

func (s *Set) has(name string) bool {
	_, err := fs.Stat(s.Files, name)
	return err == nil
}

// memoryFS is a flat read-only file system in memory.
type memoryFS map[string][]byte

// Open implements fs.FS.
func (m memoryFS) Open(name string) (fs.File, error) {
	if name == "." {
		return m, nil
	}
	data, found := m[name]
	if !found {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &memoryFile{bytes.NewReader(data), memoryInfo{name, int64(len(data)), 0o444}}, nil
}

// ReadDir implements fs.ReadDirFile.
func (m memoryFS) ReadDir(int) ([]fs.DirEntry, error) {
	list := make([]fs.DirEntry, 0, len(m))
	for name, data := range m {
		list = append(list, fs.FileInfoToDirEntry(memoryInfo{name, int64(len(data)), 0o444}))
	}
	slices.SortFunc(list, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return list, nil
}

func (m memoryFS) Stat() (fs.FileInfo, error) { return memoryInfo{".", 0, fs.ModeDir | 0o555}, nil }
func (m memoryFS) Read([]byte) (int, error)   { return 0, io.EOF }
func (m memoryFS) Close() error               { return nil }

type memoryFile struct {
	*bytes.Reader
	info memoryInfo
}

func (f *memoryFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *memoryFile) Close() error               { return nil }

type memoryInfo struct {
	name string
	size int64
	mode fs.FileMode
}

func (i memoryInfo) Name() string       { return i.name }
func (i memoryInfo) Size() int64        { return i.size }
func (i memoryInfo) Mode() fs.FileMode  { return i.mode }
func (i memoryInfo) ModTime() time.Time { return time.Time{} }
func (i memoryInfo) IsDir() bool        { return i.mode.IsDir() }
func (i memoryInfo) Sys() any           { return nil }
