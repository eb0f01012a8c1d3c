package tokens

import "bytes"

const (
	// A prompt is looked at once every stride, where so many characters of base64 in
	// a row are no text.
	stride = 1 << 10
	window = 64
	// media is what an image or a file in base64 counts as at most, in bytes.
	media = 4 << 10
)

// Size is how many bytes of text a prompt is like: images and files that stand in it
// take many more than models count in them. Of text it reads a sample alone.
func Size(body []byte) int {
	size := len(body)
	for at := 0; at+window <= len(body); {
		if !encoded(body[at:]) {
			at += stride
			continue
		}
		end := bytes.IndexByte(body[at:], '"')
		if end < 0 {
			end = len(body) - at
		}
		// Not where only a beginning looks like it. The end may be padded.
		if end > media && encoded(body[at+end/2:]) && encoded(body[at+end-window-2:]) {
			size -= end - media
		}
		at += max(end, stride)
	}
	return size
}

// encoded says whether a text begins like base64.
func encoded(p []byte) bool {
	for _, c := range p[:window] {
		if !alphabet[c] {
			return false
		}
	}
	return true
}

var alphabet = func() (t [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		t[c] = true
	}
	return t
}()
