package s3

import (
	"crypto/md5" //nolint:gosec // G501: an ETag is the MD5 of the object
	"encoding/hex"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linkersync/linkersync/shared/simulator/aws/wire"
)

const (
	maxKey = 1024 // bytes
	// unversioned is the id of what was written without versions.
	unversioned = "null"
)

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
	if len(r.key) > maxKey {
		return wire.Refuse("KeyTooLongError", "Your key is too long")
	}
	data, checksums, err := r.content()
	if err != nil {
		return err
	}
	if err := mayWrite(r, bucket.latest(r.key)); err != nil {
		return err
	}
	sum := md5.Sum(data)
	fresh := &version{
		etag: `"` + hex.EncodeToString(sum[:]) + `"`, body: data, header: stored(r.Header), checksums: checksums, at: s.cloud.Now(),
	}
	bucket.write(r.key, fresh)
	maps.Copy(w.Header(), checksums)
	copyEncryption(w.Header(), fresh.header)
	w.Header().Set("ETag", fresh.etag)
	bucket.sayVersion(w, fresh)
	w.WriteHeader(http.StatusOK)
	s.created(bucket, r, fresh)
	return nil
}

// write adds a version; without versioning it takes the place of the one
// that was written without.
func (b *bucket) write(key string, fresh *version) {
	fresh.id = unversioned
	if b.versioning == enabled {
		fresh.id = strings.ReplaceAll(wire.RequestID(), "-", "")
	} else {
		b.objects[key] = slices.DeleteFunc(b.objects[key], func(old *version) bool { return old.id == unversioned })
	}
	b.objects[key] = append(b.objects[key], fresh)
	b.insert(key)
}

func (b *bucket) sayVersion(w http.ResponseWriter, v *version) {
	if b.versioning != "" {
		w.Header().Set("X-Amz-Version-Id", v.id)
	}
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
			lower == "content-type", lower == "cache-control", lower == "content-disposition", lower == "content-language":
			kept[name] = values
		case lower == "content-encoding":
			if encoding := strings.Trim(strings.Replace(values[0], "aws-chunked", "", 1), ", "); encoding != "" {
				kept[name] = []string{encoding}
			}
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
	bucket.sayVersion(w, found)
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

var versionID = regexp.MustCompile(`^([0-9a-f]{32}|null)$`)

// lookUp finds the version that a request names, or the latest.
func (b *bucket) lookUp(w http.ResponseWriter, r request) (*version, error) {
	if !r.query.Has("versionId") {
		latest := b.latest(r.key)
		if latest != nil && latest.marker {
			w.Header().Set("X-Amz-Delete-Marker", "true")
			b.sayVersion(w, latest)
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

// deleteObject removes a version that is named, else it puts a marker on top
// (with versions) or removes the object. To delete nothing is no error.
func (s *Service) deleteObject(w http.ResponseWriter, r request) error {
	bucket, err := s.find(r.bucket)
	if err != nil {
		return err
	}
	kind := "Permanently Deleted"
	gone := &version{id: r.query.Get("versionId")}
	switch {
	case gone.id != "":
		if !versionID.MatchString(gone.id) {
			return wire.Refuse("InvalidArgument", "Invalid version id specified")
		}
		gone = bucket.remove(r.key, gone)
	case bucket.versioning != "":
		kind = "Delete Marker Created"
		gone = &version{marker: true, at: s.cloud.Now()}
		bucket.write(r.key, gone)
	default:
		gone.id = unversioned
		gone = bucket.remove(r.key, gone)
	}
	bucket.sayVersion(w, gone)
	if gone.marker {
		w.Header().Set("X-Amz-Delete-Marker", "true")
	}
	w.WriteHeader(http.StatusNoContent)
	s.deleted(bucket, r, gone, kind)
	return nil
}

// remove takes a version away and returns it, or returns the one asked for when
// there is none of its id.
func (b *bucket) remove(key string, asked *version) *version {
	b.objects[key] = slices.DeleteFunc(b.objects[key], func(v *version) bool {
		if v.id != asked.id {
			return false
		}
		asked = v
		return true
	})
	if len(b.objects[key]) == 0 {
		b.drop(key)
	}
	return asked
}
