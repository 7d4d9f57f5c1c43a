package manifest_test

import (
	"fmt"
	"strings"
)

// document is a manifest, and what the parser and the schema say about it.
type document struct {
	name string
	text string
	// problems are the parser's lines; nil when it accepts the document.
	problems []string
	// schemaAccepts is stated for itself: some rules a schema can't express.
	schemaAccepts bool
	// noYAML: a schema never gets to see what isn't YAML.
	noYAML bool
}

// documents are shared by the parser's test, the schema's and the fuzzer's seeds.
func documents() []document {
	return concat(wholeDocuments(), linkerDocuments(), valueDocuments(), connectionDocuments(), yamlDocuments())
}

func concat(groups ...[]document) []document {
	var all []document
	for _, group := range groups {
		all = append(all, group...)
	}
	return all
}

func wholeDocuments() []document {
	return []document{
		{name: "the smallest manifest", text: "version: 1\n", schemaAccepts: true},
		{name: "everything at once", text: everything, schemaAccepts: true},
		{name: "the same as JSON", text: `{"version": 1, "app": "a", "linkers": [{"key": "k", "values": ["A"]}]}`, schemaAccepts: true},
		{
			name: "a long line of JSON", schemaAccepts: true,
			text: `{"version": 1, "app": "` + strings.Repeat("a", 128) + `", "linkers": [{"key": "` + strings.Repeat("k", 128) + `", "values": []}]}`,
		},
		{name: "a byte order mark and Windows line ends", text: "\ufeffversion: 1\r\nlinkers:\r\n  - key: k\r\n    values:\r\n      - A\r\n", schemaAccepts: true},
		{name: "a document marker and comments", text: "# yaml-language-server: x\n---\n# why\nversion: 1 # now\n", schemaAccepts: true},
		{
			name: "empty", text: "",
			problems: []string{"m.yaml: the manifest is empty; start with a line: version: 1"},
		},
		{
			name: "only a comment", text: "# later\n",
			problems: []string{"m.yaml: the manifest is empty; start with a line: version: 1"},
		},
		{
			name: "a list instead of keys", text: "- version: 1\n",
			problems: []string{"m.yaml:1:1: the manifest must have keys (version, app, linkers, connections), not be a list"},
		},
		{
			name: "no version", text: "app: a\n",
			problems: []string{"m.yaml:1:1: the manifest has no version; add a line: version: 1"},
		},
		{
			name: "no version, and more", text: "app: a/b\n",
			problems: []string{
				"m.yaml:1:1: the manifest has no version; add a line: version: 1",
				`m.yaml:1:6: app "a/b" has the character '/'; only letters (A-Z, a-z), digits, _, - and . are allowed`,
			},
		},
		{
			name: "a later version hides what else it has", text: "version: 2\nrules: []\n",
			problems: []string{`m.yaml:1:10: version 2 is not known; this linkersync reads version 1, so use that or a newer linkersync`},
		},
		{
			name: "a version as text", text: "version: \"1\"\n",
			problems: []string{"m.yaml:1:10: version must be the number 1, not text"},
		},
		{
			name: "a version without a value", text: "version:\n",
			problems: []string{"m.yaml:1:10: version must be the number 1, not empty"},
		},
		{
			name: "a version with a fraction", text: "version: 1.5\n",
			problems: []string{"m.yaml:1:10: version must be the number 1, not 1.5"},
		},
		{
			name: "a version that is one, but not the number", text: "version: 1.0\n", schemaAccepts: true,
			problems: []string{"m.yaml:1:10: version must be the number 1, not 1.0"},
		},
		{
			name: "misspelt and unknown keys", text: "version: 1\nlinker: []\nConnections: []\nworkspaces: []\nap: b\nab: c\nmyapp: d\npassword: e\n",
			problems: []string{
				`m.yaml:2:1: key "linker" is not known; did you mean "linkers"?`,
				`m.yaml:3:1: key "Connections" is not known; did you mean "connections"?`,
				`m.yaml:4:1: key "workspaces" is not known; the manifest may have version, app, linkers, connections`,
				`m.yaml:5:1: key "ap" is not known; did you mean "app"?`,
				`m.yaml:6:1: key "ab" is not known; the manifest may have version, app, linkers, connections`,
				`m.yaml:7:1: key "myapp" is not known; the manifest may have version, app, linkers, connections`,
				`m.yaml:8:1: key "password" is not known; the manifest may have version, app, linkers, connections`,
			},
		},
		{
			name: "a key of this and one of no kind twice", text: "version: 1\nversion: 1\nx: 1\nx: 1\n", noYAML: true,
			problems: []string{
				`m.yaml:2:1: key "version" stands here for the second time, first in line 1; remove one`,
				`m.yaml:3:1: key "x" is not known; the manifest may have version, app, linkers, connections`,
				`m.yaml:4:1: key "x" stands here for the second time, first in line 3; remove one`,
			},
		},
		{
			name: "an app key with a slash", text: "version: 1\napp: a/b\n",
			problems: []string{`m.yaml:2:6: app "a/b" has the character '/'; only letters (A-Z, a-z), digits, _, - and . are allowed`},
		},
		{
			name: "an app key that is too long", text: "version: 1\napp: " + strings.Repeat("a", 129) + "\n",
			problems: []string{"m.yaml:2:6: app has 129 characters; at most 128 are allowed"},
		},
		{name: "an app key of the greatest length", text: "version: 1\napp: " + strings.Repeat("a", 128) + "\n", schemaAccepts: true},
		{
			name: "an app key that is a path of its own", text: "version: 1\napp: ..\n",
			problems: []string{`m.yaml:2:6: app ".." starts with a dot; write the key as it is in the app's descriptor`},
		},
		{
			name: "an empty app key", text: "version: 1\napp: \"\"\n",
			problems: []string{"m.yaml:2:6: app is empty; write the key of the app's descriptor"},
		},
	}
}

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

