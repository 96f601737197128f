// Counts the lines and words of a text. Standard input is the input, whole, then end of file; standard output is the output, and it
// counts when this exits with 0. Input is whatever the step before wrote: check it before use.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// Texts of errors are constants: no part of the input gets into them.
var (
	errRead  = errors.New("the input cannot be read")
	errEmpty = errors.New("the input is empty")
)

func run(in io.Reader, out io.Writer) error {
	data, err := io.ReadAll(in)
	if err != nil {
		return errRead
	}
	if len(data) == 0 {
		return errEmpty
	}
	lines := bytes.Split(bytes.TrimSuffix(data, []byte("\n")), []byte("\n"))
	longest := 0
	for _, line := range lines {
		if len(line) > longest {
			longest = len(line)
		}
	}
	_, err = fmt.Fprintf(out, "{\"lines\": %d, \"words\": %d, \"longest\": %d}\n", len(lines), len(bytes.Fields(data)), longest)
	return err
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "@NAME@: %v\n", err)
		os.Exit(1)
	}
}
