// An input in Go: it reads the lines of a file, and resumes behind the last one that the output has.
package main

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

//go:embed provider.json
var description []byte

type envelope struct {
	Command  string          `json:"command"`
	Config   json.RawMessage `json:"config"`
	Protocol *int            `json:"protocol"`
	State    *position       `json:"state"`
}

// position is where a run resumes: the byte behind the last line that was read.
type position struct {
	Offset int64 `json:"offset"`
}

type object map[string]any

var (
	stdin  = bufio.NewReader(os.Stdin)
	stdout = bufio.NewWriter(os.Stdout)
)

func main() {
	line, _ := stdin.ReadBytes('\n')
	var asked envelope
	if json.Unmarshal(line, &asked) != nil {
		refuse("the first line is not a command", "") // without repeating it: it may hold secrets
	}
	switch asked.Command {
	case "describe":
		say(object{"status": "ready", "protocol": 1})
		say(json.RawMessage(description))
		stdout.Flush()
	case "run", "":
		run(asked, opened(asked))
	default:
		refuse(fmt.Sprintf("the command `%s` is not known", asked.Command), "")
	}
}

// opened gives the file, at the place where to resume. Every mistake is named by its key, and never by its value.
func opened(asked envelope) *os.File {
	var config struct {
		Path string `json:"path"`
	}
	decoder := json.NewDecoder(bytes.NewReader(asked.Config))
	decoder.DisallowUnknownFields()
	var wrong *json.UnmarshalTypeError
	if err := decoder.Decode(&config); errors.As(err, &wrong) {
		refuse(fmt.Sprintf("`%s` is not a %s", wrong.Field, wrong.Type), "")
	} else if err != nil && len(asked.Config) > 0 {
		refuse("the config is wrong: "+err.Error(), "this provider knows `path`")
	}
	if config.Path == "" {
		refuse("`path` is missing", "name the file to read")
	}
	file, err := os.Open(config.Path)
	if err != nil {
		refuse("`path` cannot be read: "+err.Error(), "mount its folder")
	}
	if asked.State != nil {
		about, err := file.Stat()
		if err != nil || about.Size() < asked.State.Offset {
			refuse("the file at `path` is shorter than what was read of it", "reset the state to read it anew")
		}
		if _, err := file.Seek(asked.State.Offset, io.SeekStart); err != nil {
			refuse("`path` cannot be read: "+err.Error(), "")
		}
	}
	return file
}

func run(asked envelope, file *os.File) {
	terminated := make(chan os.Signal, 1)
	var gone chan struct{} // an older orchestrator knows records alone, and closes stdin at once
	if asked.Protocol == nil {
		say(object{"status": "ready"})
	} else {
		signal.Notify(terminated, syscall.SIGTERM)
		gone = make(chan struct{})
		say(object{"status": "ready", "protocol": 1, "capabilities": []string{"checkpoint"}})
		go func() { // acknowledgements; once stdin closes nobody is left to read for
			io.Copy(io.Discard, stdin)
			close(gone)
		}()
	}
	stdout.Flush()

	var at position
	if asked.State != nil {
		at = *asked.State
	}
	records, marked := 0, 0
	checkpoint := func() {
		if asked.Protocol != nil && records > marked {
			say(object{"checkpoint": object{"id": at.Offset, "records": records, "state": at}})
			marked = records
		}
		stdout.Flush()
	}
	for lines := bufio.NewReader(file); ; {
		select {
		case <-gone:
			os.Exit(1)
		case <-terminated:
			lines.Reset(bytes.NewReader(nil))
		default:
		}
		line, err := lines.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if err != nil { // what has no newline yet is still being written
			break
		}
		say(struct {
			Data     object `json:"data"`
			Metadata object `json:"metadata"`
		}{object{"line": string(bytes.TrimRight(line, "\r\n"))}, object{"offset": at.Offset}})
		at.Offset += int64(len(line))
		records++
		if records%100 == 0 {
			checkpoint()
		}
	}
	checkpoint()
	if asked.Protocol != nil {
		say(object{"end": object{"records": records}})
		stdout.Flush()
		<-gone // to leave earlier could lose what is still on its way
	}
}

func refuse(message, hint string) {
	say(object{"status": "error", "message": message, "hint": hint})
	stdout.Flush()
	os.Exit(1)
}

func say(message any) {
	line, err := json.Marshal(message)
	if err != nil {
		panic(err) // only what is of this file's own making comes here
	}
	stdout.Write(append(line, '\n'))
}
