package sim

import (
	"bytes"
	"embed"
	"io/fs"
	"net/http"
	"strings"
)

// What real providers sent: see the README beside the files.
//
//go:embed recordings
var tape embed.FS

const (
	wholeSuffix  = ".json"
	chunksSuffix = ".chunks.txt"
)

// recordings names what can be played, a name for each stream.
func recordings() []string {
	files, err := fs.Glob(tape, "recordings/*"+chunksSuffix)
	if err != nil {
		return nil
	}
	for i, file := range files {
		files[i] = strings.TrimSuffix(strings.TrimPrefix(file, "recordings/"), chunksSuffix)
	}
	return files
}

// recorded says whether there is a recording of that name.
func recorded(name string) bool {
	_, err := fs.Stat(tape, "recordings/"+name+chunksSuffix)
	return err == nil
}

// play answers with the recording of the script.
func (x *exchange) play(p *prompt) {
	name := "recordings/" + x.script.recording
	if !p.stream || x.script.fault == faultWhole {
		body, err := fs.ReadFile(tape, name+wholeSuffix)
		if err != nil {
			x.fail(&failure{status: http.StatusNotFound, kind: notFound, message: "This recording has only a stream."})
			return
		}
		x.send("application/json", body)
		return
	}
	chunks, err := fs.ReadFile(tape, name+chunksSuffix)
	if err != nil {
		x.fail(unknownModel(x.model))
		return
	}
	if _, ok := x.format.(geminiFormat); ok && !eventStream(x) {
		list := bytes.ReplaceAll(bytes.TrimSpace(chunks), []byte("\n"), []byte(",\r\n"))
		x.send("application/json", append(append([]byte("["), list...), ']'))
		return
	}
	out := x.open("text/event-stream; charset=utf-8")
	for line := range bytes.Lines(chunks) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			out.piece(x.format.frame(line))
		}
	}
	out.finish()
	if tail := x.format.tail(); len(tail) > 0 {
		out.frame(tail)
	}
}
