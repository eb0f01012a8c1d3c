package converse

import (
	"encoding/base64"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// The API's words for what media are, by MIME type.
var (
	imageFormats = map[string]string{
		"image/png": "png", "image/jpeg": "jpeg", "image/jpg": "jpeg", "image/gif": "gif", "image/webp": "webp",
	}
	documentFormats = map[string]string{
		"application/pdf": "pdf", "text/csv": "csv", "text/html": "html", "text/markdown": "md", "text/plain": "txt",
		"application/msword": "doc", "application/vnd.ms-excel": "xls",
		"application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
		"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":       "xlsx",
	}
	audioFormats = map[string]string{
		"audio/mpeg": "mp3", "audio/mp3": "mp3", "audio/wav": "wav", "audio/x-wav": "wav", "audio/wave": "wav",
		"audio/vnd.wave": "wav", "audio/opus": "opus", "audio/aac": "aac", "audio/flac": "flac", "audio/x-flac": "flac",
		"audio/ogg": "ogg", "audio/mp4": "mp4", "audio/x-m4a": "m4a", "audio/m4a": "m4a", "audio/webm": "webm",
		"audio/pcm": "pcm", "audio/l16": "pcm", "audio/pcm16": "pcm", "audio/x-matroska": "mka",
	}
	videoFormats = map[string]string{
		"video/x-matroska": "mkv", "video/quicktime": "mov", "video/mp4": "mp4", "video/webm": "webm",
		"video/x-flv": "flv", "video/mpeg": "mpeg", "video/x-ms-wmv": "wmv", "video/3gpp": "three_gp",
	}
	// documentEndings tell what a document is where its type doesn't.
	documentEndings = map[string]string{
		".pdf": "pdf", ".csv": "csv", ".html": "html", ".htm": "html", ".md": "md", ".txt": "txt",
		".doc": "doc", ".docx": "docx", ".xls": "xls", ".xlsx": "xlsx",
	}
	// beginnings of images in base64.
	beginnings = []struct{ start, format string }{
		{"iVBOR", "png"}, {"/9j/", "jpeg"}, {"R0lG", "gif"}, {"UklG", "webp"},
	}
)

func (e *encoding) media(p llm.Media) (*block, error) {
	refuse := func(what string) (*block, error) {
		return nil, wire.BadRequest("messages", fmt.Sprintf("messages: %s takes no %s", e.t.Model, what))
	}
	switch p.Kind {
	case llm.MediaImage:
		if e.t.NoVision {
			return refuse("images")
		}
		if p.Detail != "" && p.Detail != "auto" {
			e.drop("image_detail", "the detail of images can't be chosen")
		}
		return e.medium(p, "image", imageFormat(p), func(m *media) *block { return &block{Image: m} })
	case llm.MediaAudio:
		if e.t.NoAudio {
			return refuse("sound")
		}
		return e.medium(p, "sound", formatOf(audioFormats, p.MIME), func(m *media) *block { return &block{Audio: m} })
	case llm.MediaVideo:
		if e.t.NoVision {
			return refuse("films")
		}
		return e.medium(p, "film", formatOf(videoFormats, p.MIME), func(m *media) *block { return &block{Video: m} })
	}
	if e.t.NoPDF && p.Text == "" && !strings.HasPrefix(p.MIME, "text/") {
		return refuse("documents")
	}
	return e.document(p)
}

func (e *encoding) medium(p llm.Media, what, format string, as func(*media) *block) (*block, error) {
	if format == "" {
		return nil, wire.BadRequest("messages", fmt.Sprintf("messages: the type %q of the %s is none that the API takes", p.MIME, what))
	}
	s, err := sourceOf(p, what)
	if err != nil {
		return nil, err
	}
	return as(&media{Format: format, Source: s}), nil
}

// sourceOf says where the content is. The API fetches nothing but from S3.
func sourceOf(p llm.Media, what string) (*source, error) {
	switch {
	case p.FileID != "":
		return nil, wire.BadRequest("messages", fmt.Sprintf("messages: the file %q belongs to another provider: send its content", p.FileID))
	case strings.HasPrefix(p.URL, "s3://"):
		return &source{S3: &s3Location{URI: p.URL}}, nil
	case p.URL != "":
		return nil, wire.BadRequest("messages", fmt.Sprintf("messages: the API fetches no %s from an address: send its content", what))
	case p.Data == "":
		return nil, wire.BadRequest("messages", fmt.Sprintf("messages: the %s is empty", what))
	}
	return &source{Bytes: p.Data}, nil
}

func formatOf(formats map[string]string, mime string) string {
	mime, _, _ = strings.Cut(mime, ";")
	return formats[strings.ToLower(strings.TrimSpace(mime))]
}

// imageFormat is the format of an image: as said, or by the first bytes of its
// data, or by the ending of its address.
func imageFormat(p llm.Media) string {
	if p.MIME != "" && p.MIME != "application/octet-stream" && p.MIME != "image/*" {
		return formatOf(imageFormats, p.MIME)
	}
	for _, b := range beginnings {
		if strings.HasPrefix(p.Data, b.start) {
			return b.format
		}
	}
	if f := imageFormats["image/"+strings.TrimPrefix(strings.ToLower(path.Ext(p.URL)), ".")]; f != "" {
		return f
	}
	return "png"
}

func (e *encoding) document(p llm.Media) (*block, error) {
	d := &document{Context: scan.Text(scan.Member(p.Extra, "context"))}
	if string(scan.Member(scan.Member(p.Extra, "citations"), "enabled")) == "true" {
		d.Citations = &citations{Enabled: true}
	}
	ending := strings.ToLower(path.Ext(p.Name))
	if ending == "" {
		ending = strings.ToLower(path.Ext(p.URL))
	}
	switch {
	case p.Text != "":
		d.Format = "txt"
		p.Data = base64.StdEncoding.EncodeToString([]byte(p.Text))
	case formatOf(documentFormats, p.MIME) != "":
		d.Format = formatOf(documentFormats, p.MIME)
	case documentEndings[ending] != "":
		d.Format = documentEndings[ending]
	case strings.HasPrefix(p.MIME, "text/"), strings.HasPrefix(p.MIME, "application/json"), strings.HasPrefix(p.MIME, "application/xml"):
		d.Format = "txt"
	case p.MIME == "" || p.MIME == "application/octet-stream":
		d.Format = "pdf"
	default:
		return nil, wire.BadRequest("messages", fmt.Sprintf("messages: the type %q of the document is none that the API takes", p.MIME))
	}
	s, err := sourceOf(p, "document")
	if err != nil {
		return nil, err
	}
	d.Name, d.Source = e.documentName(p.Name), s
	return &block{Document: d}, nil
}

// maxDocumentName leaves room for a number within the API's 200 characters.
const maxDocumentName = 190

// documentName fits a file's name into what the API takes: letters, digits,
// hyphens, brackets and single spaces, and each name once in a request.
func (e *encoding) documentName(name string) string {
	name = strings.TrimSuffix(name, path.Ext(name))
	name = strings.Map(func(r rune) rune {
		switch {
		case '0' <= r && r <= '9', 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', strings.ContainsRune("-()[]", r):
			return r
		case r == '_' || r == '.':
			return '-'
		}
		return ' '
	}, name)
	name = strings.Join(strings.Fields(name), " ")
	name = strings.TrimSpace(name[:min(len(name), maxDocumentName)])
	if name == "" {
		name = "document"
	}
	once := name
	for e.names[once] > 0 {
		e.names[name]++
		once = name + " (" + strconv.Itoa(e.names[name]) + ")"
	}
	e.names[once] = 1
	return once
}
