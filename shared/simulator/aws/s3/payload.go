package s3

import (
	"bytes"
	"crypto/md5" //nolint:gosec // G501: Content-MD5 is what its name says
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"hash/crc64"
	"net/http"
	"strconv"
	"strings"

	"github.com/linkersync/linkersync/shared/simulator/aws/wire"
)

const (
	unsigned        = "UNSIGNED-PAYLOAD"
	unsignedTrailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
	checksumPrefix  = "X-Amz-Checksum-"
)

// checkPayload compares the body with X-Amz-Content-Sha256, which every request
// to S3 has and which the signature covers in place of the body.
func (r request) checkPayload() error {
	switch given := r.Header.Get("X-Amz-Content-Sha256"); given {
	case "":
		return wire.Refuse("InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
	case unsigned, unsignedTrailer:
		return nil
	default:
		if strings.HasPrefix(given, "STREAMING-") {
			return wire.Missing("kind of payload", given)
		}
		sum := sha256.Sum256(r.body)
		if given != hex.EncodeToString(sum[:]) {
			return wire.Refuse("XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.")
		}
		return nil
	}
}

// content returns the object that a PutObject brings, out of its chunks if it
// came in chunks, and the checksums that came with it, all of them verified.
func (r request) content() ([]byte, http.Header, error) {
	data, checksums := r.body, http.Header{}
	for name, values := range r.Header {
		if strings.HasPrefix(name, checksumPrefix) {
			checksums[name] = values
		}
	}
	if r.Header.Get("X-Amz-Content-Sha256") == unsignedTrailer {
		var trailer http.Header
		var err error
		if data, trailer, err = dechunk(r.body); err != nil {
			return nil, nil, err
		}
		for name := range strings.SplitSeq(r.Header.Get("X-Amz-Trailer"), ",") {
			name = http.CanonicalHeaderKey(strings.TrimSpace(name))
			if trailer.Get(name) == "" {
				return nil, nil, wire.Refuse("MalformedTrailerError", "The request contained trailing data that was not well-formed or did not conform to our published schema.")
			}
			checksums[name] = trailer[name]
		}
		if r.Header.Get("X-Amz-Decoded-Content-Length") != strconv.Itoa(len(data)) {
			return nil, nil, wire.Refuse("IncompleteBody", "The request body terminated unexpectedly")
		}
	}
	for name, values := range checksums {
		if err := verify(name, values[0], data); err != nil {
			return nil, nil, err
		}
	}
	if given := r.Header.Get("Content-Md5"); given != "" {
		if sum := md5.Sum(data); given != base64.StdEncoding.EncodeToString(sum[:]) {
			return nil, nil, wire.Refuse("BadDigest", "The Content-MD5 you specified did not match what we received.")
		}
	}
	return data, checksums, nil
}

// verify compares a checksum header with the data.
func verify(header, given string, data []byte) error {
	var sum []byte
	switch algorithm := strings.TrimPrefix(header, checksumPrefix); algorithm {
	case "Crc32":
		sum = binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(data))
	case "Crc32c":
		sum = binary.BigEndian.AppendUint32(nil, crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)))
	case "Crc64nvme":
		const polynomial = 0x9a6c9329ac4bc9b5 // reversed, as crc64 wants it
		sum = binary.BigEndian.AppendUint64(nil, crc64.Checksum(data, crc64.MakeTable(polynomial)))
	case "Sha1":
		digest := sha1.Sum(data)
		sum = digest[:]
	case "Sha256":
		digest := sha256.Sum256(data)
		sum = digest[:]
	default:
		return wire.Missing("checksum", algorithm)
	}
	if given != base64.StdEncoding.EncodeToString(sum) {
		return wire.Refuse("BadDigest", "The %s you specified did not match the calculated checksum.", strings.TrimPrefix(header, checksumPrefix))
	}
	return nil
}

// dechunk takes an aws-chunked body apart: chunks of a hexadecimal size and that
// many bytes, an empty one, and trailing headers.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
func dechunk(body []byte) (data []byte, trailer http.Header, err error) {
	malformed := wire.Refuse("IncompleteBody", "The request body is not in chunks as announced.")
	for {
		line, rest, ok := bytes.Cut(body, []byte("\r\n"))
		size, err := strconv.ParseUint(string(line), 16, 31)
		if !ok || err != nil {
			return nil, nil, malformed
		}
		if size == 0 {
			body = rest
			break
		}
		if uint64(len(rest)) < size+2 || string(rest[size:size+2]) != "\r\n" {
			return nil, nil, malformed
		}
		data, body = append(data, rest[:size]...), rest[size+2:]
	}
	trailer = http.Header{}
	for line := range bytes.SplitSeq(bytes.TrimRight(body, "\r\n"), []byte("\r\n")) {
		name, value, _ := strings.Cut(string(line), ":")
		trailer.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	return data, trailer, nil
}