func linkerDocuments() []document {
	return []document{
		{
			name: "linkers that aren't a list", text: "version: 1\nlinkers:\n  key: k\n  values: []\n",
			problems: []string{"m.yaml:3:3: linkers must be a list, not a group of keys; write [] for an empty one"},
		},
		{
			name: "linkers without a value", text: "version: 1\nlinkers:\n",
			problems: []string{"m.yaml:2:10: linkers must be a list, not empty; write [] for an empty one"},
		},
		{
			name: "a linker that is only a name", text: "version: 1\nlinkers: [issues]\n",
			problems: []string{"m.yaml:2:11: linkers[0] must have keys (key, values, values_file, prune), not be text"},
		},
		{
			name: "a linker without a key and without values", text: "version: 1\nlinkers:\n  - prune: true\n",
			problems: []string{
				"m.yaml:3:5: linkers[0] has no key; add it",
				"m.yaml:3:5: linkers[0] has neither values nor values_file; add one, or values: [] if it should have none",
			},
		},
		{
			name: "two linkers without a key", text: "version: 1\nlinkers:\n  - values: []\n  - values: []\n",
			problems: []string{"m.yaml:3:5: linkers[0] has no key; add it", "m.yaml:4:5: linkers[1] has no key; add it"},
		},
		{
			name: "the same linker twice", text: "version: 1\nlinkers:\n  - key: k\n    values: [A]\n  - {key: k, values: [B]}\n", schemaAccepts: true,
			problems: []string{`m.yaml:5:5: linker "k" is listed for the second time, first in line 3; put its values together`},
		},
		{
			name: "a key that is a number", text: "version: 1\nlinkers:\n  - key: 7\n    values: []\n",
			problems: []string{"m.yaml:3:10: linkers[0].key must be text, not a number; put it in quotes"},
		},
		{
			name: "a key with a space", text: "version: 1\nlinkers:\n  - key: my linker\n    values: []\n",
			problems: []string{`m.yaml:3:10: linkers[0].key "my linker" has the character ' '; only letters (A-Z, a-z), digits, _, - and . are allowed`},
		},
		{
			name: "prune as a word", text: "version: 1\nlinkers:\n  - key: k\n    values: []\n    prune: yes\n",
			problems: []string{"m.yaml:5:12: linkers[0].prune must be true or false, not text"},
		},
		{
			name: "other spellings of values_file", text: "version: 1\nlinkers:\n  - key: k\n    values: []\n    valuesFile: a\n    values-file: b\n    file: c\n",
			problems: []string{
				`m.yaml:5:5: key "valuesFile" is not known; did you mean "values_file"?`,
				`m.yaml:6:5: key "values-file" is not known; did you mean "values_file"?`,
				`m.yaml:7:5: key "file" is not known; linkers[0] may have key, values, values_file, prune`,
			},
		},
		{
			name: "more linkers than allowed", text: "version: 1\nlinkers:\n" + repeat(101, "  - {key: k%d, values: []}\n"),
			problems: []string{"m.yaml:103:5: this is linker 101, and a manifest takes 100"},
		},
		{name: "as many linkers as allowed", text: "version: 1\nlinkers:\n" + repeat(100, "  - {key: k%d, values: []}\n"), schemaAccepts: true},
	}
}

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

