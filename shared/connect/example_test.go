package connect_test

import (
	"fmt"
	"net/url"

	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/redact"
)

// A callback is verified with the secrets of the installation that its token names.
func ExampleVerifier() {
	verifier := &connect.Verifier{AppKey: "example-linker-app", BasePath: "/prod"}
	find := func(string) connect.Secrets { // from a store
		return connect.Secrets{}
	}

	token, err := verifier.Parse(connect.Request{Method: "POST", RawPath: "/prod/uninstalled", Authorization: "JWT eyJhbGciOiJub25lIn0.e30."})
	if err != nil {
		fmt.Println(err) // for every reason the same; the log has the reason
		return
	}
	verified, err := verifier.Verify(token, find(token.ClientKey()))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("Bitbucket sent it for", verified.ClientKey())
	// Output: request is not authenticated
}

// The hash covers all of the query but the token itself.
func ExampleCanonicalRequest() {
	fmt.Println(connect.CanonicalRequest("get", "/prod/page", "b=2&a=x+y&jwt=token", "/prod"))
	// Output: GET&/page&a=x%20y&b=2
}

func ExampleSigner_Sign() {
	signer := connect.Signer{AppKey: "example-linker-app", ClientKey: "connection:479", Secret: redact.New("the shared secret")}
	target := &url.URL{Scheme: "https", Host: "api.bitbucket.org", Path: "/2.0/addon/linkers"}
	token, err := signer.Sign("GET", target)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("Authorization: JWT", token) // a secret prints as a placeholder
	// Output: Authorization: JWT [redacted]
}

func ExampleDescriptor_WithBaseURL() {
	descriptor, err := connect.ParseDescriptor([]byte(`{"key":"example-linker-app","baseUrl":"https://placeholder.example","vendor":{"name":"Example"}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := descriptor.WithBaseURL("https://linkersync.example.com/prod").MarshalJSON()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(text))
	// Output: {"baseUrl":"https://linkersync.example.com/prod","key":"example-linker-app","vendor":{"name":"Example"}}
}
