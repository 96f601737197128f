// sanctions reads a claim or payment, converts its amount by the rate table of the image and checks its parties against the
// sanctions list of the image. It writes a decision with reasons. usage: sanctions RATES.json LIST.json POLICY.json
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

const inputMax = 1 << 20 // bytes

// A refusal is told on standard error. Its text is a constant: no part of the input gets into an error.
var (
	errForm   = errors.New("the input is not a payment in JSON")
	errLarge  = errors.New("the input is too large")
	errTables = errors.New("the tables of the image cannot be read")
)

// checkMembers refuses an object that names a member twice: the decoder would mix the two. Letter case is no difference to it.
func checkMembers(decoder *json.Decoder) error {
	token, err := decoder.Token()
	opening, nested := token.(json.Delim)
	if err != nil || !nested {
		return err
	}
	seen := map[string]bool{}
	for decoder.More() {
		if opening == '{' {
			token, err = decoder.Token()
			name := strings.ToLower(fmt.Sprint(token))
			if err != nil || seen[name] {
				return errForm
			}
			seen[name] = true
		}
		if err = checkMembers(decoder); err != nil {
			return err
		}
	}
	_, err = decoder.Token()
	return err
}

// decodeStrict takes one JSON value without unknown members, without one twice, and with nothing behind it.
func decodeStrict(data []byte, value interface{}) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(value); err != nil {
		return err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return errForm
	}
	return checkMembers(json.NewDecoder(bytes.NewReader(data))) // it is JSON, and no deeper than the decoder goes
}

func readTables(paths []string) (*Tables, error) {
	tables := new(Tables)
	for i, value := range []interface{}{&tables.Rates, &tables.List, &tables.Policy} {
		data, err := os.ReadFile(paths[i])
		if err != nil || decodeStrict(data, value) != nil {
			return nil, errTables
		}
	}
	return tables, tables.prepare()
}

func run(paths []string, in io.Reader, out io.Writer) error {
	tables, err := readTables(paths)
	if err != nil {
		return err
	}
	data, err := io.ReadAll(io.LimitReader(in, inputMax+1))
	if err != nil {
		return errForm
	}
	if len(data) > inputMax {
		return errLarge
	}
	payment := new(Payment)
	if decodeStrict(data, payment) != nil {
		return errForm
	}
	decision, err := tables.Check(payment)
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	return encoder.Encode(decision)
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: sanctions RATES.json LIST.json POLICY.json")
		os.Exit(2)
	}
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "sanctions: %v\n", err)
		os.Exit(1)
	}
}
