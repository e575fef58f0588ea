// Command manifests reads Kubernetes manifests and says what an API server of this version would refuse in them: unknown
// or repeated fields, values of the wrong type, and everything that its own validation looks at. It needs no server.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"k8s.io/apimachinery/pkg/util/yaml"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: manifests FILE...  (- is the standard input)")
		os.Exit(2)
	}
	server := newServer()
	objects, refused := 0, 0
	for _, file := range os.Args[1:] {
		found, problems := check(server, file)
		objects += found
		refused += len(problems)
		for _, problem := range problems {
			fmt.Printf("%s: %v\n", file, problem)
		}
	}
	fmt.Printf("%d objects, %d refused\n", objects, refused)
	if objects == 0 || refused > 0 {
		os.Exit(1)
	}
}

func check(server *server, file string) (objects int, problems []error) {
	in := io.ReadCloser(os.Stdin)
	if file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return 0, []error{err}
		}
		in = opened
	}
	defer in.Close()
	documents := yaml.NewYAMLReader(bufio.NewReader(in))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return objects, problems
		}
		if err != nil {
			return objects, append(problems, err)
		}
		if isEmpty(document) {
			continue
		}
		objects++
		if err := server.refuses(document); err != nil {
			problems = append(problems, err)
		}
	}
}

// isEmpty is true of a document of comments only, as helm writes for a template that gives nothing.
func isEmpty(document []byte) bool {
	json, err := yaml.ToJSON(document)
	return err == nil && string(json) == "null"
}
