package manifest_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the problems in testdata/documents.txtar")

const documentsFile = "testdata/documents.txtar"

// document is a manifest, and what the parser and the schema say about it.
type document struct{ name, text, problems string }

// documents are shared by the parser's test, the schema's and the fuzzer's seeds. The
// file has pairs: a manifest by its name, then what is said about it.
var documents = sync.OnceValue(func() []document {
	archive, err := txtar.ParseFile(documentsFile)
	if err != nil {
		panic(err)
	}
	var all []document
	for i := 0; i+1 < len(archive.Files); i += 2 {
		all = append(all, document{archive.Files[i].Name, string(archive.Files[i].Data), string(archive.Files[i+1].Data)})
	}
	return append(all, generated()...)
})

// TestSchemaAndParser holds both to the same documents, because an editor that
// shows no error promises that the command won't either.
func TestSchemaAndParser(t *testing.T) {
	t.Parallel()
	compiled := compileSchema(t)
	archive := &txtar.Archive{}
	for _, document := range documents() {
		said := verdict(t, compiled, document.text)
		archive.Files = append(archive.Files, txtar.File{Name: document.name, Data: []byte(document.text)}, txtar.File{Name: "problems", Data: []byte(said)})
		if said != document.problems && !*update {
			t.Errorf("%s:\n%swant:\n%s", document.name, said, document.problems)
		}
	}
	if *update {
		archive.Files = archive.Files[:2*(len(documents())-len(generated()))]
		if err := os.WriteFile(documentsFile, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

const accepted, refused = "The schema accepts it.\n", "The schema refuses it.\n"

// generated are the documents at the bounds.
func generated() []document {
	a := func(count int) string { return strings.Repeat("a", count) }
	app := "version: 1\napp: "
	email, token := "email: a@example.com", "token: env:T"
	connections := func(count int) string {
		return "version: 1\nconnections:\n" + repeat(count, "  - {name: n%d, email: a@b.de, token: 'env:T'}\n")
	}
	syncs := func(count int) string {
		return "version: 1\nsyncs:\n" + repeat(count, "  - {name: s%d, project_id: p, environment: e, secret_path: /, connection: c, workspace: w, repository: r}\n")
	}
	linkers := func(count int) string {
		return "version: 1\nlinkers:\n" + repeat(count, "  - {key: k%d, values: []}\n")
	}
	return []document{
		{"a long line of JSON", `{"version": 1, "app": "` + a(128) + `", "linkers": [{"key": "` + a(128) + `", "values": []}]}`, accepted},
		{"a byte order mark and Windows line ends", "\ufeffversion: 1\r\nlinkers:\r\n  - key: k\r\n    values:\r\n      - A\r\n", accepted},
		{"an app key of the greatest length", app + a(128) + "\n", accepted},
		{"an app key that is too long", app + a(129) + "\n", refused + "m.yaml:2:6: app has 129 characters; at most 128 are allowed\n"},
		{"as many linkers as allowed", linkers(100), accepted},
		{"more linkers than allowed", linkers(101), refused + "m.yaml:103:5: this is linker 101, and a manifest takes 100\n"},
		{"a value of the greatest length", linker(a(255)), accepted},
		{"a value that is too long", linker(a(256)), refused + "m.yaml:5:9: this value has 256 characters; at most 255 are allowed\n"},
		{"a name of the greatest length", strings.Replace(connection(email, token), "name: n", "name: "+a(64), 1), accepted},
		{"a name that is too long", strings.Replace(connection(email, token), "name: n", "name: "+a(65), 1), refused + "m.yaml:3:11: connections[0].name has 65 characters; at most 64 are allowed\n"},
		{"an address of the greatest length", connection("email: "+a(250)+"@b.de", token), accepted},
		{"an address that is too long", connection("email: "+a(251)+"@b.de", token), refused + "m.yaml:4:12: connections[0].email has more than 255 characters\n"},
		{"a description of the greatest length", connection(email, token, "description: "+strings.Repeat("é", 200)), accepted},
		{"a description that is too long", connection(email, token, "description: "+strings.Repeat("é", 201)), refused + "m.yaml:6:18: connections[0].description has 201 characters; at most 200 are allowed\n"},
		{"a project id of the greatest length", connection(email, token, "project_id: "+a(64)), accepted},
		{"a project id that is too long", connection(email, token, "project_id: "+a(65)), refused + "m.yaml:6:17: connections[0].project_id is not an Infisical project's ID; copy it from the project's settings\n"},
		{"a token that is too long for a reference", connection(email, "token: env:"+a(1021)), refused + "m.yaml:5:12: connections[0].token is " + notReference + "\n"},
		{"as many connections as allowed", connections(500), accepted},
		{"more connections than allowed", connections(501), refused + "m.yaml:503:5: this is connection 501, and a manifest takes 500\n"},
		{"as many syncs as allowed", syncs(2000), accepted},
		{"more syncs than allowed", syncs(2001), refused + "m.yaml:2003:5: this is sync 2001, and a manifest takes 2000\n"},
		{"a sync's name of the greatest length", strings.Replace(syncs(1), "s0", a(256), 1), accepted},
		{"a sync's name that is too long", strings.Replace(syncs(1), "s0", a(257), 1), refused + "m.yaml:3:12: syncs[0].name has 257 characters; at most 256 are allowed\n"},
		{"brackets that are nested too deeply", app + strings.Repeat("[", 15) + strings.Repeat("]", 15) + "\n", refused + "m.yaml:2:18: this is nested too deeply for a manifest\n"},
		{"lists that are nested too deeply", strings.Repeat("- ", 101) + "a\n", refused + "m.yaml:1:25: this is nested too deeply for a manifest\n"},
		{"more keys than a group can have", "version: 1\n" + repeat(100, "k%d: 1\n"), refused + "m.yaml:1:1: this is more than 100 keys in a group, or 35000 in a manifest; split it\n"},
		{"more keys than a manifest can have", "version: 1\nlinkers:\n" + repeat(34_999, "- k%d: 1\n"), refused + "m.yaml:35001:3: this is more than 100 keys in a group, or 35000 in a manifest; split it\n"},
		{"another encoding", "version: 1 # \ufffd\napp: caf\xe9\n", "The schema can't read it.\nm.yaml:2:9: this is not UTF-8 text; save the file as UTF-8\n"},
	}
}

const notReference = "not a reference to a secret (env:NAME, file:PATH or aws-secret:ID#key); " +
	"the secret itself must not stand here: if it did, revoke it, because a file's history is for good"

const everything = `version: 1
app: com.example.linker-app
linkers:
  - key: issues
    prune: true
    values: [PROJ, my_app, "2024", 'B-2']
    values_file: lists/projects.txt
  - key: builds
    values: []
connections:
  - name: bitbucket-ci
    project_id: 3c9f2b1e-0000-4000-8000-a1b2c3d4e5f6
    description: >
      Read by the sync
      of the web team
    email: ci@example.com
    token: env:BITBUCKET_API_TOKEN
    adopt: true
  - name: bitbucket-ci
    email: ops@example.com
    token: aws-secret:arn:aws:secretsmanager:eu-west-1:111122223333:secret:bitbucket/ci-AbCdEf#token
  - name: scanner
    email: scan@example.com
    token: file:/run/secrets/bitbucket
`

// repeat fills the number of each line in.
func repeat(count int, line string) string {
	var text strings.Builder
	for i := range count {
		fmt.Fprintf(&text, line, i)
	}
	return text.String()
}

// linker is a manifest with one linker and these values, from line 4 on.
func linker(values ...string) string {
	return "version: 1\nlinkers:\n  - key: k\n    values:\n      - " + strings.Join(values, "\n      - ") + "\n"
}

// connection is a manifest with one connection, whose lines start at 4:5.
func connection(lines ...string) string {
	return "version: 1\nconnections:\n  - name: n\n    " + strings.Join(lines, "\n    ") + "\n"
}
