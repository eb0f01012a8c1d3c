package identity

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// KeyFile is the file of the first key in the data folder.
const KeyFile = "admin.key"

// WriteKeyFile writes the key's text and a line end to admin.key in dir, and
// returns its path. Only the owner may read the file; it is there whole or not
// at all, and it replaces an older one. What is no regular file (a link above
// all, which could lead the key elsewhere) is refused.
func WriteKeyFile(dir string, key Secret) (path string, err error) {
	path = filepath.Join(dir, KeyFile)
	defer func() {
		if err != nil {
			err = fmt.Errorf("write the key to %s: %w", path, err)
		}
	}()
	root, err := os.OpenRoot(dir)
	if err != nil {
		return path, err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	switch st, err := root.Lstat(KeyFile); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return path, err
	case !st.Mode().IsRegular():
		return path, errors.New("something other than a file is in its place; remove it")
	}
	// A new file, so that its mode is right from the first byte on and no open
	// handle of an older one sees the key.
	temp := KeyFile + "." + rand.Text()
	f, err := root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return path, err
	}
	_, err = f.WriteString(key.Reveal() + "\n")
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = root.Rename(temp, KeyFile)
	}
	if err != nil {
		return path, errors.Join(err, root.Remove(temp))
	}
	return path, nil
}
