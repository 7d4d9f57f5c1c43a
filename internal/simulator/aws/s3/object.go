package s3

import (
	"crypto/md5" //nolint:gosec // G501: an ETag is the MD5 of the object
	"encoding/hex"
	"maps"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/linkersync/linkersync/internal/simulator/aws/wire"
)

const maxKey = 1024 // bytes

// version is one version of an object, or a delete marker.
type version struct {
	id     string
	etag   string // with its quotes
	body   []byte
	header http.Header // stored with the object and sent back
	// checksums are sent back only when asked for.
	checksums http.Header
	at        time.Time
	marker    bool
}

func (s *Service) putObject(w http.ResponseWriter, r request) error {
	bucket, err := s.find(r.bucket)
	if err != nil {
		return err
	}
	if !bucket.versioned {
		return wire.Missing("object without versions, in the bucket", r.bucket)
	}
	if len(r.key) > maxKey {
		return wire.Refuse("KeyTooLongError", "Your key is too long")
	}
	checksums, err := r.checksums()
	if err != nil {
		return err
	}
	if err := mayWrite(r, bucket.latest(r.key)); err != nil {
		return err
	}
	sum := md5.Sum(r.body)
	fresh := &version{
		etag: `"` + hex.EncodeToString(sum[:]) + `"`, body: r.body, header: stored(r.Header), checksums: checksums, at: s.cloud.Now(),
	}
	bucket.write(r.key, fresh)
	maps.Copy(w.Header(), checksums)
	copyEncryption(w.Header(), fresh.header)
	w.Header().Set("ETag", fresh.etag)
	w.Header().Set("X-Amz-Version-Id", fresh.id)
	w.WriteHeader(http.StatusOK)
	s.created(bucket, r, fresh)
	return nil
}

// write adds a version.
func (b *bucket) write(key string, fresh *version) {
	fresh.id = strings.ReplaceAll(wire.RequestID(), "-", "")
	b.objects[key] = append(b.objects[key], fresh)
}

// mayWrite applies the conditions of a conditional write.
func mayWrite(r request, latest *version) error {
	there := latest != nil && !latest.marker
	failed := &wire.Error{Status: http.StatusPreconditionFailed, Code: "PreconditionFailed", Message: "At least one of the pre-conditions you specified did not hold"}
	if given := r.Header.Get("If-None-Match"); given != "" {
		if given != "*" {
			return wire.Missing("value of If-None-Match in PutObject", given)
		}
		if there {
			return failed
		}
	}
	if given := r.Header.Get("If-Match"); given != "" {
		if !there {
			return noSuchKey()
		}
		if given != latest.etag {
			return failed
		}
	}
	return nil
}

// stored picks the headers that S3 keeps with an object.
func stored(header http.Header) http.Header {
	kept := http.Header{"Content-Type": {"binary/octet-stream"}}
	for name, values := range header {
		lower := strings.ToLower(name)
		switch {
		case strings.HasPrefix(lower, "x-amz-meta-"), strings.HasPrefix(lower, "x-amz-server-side-encryption"),
			lower == "content-type", lower == "cache-control", lower == "content-disposition", lower == "content-language", lower == "content-encoding":
			kept[name] = values
		}
	}
	return kept
}

func copyEncryption(to, from http.Header) {
	for name, values := range from {
		if strings.HasPrefix(name, "X-Amz-Server-Side-Encryption") {
			to[name] = values
		}
	}
}

func noSuchKey() error {
	return &wire.Error{Status: http.StatusNotFound, Code: "NoSuchKey", Message: "The specified key does not exist."}
}

func (s *Service) getObject(w http.ResponseWriter, r request) error {
	bucket, err := s.find(r.bucket)
	if err != nil {
		return err
	}
	found, err := bucket.lookUp(w, r)
	if err != nil {
		return err
	}
	w.Header().Set("ETag", found.etag)
	w.Header().Set("Last-Modified", found.at.UTC().Format(http.TimeFormat))
	w.Header().Set("X-Amz-Version-Id", found.id)
	if given := r.Header.Get("If-Match"); given != "" && given != found.etag {
		return &wire.Error{Status: http.StatusPreconditionFailed, Code: "PreconditionFailed", Message: "At least one of the pre-conditions you specified did not hold"}
	}
	if given := r.Header.Get("If-None-Match"); given == found.etag || given == "*" {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	maps.Copy(w.Header(), found.header)
	if r.Header.Get("X-Amz-Checksum-Mode") == "ENABLED" && len(found.checksums) > 0 {
		maps.Copy(w.Header(), found.checksums)
		w.Header().Set("X-Amz-Checksum-Type", "FULL_OBJECT")
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(found.body)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(found.body) // nothing is sent for HEAD
	return nil
}

var versionID = regexp.MustCompile(`^[0-9a-f]{32}$`)

// lookUp finds the version that a request names, or the latest.
func (b *bucket) lookUp(w http.ResponseWriter, r request) (*version, error) {
	if !r.query.Has("versionId") {
		latest := b.latest(r.key)
		if latest != nil && latest.marker {
			w.Header().Set("X-Amz-Delete-Marker", "true")
			w.Header().Set("X-Amz-Version-Id", latest.id)
		}
		if latest == nil || latest.marker {
			return nil, noSuchKey()
		}
		return latest, nil
	}
	id := r.query.Get("versionId")
	if !versionID.MatchString(id) {
		return nil, wire.Refuse("InvalidArgument", "Invalid version id specified")
	}
	for _, version := range b.objects[r.key] {
		if version.id != id {
			continue
		}
		if version.marker {
			w.Header().Set("X-Amz-Delete-Marker", "true")
			return nil, &wire.Error{Status: http.StatusMethodNotAllowed, Code: "MethodNotAllowed", Message: "The specified method is not allowed against this resource."}
		}
		return version, nil
	}
	return nil, &wire.Error{Status: http.StatusNotFound, Code: "NoSuchVersion", Message: "The specified version does not exist."}
}

// deleteObject puts a marker on top, whether there is an object or not.
func (s *Service) deleteObject(w http.ResponseWriter, r request) error {
	bucket, err := s.find(r.bucket)
	if err != nil {
		return err
	}
	if !bucket.versioned {
		return wire.Missing("object without versions, in the bucket", r.bucket)
	}
	marker := &version{marker: true, at: s.cloud.Now()}
	bucket.write(r.key, marker)
	w.Header().Set("X-Amz-Version-Id", marker.id)
	w.Header().Set("X-Amz-Delete-Marker", "true")
	w.WriteHeader(http.StatusNoContent)
	s.deleted(bucket, r, marker)
	return nil
}
