package s3

import (
	"encoding/xml"
	"net/http"
	"regexp"

	"github.com/linkersync/linkersync/internal/simulator/aws/wire"
)

type bucket struct {
	name      string
	versioned bool
	events    bool                  // sent to EventBridge
	objects   map[string][]*version // oldest version first
}

// Add makes a bucket with versions that sends its events to EventBridge, past
// the protocol. It panics when the bucket is there already.
func (s *Service) Add(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buckets[name] != nil {
		panic("s3: bucket " + name + " is there already")
	}
	s.buckets[name] = &bucket{name: name, versioned: true, events: true, objects: map[string][]*version{}}
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
	if in.Location != s.cloud.Region {
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

func (s *Service) putVersioning(w http.ResponseWriter, r request) error {
	bucket, err := s.find(r.bucket)
	if err != nil {
		return err
	}
	var in struct {
		XMLName xml.Name `xml:"VersioningConfiguration"`
		Status  string   `xml:"Status"`
	}
	if err := readXML(r.body, &in); err != nil {
		return err
	}
	switch in.Status {
	case "Enabled":
		bucket.versioned = true
	case "Suspended":
		return wire.Missing("status of versioning", in.Status)
	default:
		return wire.Refuse("IllegalVersioningConfigurationException", "The versioning configuration specified in the request is invalid.")
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

func readXML(body []byte, into any) error {
	if err := xml.Unmarshal(body, into); err != nil {
		return wire.Refuse("MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema: %v", err)
	}
	return nil
}

// latest returns the newest version of a key, nil when there is none.
func (b *bucket) latest(key string) *version {
	versions := b.objects[key]
	if len(versions) == 0 {
		return nil
	}
	return versions[len(versions)-1]
}
