package platform

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// What is left for later steps holds no secret, and a later step may run as another
// user, so everybody may read it, whatever the umask is.
const (
	sharedFile   os.FileMode = 0o644
	sharedFolder os.FileMode = 0o755
)

// WriteShared writes a file that later steps can read, whoever they run as.
func WriteShared(path string, data []byte) error {
	if err := os.WriteFile(path, data, sharedFile); err != nil {
		return err
	}
	return os.Chmod(path, sharedFile)
}

// MakeShared makes a folder, and those above it, that later steps can read. A folder
// that is there stays as it is.
func MakeShared(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil
	}
	if parent := filepath.Dir(path); parent != path {
		if err := MakeShared(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, sharedFolder); err != nil {
		return err
	}
	return os.Chmod(path, sharedFolder)
}

// appendLine adds a line to a file that the platform, or the first line, made.
func appendLine(path, line string) error {
	_, missing := os.Stat(path)
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, sharedFile)
	if err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	_, err = file.WriteString(line + "\n")
	if err == nil && missing != nil {
		err = file.Chmod(sharedFile)
	}
	return errors.Join(err, file.Close())
}