func valueDocuments() []document {
	const allowed = "only letters (A-Z, a-z), digits, _ and - are allowed"
	return []document{
		{name: "values of every kind of character", text: linker("AZaz_09-", "_", `"-"`), schemaAccepts: true},
		{
			name: "values with the neighbours of what is allowed", text: linker(`"@"`, `"["`, "'`'", `"{"`, `"/"`, `":"`),
			problems: []string{
				`m.yaml:5:9: value "@" has the character '@'; ` + allowed,
				`m.yaml:6:9: value "[" has the character '['; ` + allowed,
				"m.yaml:7:9: value \"`\" has the character '`'; " + allowed,
				`m.yaml:8:9: value "{" has the character '{'; ` + allowed,
				`m.yaml:9:9: value "/" has the character '/'; ` + allowed,
				`m.yaml:10:9: value ":" has the character ':'; ` + allowed,
			},
		},
		{name: "values that YAML 1.1 takes for something else", text: linker("NO", "on", "y", `"123"`, "-x", "2026-01-02", "1_a"), schemaAccepts: true},
		{
			name: "values with other characters", text: linker("PROJ 1", "a.b", "a/b", "Ä", `"A\n"`, `"\e[2J"`, `""`, "ATATT."),
			problems: []string{
				`m.yaml:5:9: value "PROJ 1" has the character ' '; ` + allowed,
				`m.yaml:6:9: value "a.b" has the character '.'; ` + allowed,
				`m.yaml:7:9: value "a/b" has the character '/'; ` + allowed,
				`m.yaml:8:9: value "Ä" has the character 'Ä'; ` + allowed,
				`m.yaml:9:9: value "A\n" has the character '\n'; ` + allowed,
				`m.yaml:10:9: value "\x1b[2J" has the character '\x1b'; ` + allowed,
				`m.yaml:11:9: value "" is empty; remove it`,
				`m.yaml:12:9: value "ATATT." has the character '.'; ` + allowed,
			},
		},
		{
			name: "values that aren't text", text: linker("123", "1.5", "true", "null", "[A]", "{a: b}", ".inf"),
			problems: []string{
				"m.yaml:5:9: linkers[0].values[0] must be text, not a number; put it in quotes",
				"m.yaml:6:9: linkers[0].values[1] must be text, not a number; put it in quotes",
				"m.yaml:7:9: linkers[0].values[2] must be text, not true or false; put it in quotes",
				"m.yaml:8:9: linkers[0].values[3] must be text, not empty",
				"m.yaml:9:9: linkers[0].values[4] must be text, not a list",
				"m.yaml:10:9: linkers[0].values[5] must be text, not a group of keys",
				"m.yaml:11:9: linkers[0].values[6] must be text, not a number; put it in quotes",
			},
		},
		{
			name: "values twice", text: linker("A", "B", "A", `"B"`, "a"),
			problems: []string{
				`m.yaml:7:9: value "A" is listed for the second time, first in line 5; remove one`,
				`m.yaml:8:9: value "B" is listed for the second time, first in line 6; remove one`,
			},
		},
		{
			name: "a value that is too long", text: linker(strings.Repeat("A", 256)),
			problems: []string{`m.yaml:5:9: value "` + strings.Repeat("A", 60) + `…" has 256 characters; at most 255 are allowed`},
		},
		{
			name: "a wrong value that is just short enough to be told whole", text: linker(strings.Repeat("A", 59) + "."),
			problems: []string{`m.yaml:5:9: value "` + strings.Repeat("A", 59) + `." has the character '.'; ` + allowed},
		},
		{name: "a value of the greatest length", text: linker(strings.Repeat("A", 255)), schemaAccepts: true},
		{
			name: "values as one text", text: "version: 1\nlinkers:\n  - key: k\n    values: A B\n",
			problems: []string{"m.yaml:4:13: linkers[0].values must be a list, not text; write [] for an empty one"},
		},
		{
			name: "a values file and the same value inline", text: "version: 1\nlinkers:\n  - key: k\n    values: [FROM-FILE]\n    values_file: v.txt\n", schemaAccepts: true,
			problems: []string{`v.txt:1:1: value "FROM-FILE" is listed already, in m.yaml line 4; remove one`},
		},
		{
			name: "a values file with an absolute path", text: "version: 1\nlinkers:\n  - key: k\n    values_file: /etc/passwd\n",
			problems: []string{`m.yaml:4:18: values_file "/etc/passwd" must be a file in the manifest's folder or below it, with a path relative to that folder`},
		},
		{
			name: "a values file outside", text: "version: 1\nlinkers:\n  - key: k\n    values_file: lists/../../secret.txt\n", schemaAccepts: true,
			problems: []string{`m.yaml:4:18: values_file "lists/../../secret.txt" must be a file in the manifest's folder or below it, with a path relative to that folder`},
		},
		{
			name: "a values file with backslashes", text: "version: 1\nlinkers:\n  - key: k\n    values_file: lists\\a.txt\n",
			problems: []string{`m.yaml:4:18: values_file "lists\\a.txt" has a backslash; separate folders with /`},
		},
		{
			name: "a values file without a name", text: "version: 1\nlinkers:\n  - key: k\n    values_file: \"\"\n",
			problems: []string{`m.yaml:4:18: values_file "" is empty; name a file`},
		},
		{
			name: "several values files", text: "version: 1\nlinkers:\n  - key: k\n    values_file: [a, b]\n",
			problems: []string{"m.yaml:4:18: linkers[0].values_file must be text, not a list"},
		},
	}
}

