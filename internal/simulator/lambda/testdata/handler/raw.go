package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// raw speaks the runtime API by hand, to do what the library never does.
type raw struct {
	root string
	// remembered is a status to be told by the next answer.
	remembered int
}

func (r *raw) loop() {
	r.root = "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/"
	for {
		header, payload := r.next()
		r.serve(header, payload)
	}
}

func (r *raw) next() (http.Header, []byte) {
	response, err := http.Get(r.root + "invocation/next")
	if err != nil {
		panic(err)
	}
	defer response.Body.Close()
	payload, err := io.ReadAll(response.Body)
	if err != nil {
		panic(err)
	}
	return response.Header, payload
}

func (r *raw) serve(header http.Header, payload []byte) {
	id := header.Get("Lambda-Runtime-Aws-Request-Id")
	var o order
	if err := json.Unmarshal(payload, &o); err != nil {
		panic(err)
	}
	switch o.Do {
	case "headers":
		encoded, _ := json.Marshal(header)
		r.post(id+"/response", string(encoded), nil)
	case "no answer":
		return
	case "wrong id":
		status, body := r.post("00000000-0000-4000-8000-000000000000/response", `{}`, nil)
		r.post(id+"/response", fmt.Sprintf(`{"status":%d,"body":%q}`, status, body), nil)
	case "answer twice":
		r.post(id+"/response", `"first"`, nil)
		r.remembered, _ = r.post(id+"/response", `"second"`, nil)
	case "remembered":
		r.post(id+"/response", fmt.Sprint(r.remembered), nil)
	case "answer and linger":
		r.post(id+"/response", `"done"`, nil)
		time.Sleep(time.Hour)
	case "odd error":
		r.post(id+"/error", "not JSON", map[string]string{"Lambda-Runtime-Function-Error-Type": "Custom.Kind"})
	case "unknown path":
		response, err := http.Get(r.root + "restore/next")
		if err != nil {
			panic(err)
		}
		_ = response.Body.Close()
		r.post(id+"/response", fmt.Sprint(response.StatusCode), nil)
	}
}

func (r *raw) post(path, body string, headers map[string]string) (int, string) {
	request, err := http.NewRequest(http.MethodPost, r.root+"invocation/"+path, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	return send(request)
}

func send(request *http.Request) (int, string) {
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		panic(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		panic(err)
	}
	return response.StatusCode, strings.TrimSpace(string(body))
}
