package awsenv

import (
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Address is where a service is called: the configuration's endpoint, or else the
// service's host in the region. A request is signed for the region, so it has to be a
// right one even where the endpoint is given; with a "/" or a "#" in it, it would name
// another host. The error is [ErrNoRegion], [ErrRegion] or [ErrEndpoint]: url.Parse's
// own repeats the endpoint, which may hold a password.
// Source: https://docs.aws.amazon.com/general/latest/gr/rande.html
func Address(config aws.Config, service string) (*url.URL, error) {
	switch {
	case config.Region == "":
		return nil, ErrNoRegion
	case !smithyhttp.ValidHostLabel(config.Region):
		return nil, ErrRegion
	}
	address := "https://" + service + "." + config.Region + ".amazonaws.com"
	if strings.HasPrefix(config.Region, "cn-") {
		address += ".cn"
	}
	if config.BaseEndpoint != nil {
		address = *config.BaseEndpoint
	}
	parsed, err := url.Parse(address)
	if err != nil {
		return nil, ErrEndpoint
	}
	return parsed, nil
}