// connection is a manifest with one connection, whose lines start at 4:5.
func connection(lines ...string) string {
	return "version: 1\nconnections:\n  - name: n\n    " + strings.Join(lines, "\n    ") + "\n"
}

func connectionDocuments() []document {
	const email, token = "email: a@example.com", "token: env:T"
	return []document{
		{
			name: "a connection with only a name", text: "version: 1\nconnections:\n  - name: n\n",
			problems: []string{
				"m.yaml:3:5: connections[0] has no email; add it",
				"m.yaml:3:5: connections[0] has no token; add it",
			},
		},
		{
			name: "names that aren't slugs", text: "version: 1\nconnections:\n" + repeat(1, "  - {name: My Name, email: a@b, token: 'env:T%d'}\n") +
				"  - {name: a--b, email: a@b, token: 'env:T'}\n  - {name: a_b, email: a@b, token: 'env:T'}\n  - {name: -a, email: a@b, token: 'env:T'}\n" +
				"  - {name: a b, email: a@b, token: 'env:T'}\n  - {name: a~b, email: a@b, token: 'env:T'}\n",
			problems: []string{
				`m.yaml:3:12: connections[0].name "My Name" is not a slug; only lower case letters (a-z), digits and single dashes between them are allowed`,
				`m.yaml:4:12: connections[1].name "a--b" is not a slug; only lower case letters (a-z), digits and single dashes between them are allowed`,
				`m.yaml:5:12: connections[2].name "a_b" is not a slug; only lower case letters (a-z), digits and single dashes between them are allowed`,
				`m.yaml:6:12: connections[3].name "-a" is not a slug; only lower case letters (a-z), digits and single dashes between them are allowed`,
				`m.yaml:7:12: connections[4].name "a b" is not a slug; only lower case letters (a-z), digits and single dashes between them are allowed`,
				`m.yaml:8:12: connections[5].name "a~b" is not a slug; only lower case letters (a-z), digits and single dashes between them are allowed`,
			},
		},
		{
			name: "a name that is too long and one that is empty", text: "version: 1\nconnections:\n  - {name: " + strings.Repeat("n", 65) + ", email: a@b, token: 'env:T'}\n  - {name: '', email: a@b, token: 'env:T'}\n",
			problems: []string{
				"m.yaml:3:12: connections[0].name has 65 characters; at most 64 are allowed",
				"m.yaml:4:12: connections[1].name is empty; name the connection",
			},
		},
		{
			name: "the same name twice in a project", text: "version: 1\nconnections:\n" +
				"  - {name: a, email: a@b, token: 'env:T'}\n  - {name: a, project_id: p, email: a@b, token: 'env:T'}\n  - {name: a, email: c@d, token: 'env:U'}\n",
			schemaAccepts: true,
			problems:      []string{`m.yaml:5:5: connection "a" of the same project is listed for the second time, first in line 3; remove one or rename it`},
		},
		{
			name: "addresses that aren't", text: "version: 1\nconnections:\n" +
				"  - {name: a, email: example.com, token: 'env:T'}\n  - {name: b, email: 'a@b@c', token: 'env:T'}\n  - {name: c, email: 'a b@c', token: 'env:T'}\n  - {name: d, email: '@c', token: 'env:T'}\n  - {name: e, email: \"a@b\\u0007\", token: 'env:T'}\n",
			problems: []string{
				`m.yaml:3:22: connections[0].email "example.com" is not an email address; write the Atlassian account's, as in name@example.com`,
				`m.yaml:4:22: connections[1].email "a@b@c" is not an email address; write the Atlassian account's, as in name@example.com`,
				`m.yaml:5:22: connections[2].email "a b@c" is not an email address; write the Atlassian account's, as in name@example.com`,
				`m.yaml:6:22: connections[3].email "@c" is not an email address; write the Atlassian account's, as in name@example.com`,
				`m.yaml:7:22: connections[4].email "a@b\a" is not an email address; write the Atlassian account's, as in name@example.com`,
			},
		},
		{
			name: "an address that is too long", text: connection("email: "+strings.Repeat("a", 250)+"@b.example", token),
			problems: []string{"m.yaml:4:12: connections[0].email has more than 255 characters"},
		},
		{name: "an address of the greatest length", text: connection("email: "+strings.Repeat("é", 253)+"@b", token), schemaAccepts: true},
		{
			name: "a description of several lines", text: connection(email, token, "description: |", "  one", "  two"),
			problems: []string{"m.yaml:6:18: connections[0].description has a line break or another control character; write it in one line"},
		},
		{
			name: "a description that starts with a bell", text: connection(email, token, `description: "\u0007ding"`),
			problems: []string{"m.yaml:6:18: connections[0].description has a line break or another control character; write it in one line"},
		},
		{
			name: "a description that is too long", text: connection(email, token, "description: "+strings.Repeat("é", 201)),
			problems: []string{"m.yaml:6:18: connections[0].description has 201 characters; at most 200 are allowed"},
		},
		{name: "a description of the greatest length", text: connection(email, token, "description: "+strings.Repeat("é", 200)), schemaAccepts: true},
		{
			name: "a project id with a slash", text: connection(email, token, "project_id: /b"),
			problems: []string{`m.yaml:6:17: connections[0].project_id "/b" is not an Infisical project's ID; copy it from the project's settings`},
		},
		{name: "a project id of the greatest length", text: connection(email, token, "project_id: "+strings.Repeat("p", 64)), schemaAccepts: true},
		{
			name: "a project id that is too long", text: connection(email, token, "project_id: "+strings.Repeat("p", 65)),
			problems: []string{`m.yaml:6:17: connections[0].project_id "` + strings.Repeat("p", 60) + `…" is not an Infisical project's ID; copy it from the project's settings`},
		},
		{name: "a name of every kind of character", text: "version: 1\nconnections:\n  - {name: az-09, email: a@b, token: 'env:T'}\n", schemaAccepts: true},
		{name: "a name of the greatest length", text: "version: 1\nconnections:\n  - {name: " + strings.Repeat("n", 64) + ", email: a@b, token: 'env:T'}\n", schemaAccepts: true},
		{
			name: "a connection with a key of no kind", text: connection(email, token, "colour: red"),
			problems: []string{`m.yaml:6:5: key "colour" is not known; connections[0] may have name, project_id, description, email, token, adopt`},
		},
		{
			name: "an empty project id", text: connection(email, token, "project_id: ''"),
			problems: []string{"m.yaml:6:17: connections[0].project_id is empty; remove the key for a connection of the organisation"},
		},
		{
			name: "adopt as a number", text: connection(email, token, "adopt: 1"),
			problems: []string{"m.yaml:6:12: connections[0].adopt must be true or false, not a number"},
		},
		{
			name: "a secret under a name of its own", text: connection(email, token, "api_token: abc", "Password: abc", "client-secret: abc", "credentials: abc"),
			problems: []string{
				`m.yaml:6:5: key "api_token" is not known, and secrets don't belong in this file; write token: with a reference such as env:NAME`,
				`m.yaml:7:5: key "Password" is not known, and secrets don't belong in this file; write token: with a reference such as env:NAME`,
				`m.yaml:8:5: key "client-secret" is not known, and secrets don't belong in this file; write token: with a reference such as env:NAME`,
				`m.yaml:9:5: key "credentials" is not known, and secrets don't belong in this file; write token: with a reference such as env:NAME`,
			},
		},
		{
			name: "a token in place of its reference", text: connection(email, "token: s3cr3t-value"),
			problems: []string{"m.yaml:5:12: connections[0].token is " + notReference},
		},
		{
			name: "a token that is too long for a reference", text: connection(email, "token: env:"+strings.Repeat("A", 1021)),
			problems: []string{"m.yaml:5:12: connections[0].token is " + notReference},
		},
		{
			name: "a misspelt scheme", text: connection(email, "token: evn:T"),
			problems: []string{"m.yaml:5:12: connections[0].token is not a reference to a secret (env:NAME, file:PATH or aws-secret:ID#key); did you mean env:?"},
		},
		{
			name: "a shell's way to name a variable", text: connection(email, "token: env:$T"),
			problems: []string{"m.yaml:5:12: connections[0].token is not a reference: env: needs a variable's name of letters, digits and _, as in env:BITBUCKET_API_TOKEN"},
		},
		{
			name: "a reference to a home folder", text: connection(email, "token: file:~/.token"),
			problems: []string{"m.yaml:5:12: connections[0].token is not a reference: file: needs a path, where ~ is not expanded, as in file:/run/secrets/bitbucket"},
		},
		{
			name: "a reference to a field without a name", text: connection(email, "token: aws-secret:ci#"),
			problems: []string{"m.yaml:5:12: connections[0].token is not a reference: aws-secret: needs a secret's name or ARN, and # before the field of a JSON secret, as in aws-secret:bitbucket/ci#token"},
		},
		{
			name: "more connections than allowed", text: "version: 1\nconnections:\n" + repeat(501, "  - {name: n%d, email: a@b, token: 'env:T'}\n"),
			problems: []string{"m.yaml:503:5: this is connection 501, and a manifest takes 500"},
		},
		{name: "as many connections as allowed", text: "version: 1\nconnections:\n" + repeat(500, "  - {name: n%d, email: a@b, token: 'env:T'}\n"), schemaAccepts: true},
	}
}

