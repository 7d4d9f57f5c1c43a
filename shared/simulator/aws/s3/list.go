package s3

import (
	"encoding/base64"
	"encoding/xml"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linkersync/linkersync/shared/simulator/aws/wire"
)

const maxList = 1000

type listing struct {
	XMLName               xml.Name `xml:"ListBucketResult"`
	Name                  string
	Prefix                string
	Delimiter             string `xml:"Delimiter,omitempty"`
	StartAfter            string `xml:"StartAfter,omitempty"`
	ContinuationToken     string `xml:"ContinuationToken,omitempty"`
	NextContinuationToken string `xml:"NextContinuationToken,omitempty"`
	EncodingType          string `xml:"EncodingType,omitempty"`
	KeyCount, MaxKeys     int
	IsTruncated           bool
	Contents              []listed
	CommonPrefixes        []commonPrefix
}

type listed struct {
	Key          string
	LastModified string
	ETag         string
	Size         int
	StorageClass string
}

type commonPrefix struct {
	Prefix string
}

// listObjects answers one page. Its token is the last key or common prefix.
func (s *Service) listObjects(w http.ResponseWriter, r request) error {
	bucket, err := s.find(r.bucket)
	if err != nil {
		return err
	}
	limit, after, err := listBounds(r.query)
	if err != nil {
		return err
	}
	out := listing{
		Name: bucket.name, Prefix: r.query.Get("prefix"), Delimiter: r.query.Get("delimiter"), StartAfter: r.query.Get("start-after"),
		ContinuationToken: r.query.Get("continuation-token"), EncodingType: r.query.Get("encoding-type"), MaxKeys: limit,
	}
	start, _ := slices.BinarySearch(bucket.keys, max(after, out.Prefix))
	last := after
	for _, key := range bucket.keys[start:] {
		if !strings.HasPrefix(key, out.Prefix) {
			break
		}
		newest := bucket.latest(key)
		common := out.common(key)
		if key <= after || newest.marker || common != "" && common <= last {
			continue
		}
		if out.KeyCount == limit {
			out.IsTruncated = limit > 0
			out.NextContinuationToken = base64.StdEncoding.EncodeToString([]byte(last))
			break
		}
		out.KeyCount++
		if common != "" {
			last = common
			out.CommonPrefixes = append(out.CommonPrefixes, commonPrefix{out.encode(common)})
			continue
		}
		last = key
		out.Contents = append(out.Contents, listed{
			out.encode(key), newest.at.UTC().Format(time.RFC3339), newest.etag, len(newest.body), "STANDARD",
		})
	}
	writeXML(w, http.StatusOK, out)
	return nil
}

func listBounds(query url.Values) (limit int, after string, err error) {
	limit = maxList
	if given := query.Get("max-keys"); given != "" {
		if limit, err = strconv.Atoi(given); err != nil || limit < 0 {
			return 0, "", wire.Refuse("InvalidArgument", "Provided max-keys not an integer or within integer range")
		}
		limit = min(limit, maxList)
	}
	after = query.Get("start-after")
	if given := query.Get("continuation-token"); given != "" {
		raw, err := base64.StdEncoding.DecodeString(given)
		if err != nil {
			return 0, "", wire.Refuse("InvalidArgument", "The continuation token provided is incorrect")
		}
		after = string(raw)
	}
	return limit, after, nil
}

// common returns what keys are rolled up to by the delimiter, "" for none.
func (l listing) common(key string) string {
	if l.Delimiter == "" {
		return ""
	}
	head, _, found := strings.Cut(key[len(l.Prefix):], l.Delimiter)
	if !found {
		return ""
	}
	return l.Prefix + head + l.Delimiter
}

func (l listing) encode(key string) string {
	if l.EncodingType == "url" {
		return url.QueryEscape(key)
	}
	return key
}
