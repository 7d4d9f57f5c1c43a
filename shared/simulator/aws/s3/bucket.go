package s3

import (
	"encoding/xml"
	"net/http"
	"regexp"
	"slices"

	"github.com/linkersync/linkersync/shared/simulator/aws/wire"
)

// The states of versioning; a bucket that never had versions has none of them.
const (
	enabled   = "Enabled"
	suspended = "Suspended"
)

type bucket struct {
	name       string
	versioning string
	events     bool                  // sent to EventBridge
	keys       []string              // sorted
	objects    map[string][]*version // oldest version first
}

// Add makes a bucket with versions that sends its events to EventBridge, past
// the protocol. It panics when the bucket is there already.
func (s *Service) Add(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buckets[name] != nil {
		panic("s3: bucket " + name + " is there already")
	}
	s.buckets[name] = &bucket{name: name, versioning: enabled, events: true, objects: map[string][]*version{}}
}

func (s *Service) find(name string) (*bucket, error) {
	if found := s.buckets[name]; found != nil {
		return found, nil
	}
	return nil, &wire.Error{Status: http.StatusNotFound, Code: "NoSuchBucket", Message: "The specified bucket does not exist"}
}

var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

func (s *Service) createBucket(w http.ResponseWriter, r request) error {
	if !bucketName.MatchString(r.bucket) {
		return wire.Refuse("InvalidBucketName", "The specified bucket is not valid.")
	}
	var in struct {
		XMLName  xml.Name `xml:"CreateBucketConfiguration"`
		Location string   `xml:"LocationConstraint"`
	}
	if len(r.body) > 0 {
		if err := readXML(r.body, &in); err != nil {
			return err
		}
	}
	// The region where S3 began is the only one that must not be named.
	want := s.cloud.Region
	if want == "us-east-1" {
		want = ""
	}
	if in.Location != want {
		return wire.Refuse("IllegalLocationConstraintException", "The %q location constraint is incompatible for the region specific endpoint this request was sent to.", in.Location)
	}
	if s.buckets[r.bucket] != nil {
		return &wire.Error{Status: http.StatusConflict, Code: "BucketAlreadyOwnedByYou", Message: "Your previous request to create the named bucket succeeded and you already own it."}
	}
	s.buckets[r.bucket] = &bucket{name: r.bucket, objects: map[string][]*version{}}
	w.Header().Set("Location", "/"+r.bucket)
	w.WriteHeader(http.StatusOK)
	return nil
}

func (s *Service) headBucket(w http.ResponseWriter, r request) error {
	if _, err := s.find(r.bucket); err != nil {
		return err
	}
	w.Header().Set("X-Amz-Bucket-Region", s.cloud.Region)
	w.WriteHeader(http.StatusOK)
	return nil
}

type versioningConfiguration struct {
	XMLName xml.Name `xml:"VersioningConfiguration"`
	Status  string   `xml:"Status,omitempty"`
}

func (s *Service) putVersioning(w http.ResponseWriter, r request) error {
	bucket, err := s.find(r.bucket)
	if err != nil {
		return err
	}
	var in versioningConfiguration
	if err := readXML(r.body, &in); err != nil {
		return err
	}
	if in.Status != enabled && in.Status != suspended {
		return wire.Refuse("IllegalVersioningConfigurationException", "The versioning configuration specified in the request is invalid.")
	}
	bucket.versioning = in.Status
	w.WriteHeader(http.StatusOK)
	return nil
}

func (s *Service) getVersioning(w http.ResponseWriter, r request) error {
	bucket, err := s.find(r.bucket)
	if err != nil {
		return err
	}
	writeXML(w, http.StatusOK, versioningConfiguration{Status: bucket.versioning})
	return nil
}

func (s *Service) putNotification(w http.ResponseWriter, r request) error {
	bucket, err := s.find(r.bucket)
	if err != nil {
		return err
	}
	var in struct {
		XMLName     xml.Name  `xml:"NotificationConfiguration"`
		EventBridge *struct{} `xml:"EventBridgeConfiguration"`
		Others      []struct {
			XMLName xml.Name
		} `xml:",any"`
	}
	if err := readXML(r.body, &in); err != nil {
		return err
	}
	if len(in.Others) > 0 {
		return wire.Missing("notification", in.Others[0].XMLName.Local)
	}
	bucket.events = in.EventBridge != nil
	w.WriteHeader(http.StatusOK)
	return nil
}

func readXML(body []byte, into any) error {
	if err := xml.Unmarshal(body, into); err != nil {
		return wire.Refuse("MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema: %v", err)
	}
	return nil
}

// insert notes a key in order.
func (b *bucket) insert(key string) {
	if at, found := slices.BinarySearch(b.keys, key); !found {
		b.keys = slices.Insert(b.keys, at, key)
	}
}

// drop forgets a key that has no versions left.
func (b *bucket) drop(key string) {
	delete(b.objects, key)
	if at, found := slices.BinarySearch(b.keys, key); found {
		b.keys = slices.Delete(b.keys, at, at+1)
	}
}

// latest returns the newest version of a key, nil when there is none.
func (b *bucket) latest(key string) *version {
	versions := b.objects[key]
	if len(versions) == 0 {
		return nil
	}
	return versions[len(versions)-1]
}