const notReference = "not a reference to a secret (env:NAME, file:PATH or aws-secret:ID#key); " +
	"the secret itself must not stand here: if it did, revoke it, because a file's history is for good"

func yamlDocuments() []document {
	return []document{
		{
			name: "a list that isn't closed", text: "version: 1\nlinkers: [\n", noYAML: true,
			problems: []string{"m.yaml:2:10: this is not valid YAML: sequence end token ']' not found"},
		},
		{
			name: "a tab as indentation", text: "version: 1\nlinkers:\n\t- key: k\n", noYAML: true,
			problems: []string{"m.yaml:3:1: this is not valid YAML: found character '\\t' that cannot start any token"},
		},
		{
			name: "tabs within texts", text: "version: 1\nap\tp: a\nlinkers:\n  - key: k\n    values:\n      - A\tB\n      - \tC\t# why\n", schemaAccepts: true,
			problems: []string{
				"m.yaml:2:1: a tab stands within this text, where readers of YAML differ; write a space, or one entry a line",
				"m.yaml:6:9: a tab stands within this text, where readers of YAML differ; write a space, or one entry a line",
			},
		},
		{name: "tabs between tokens and in comments", text: "version:\t1\t# a\tb\napp:\ta\t\nlinkers:\n  - key:\tk\n    values:\t[A,\tB]\n", schemaAccepts: true},
		{
			name: "a tab in a quoted and in a block text", text: connection("email: a@b", "token: env:T", "project_id: 'a\tb'", "description: |", "  a\tb"),
			problems: []string{
				`m.yaml:6:17: connections[0].project_id "a\tb" is not an Infisical project's ID; copy it from the project's settings`,
				"m.yaml:7:18: connections[0].description has a line break or another control character; write it in one line",
			},
		},
		{
			name: "a key twice", text: "version: 1\napp: a\napp: b\n", noYAML: true,
			problems: []string{`m.yaml:3:1: key "app" stands here for the second time, first in line 2; remove one`},
		},
		{
			name: "two documents", text: "version: 1\n---\nversion: 1\n", schemaAccepts: true,
			problems: []string{"m.yaml:2:1: a second document starts here; a manifest is one document, so use one file each"},
		},
		{
			name: "two documents, the first of which ends with a comment", text: "version: 1\n# why\n---\nversion: 1\n", schemaAccepts: true,
			problems: []string{"m.yaml:3:1: a second document starts here; a manifest is one document, so use one file each"},
		},
		{
			name: "two documents, the first of which is ended", text: "version: 1\n...\nversion: 1\n", noYAML: true,
			problems: []string{"m.yaml:2:1: a second document starts here; a manifest is one document, so use one file each"},
		},
		{
			name: "anchors, aliases and merge keys", text: "version: 1\nlinkers:\n  - &a\n    key: k\n    values: []\n  - <<: *a\n    key: l\n", schemaAccepts: true,
			problems: []string{
				"m.yaml:3:5: anchors, aliases and merge keys (&, *, <<) are not supported; write the values out, share them in a values_file, or put the text in quotes",
				"m.yaml:6:5: anchors, aliases and merge keys (&, *, <<) are not supported; write the values out, share them in a values_file, or put the text in quotes",
				"m.yaml:6:9: anchors, aliases and merge keys (&, *, <<) are not supported; write the values out, share them in a values_file, or put the text in quotes",
			},
		},
		{
			name: "a tag", text: "version: 1\napp: !!str 5\n", schemaAccepts: true,
			problems: []string{"m.yaml:2:6: tags (!) are not supported; put the text in quotes"},
		},
		{
			name: "a complex key", text: "? version\n: 1\n", schemaAccepts: true,
			problems: []string{"m.yaml:1:1: complex keys (?) are not supported; write key: value"},
		},
		{
			name: "a directive", text: "%YAML 1.2\n---\nversion: 1\n", noYAML: true,
			problems: []string{"m.yaml:1:1: directives (%) are not supported; remove the line"},
		},
		{
			name: "brackets that are nested too deeply", text: "version: 1\napp: " + strings.Repeat("[", 15) + strings.Repeat("]", 15) + "\n",
			problems: []string{"m.yaml:2:16: this is nested too deeply for a manifest"},
		},
		{
			name: "braces that are nested too deeply", text: "version: 1\napp: " + strings.Repeat("{a: ", 15) + "1" + strings.Repeat("}", 15) + "\n",
			problems: []string{"m.yaml:2:46: this is nested too deeply for a manifest"},
		},
		{
			name: "keys that are indented too deeply", text: "version:\n" + strings.Repeat(" ", 199) + "a: 1\n",
			problems: []string{"m.yaml:2:201: this is nested too deeply for a manifest"},
		},
		{
			name: "lists that are nested too deeply", text: strings.Repeat("- ", 101) + "a\n",
			problems: []string{"m.yaml:1:201: this is nested too deeply for a manifest"},
		},
		{
			name: "more keys than a manifest can have", text: "version: 1\n" + repeat(5000, "k%d: 1\n"),
			problems: []string{"m.yaml:5001:6: the manifest has more than 5000 keys; split it"},
		},
		{
			name: "another encoding", text: "version: 1 # \ufffd\napp: caf\xe9\n", noYAML: true,
			problems: []string{"m.yaml:2:9: this is not UTF-8 text; save the file as UTF-8"},
		},
	}
}
