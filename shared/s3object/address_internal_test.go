package s3object

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	for region, want := range map[string]string{
		"eu-central-1": "https://s3.eu-central-1.amazonaws.com/manifests",
		"cn-north-1":   "https://s3.cn-north-1.amazonaws.com.cn/manifests",
	} {
		client, err := New(aws.Config{Region: region, Credentials: aws.AnonymousCredentials{}}, "manifests")
		if err != nil {
			t.Fatal(err)
		}
		if got := client.bucket.String(); got != want {
			t.Errorf("%s: the bucket is at %s, want %s", region, got, want)
		}
	}
}
