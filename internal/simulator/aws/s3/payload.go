package s3

import (
	"crypto/md5" //nolint:gosec // G501: Content-MD5 is what its name says
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"hash/crc64"
	"net/http"
	"strings"

	"github.com/linkersync/linkersync/internal/simulator/aws/wire"
)

const checksumPrefix = "X-Amz-Checksum-"

// checkPayload compares the body with X-Amz-Content-Sha256, which every request
// to S3 has and which the signature covers in place of the body. An SDK sends a body
// in chunks (STREAMING-…) only over TLS.
func (r request) checkPayload() error {
	switch given := r.Header.Get("X-Amz-Content-Sha256"); given {
	case "":
		return wire.Refuse("InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
	case "UNSIGNED-PAYLOAD":
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

// checksums returns those that came with a PutObject, all of them verified.
func (r request) checksums() (http.Header, error) {
	checksums := http.Header{}
	for name, values := range r.Header {
		if strings.HasPrefix(name, checksumPrefix) {
			checksums[name] = values
		}
	}
	for name, values := range checksums {
		if err := verify(name, values[0], r.body); err != nil {
			return nil, err
		}
	}
	if given := r.Header.Get("Content-Md5"); given != "" {
		if sum := md5.Sum(r.body); given != base64.StdEncoding.EncodeToString(sum[:]) {
			return nil, wire.Refuse("BadDigest", "The Content-MD5 you specified did not match what we received.")
		}
	}
	return checksums, nil
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
